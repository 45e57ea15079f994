/**
 * Makes connections: TCP or TLS, straight or through a proxy's CONNECT. The runtime's own TLS knows
 * the system's CAs; where a certificate is not to be checked, or one is to be shown through a
 * tunnel, node's has to do.
 * @module
 */
import { messageOf } from "../../errors.ts";
import type { ClientCert } from "./client_cert.ts";
import { connectSecure, connectThrough } from "./node_tls.ts";
import { type ByteConn, certificateAlert, ConnectionError } from "./wire.ts";
import { type ConnectionTrouble, Wire } from "./wire.ts";

/** How to reach a host. */
export interface Dialing {
  /** Scheme, host and port. */
  readonly url: URL;
  /** PEM certificates to trust beside those of the runtime. */
  readonly caCerts: readonly string[];
  /** What is shown to a host that asks who is there. */
  readonly clientCert?: ClientCert | undefined;
  /** Leaves the certificate unchecked. */
  readonly insecure: boolean;
  readonly proxy?: URL | undefined;
  /** How long making the connection may take. */
  readonly connectMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Connects.
 *
 * @throws {ConnectionError}, or the signal's reason
 */
export async function dial(dialing: Dialing): Promise<ByteConn> {
  const { connectMs, signal } = dialing;
  const late = AbortSignal.timeout(connectMs);
  const stop = signal ? AbortSignal.any([signal, late]) : late;
  const connecting = connect(dialing);
  let onAbort: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    onAbort = () => reject(stop.reason);
    stop.addEventListener("abort", onAbort, { once: true });
    if (stop.aborted) onAbort();
  });
  try {
    return await Promise.race([connecting, stopped]);
  } catch (error) {
    // One that comes about too late is not wanted any more.
    connecting.then((conn) => conn.close(), () => {});
    signal?.throwIfAborted();
    if (late.aborted) throw new ConnectionError("timeout", "it took too long to connect", error);
    throw connectionError(error);
  } finally {
    if (onAbort) stop.removeEventListener("abort", onAbort);
  }
}

async function connect(dialing: Dialing): Promise<ByteConn> {
  const { url, proxy, insecure, clientCert } = dialing;
  if (url.protocol === "https:" && (insecure || (proxy && clientCert))) {
    return await connectByNode(dialing);
  }
  const caCerts = [...dialing.caCerts];
  if (url.protocol === "https:" && clientCert) {
    const tls = await Deno.connectTls({ ...addressOf(url), caCerts, ...clientCert });
    return await shakingHands(tls);
  }
  const tcp = await Deno.connect(addressOf(proxy ?? url));
  tcp.setNoDelay(true);
  if (url.protocol === "http:") return tcp;
  return await closingOnError(tcp, async () => {
    if (proxy) await openTunnel(tcp, url, proxy, dialing.connectMs);
    const { hostname } = addressOf(url);
    return await shakingHands(await Deno.startTls(tcp, { hostname, caCerts }));
  });
}

async function connectByNode(dialing: Dialing): Promise<ByteConn> {
  const { url, proxy, insecure, clientCert, caCerts } = dialing;
  const trust = { trust: insecure ? undefined : caCerts, clientCert };
  const { hostname, port } = addressOf(url);
  if (!proxy) return await connectSecure(hostname, port, trust);
  const check = (status: string) => checkTunnel(status, proxy);
  const tunnel = { ...addressOf(proxy), request: tunnelRequest(url, proxy), check };
  return await connectThrough(tunnel, hostname, trust);
}

async function shakingHands(tls: Deno.TlsConn): Promise<ByteConn> {
  return await closingOnError(tls, async () => {
    await tls.handshake();
    return tls;
  });
}

async function closingOnError<T>(conn: ByteConn, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    try {
      conn.close();
    } catch {
      // What failed may have closed it.
    }
    throw error;
  }
}

function addressOf(url: URL): { readonly hostname: string; readonly port: number } {
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  return { hostname: url.hostname.replace(/^\[|\]$/g, ""), port };
}

/** Asks a proxy for a tunnel. */
async function openTunnel(conn: ByteConn, url: URL, proxy: URL, ms: number): Promise<void> {
  // The wire is left behind: the tunnel says nothing before it is spoken to, so it holds no bytes.
  const wire = new Wire(conn, ms);
  await wire.write(new TextEncoder().encode(tunnelRequest(url, proxy)));
  const status = await wire.readLine(4096) ?? "";
  for (let line: string | undefined = status; line;) line = await wire.readLine(4096);
  checkTunnel(status, proxy);
}

/** How a proxy is asked for a tunnel (RFC 9110, 9.3.6). */
function tunnelRequest(url: URL, proxy: URL): string {
  const authority = `${url.hostname}:${url.port || 443}`;
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  const authorization = proxyAuthorization(proxy);
  if (authorization) lines.push(`Proxy-Authorization: ${authorization}`);
  return lines.join("\r\n") + "\r\n\r\n";
}

/** @throws {ConnectionError} unless the proxy has opened a tunnel */
function checkTunnel(status: string, proxy: URL): void {
  if (/^HTTP\/1\.[01] 2\d\d/.test(status)) return;
  const code = /^HTTP\/1\.[01] (\d{3})/.exec(status)?.[1] ?? "no status";
  throw new ConnectionError("protocol", `proxy ${proxy.host} refused the tunnel (${code})`);
}

/** The value of `Proxy-Authorization` for a proxy whose URL has a user. */
export function proxyAuthorization(proxy: URL): string | undefined {
  if (proxy.username === "" && proxy.password === "") return undefined;
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(pair)))}`;
}

const TROUBLES: readonly (readonly [RegExp, ConnectionTrouble, string])[] = [
  [
    /certificate|UnknownIssuer|NotValidForName|self.signed|UNABLE_TO_VERIFY|CERT_/i,
    "certificate",
    "its certificate cannot be trusted",
  ],
  [/ECONNREFUSED|os error 111|refused/i, "refused", "the connection was refused"],
  [/ENOTFOUND|EAI_AGAIN|lookup address|getaddrinfo|resolve/i, "name", "there is no such host"],
  [
    /corrupt message|InvalidContentType|WRONG_VERSION|wrong version|handshake|alert/i,
    "tls",
    "it does not speak TLS",
  ],
  [/ETIMEDOUT|timed out|os error 110/i, "timeout", "it took too long to connect"],
];

/** What the runtime says about a connection, in kodeno's terms. */
export function connectionError(error: unknown): unknown {
  if (error instanceof ConnectionError) return error;
  if (error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.PermissionDenied) {
    return new ConnectionError("denied", "the network may not be used (offline)", error);
  }
  if (!(error instanceof Error)) return error;
  const alert = certificateAlert(error);
  if (alert !== undefined) return alert;
  const text = `${(error as { code?: string }).code ?? ""} ${messageOf(error)}`;
  const [, trouble, message] = TROUBLES.find(([pattern]) => pattern.test(text)) ?? [];
  return new ConnectionError(
    trouble ?? "closed",
    message ?? `the connection broke (${messageOf(error)})`,
    error,
  );
}
