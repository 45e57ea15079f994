/**
 * TLS whose certificate is left unchecked, for registries that were named insecure, or has to be one of
 * a few, which may be those of CAs. The runtime's `fetch` checks each one and takes none of a CA from a
 * server, and its `node:https` does too on some versions; `node:tls` does not. So `fetch` talks to a
 * socket here, and what goes through that goes on over TLS.
 * @module
 */
import { connect, isIP, type Socket } from "node:net";
import { join } from "node:path";
import {
  checkServerIdentity,
  connect as connectTls,
  type ConnectionOptions,
  type PeerCertificate,
  type TLSSocket,
} from "node:tls";
import { messageOf } from "../../errors.ts";
import { SocksClient } from "../../npm/socks.ts";
import { type ClientCert, isOneOf } from "./certs.ts";
import { basicAuthorization } from "./credentials.ts";
import { bareHost, urlHost } from "./endpoint.ts";
import { ConnectionError } from "./failure.ts";
import type { ProxyAddress } from "./proxy.ts";

/** Certificates of which a host has to show one as its own. */
export interface Pinned {
  readonly certs: readonly string[];
  /** What it fails with where it shows another one. */
  readonly refusal: unknown;
}

/** Where a relay leads. */
export interface RelayTarget {
  readonly hostname: string;
  readonly port: number;
  /** What the host has to show; without it anything will do. */
  readonly pinned?: Pinned | undefined;
  /** What is shown to a host that asks who is there. */
  readonly clientCert?: ClientCert | undefined;
  /** Opens a tunnel there. */
  readonly proxy?: ProxyAddress | undefined;
}

const MAX_ANSWER_BYTES = 16 * 1024;
const IS_OLDER = /^2\.[0-8]\./.test(Deno.version.deno);

/**
 * Has a client speak with the server until one of them closes, with a folder for files; throws why the
 * server cannot.
 */
type Speak = (near: Deno.Conn, signal: AbortSignal, folder: string) => Promise<void>;

/**
 * A socket that leads to a TLS server. It is none of node:net's, which lose bytes of large bodies on
 * older versions of the runtime.
 */
export class Relay {
  /** Why the last connection failed. */
  failure: unknown;
  /** What the client of `fetch` is to connect to. */
  readonly proxy: Deno.Proxy;
  readonly #listener: Deno.Listener;
  /** A folder of the user's own: nobody else may use a client certificate through it. */
  readonly #folder = Deno.makeTempDirSync({ prefix: "kodeno-" });
  readonly #ending = new AbortController();

  private constructor(private readonly speak: Speak) {
    if (Deno.build.os === "windows") {
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      this.#listener = listener;
      this.proxy = { transport: "tcp", hostname: "127.0.0.1", port: listener.addr.port };
      return;
    }
    const path = join(this.#folder, "s");
    this.proxy = { transport: "unix", path };
    try {
      this.#listener = Deno.listen({ transport: "unix", path });
    } catch (error) {
      Deno.removeSync(this.#folder);
      throw error;
    }
  }

  /** Opens one to a target, which is connected to when somebody connects. */
  static async open(target: RelayTarget): Promise<Relay> {
    const { pinned } = target;
    let speak: Speak = (near, signal) => speakTls(near, target, signal);
    if (IS_OLDER && pinned !== undefined) {
      const { speakByOpenssl } = await import("./openssl.ts");
      speak = async (near, signal, folder) => {
        const own = await shownBy(target, pinned);
        await speakByOpenssl(near, { ...target, own, signal, folder });
      };
    }
    const relay = new Relay(speak);
    void relay.#accept();
    return relay;
  }

  /** At once, since the process may end then. */
  close(): void {
    this.#ending.abort();
    this.#listener.close();
    try {
      Deno.removeSync(this.#folder, { recursive: true });
    } catch {
      // Another one has removed it, and other relays are still to be closed.
    }
  }

  async #accept(): Promise<void> {
    for await (const near of this.#listener) void this.#serve(near);
  }

  async #serve(near: Deno.Conn): Promise<void> {
    try {
      await this.speak(near, this.#ending.signal, this.#folder);
    } catch (error) {
      this.failure = error;
    }
    try {
      near.close();
    } catch {
      // Its streams have closed it.
    }
  }
}

/** Speaks TLS with a target for somebody. */
async function speakTls(near: Deno.Conn, target: RelayTarget, signal: AbortSignal): Promise<void> {
  let fault: unknown;
  const far = await connectTo(target, (error) => fault ??= error);
  const end = () => void far.destroy();
  if (signal.aborted) return end();
  signal.addEventListener("abort", end);
  const up = async (): Promise<void> => {
    const reader = near.readable.getReader();
    for (;;) {
      const { value } = await reader.read().catch(() => NOTHING);
      if (value === undefined) return;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      far.write(value, (error?: Error | null) => error ? reject(error) : resolve());
      await promise;
    }
  };
  const down = async (): Promise<void> => {
    const writer = near.writable.getWriter();
    // Whoever has left has no use for the rest.
    for await (const chunk of far) {
      if (!await writer.write(chunk).then(() => true, () => false)) return;
    }
  };
  try {
    await Promise.race([up(), down()]);
  } catch (error) {
    // Whoever reads or writes then is only told that it has been closed.
    fault ??= far.errored ?? error;
  } finally {
    signal.removeEventListener("abort", end);
    end();
  }
  if (fault !== undefined) throw fault;
}

const NOTHING = { value: undefined };

/** Connects, with TLS; `onError` gets what goes wrong with it, also later. */
async function connectTo(
  target: RelayTarget,
  onError: (error: Error) => void = () => {},
): Promise<TLSSocket> {
  const { hostname, port, pinned, clientCert, proxy } = target;
  const socket = proxy
    ? connect(Number(proxy.url.port || 80), bareHost(proxy.url.hostname))
    : connect(port, hostname);
  socket.setNoDelay(true);
  try {
    return await new Promise<TLSSocket>((resolve, reject) => {
      // One that nobody hears would end the process, so they stay.
      socket.on("error", reject);
      socket.on("close", () => reject(new Error("closed before the TLS handshake")));
      const start = () => {
        const tls = connectTls({
          socket,
          ...(pinned === undefined ? { rejectUnauthorized: false } : checkedBy(pinned.certs)),
          host: hostname,
          // RFC 6066: an address is no server name.
          ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
          ...clientCert,
        });
        tls.once("secureConnect", () => {
          if (pinned === undefined || hasShown(tls, pinned.certs)) return resolve(tls);
          tls.destroy();
          reject(pinned.refusal);
        });
        tls.on("error", onError);
        tls.on("error", reject);
        tls.once("close", () => reject(new Error("closed in the TLS handshake")));
      };
      // A read that goes on keeps older versions waiting for ever; newer ones need it to end.
      const begin = () => void (IS_OLDER ? start() : setTimeout(start, 0));
      const tunnel = proxy &&
        (() =>
          proxy.url.protocol === "socks5:"
            ? openSocksTunnel(socket, target, proxy).then(begin, reject)
            : openTunnel(socket, target, proxy, begin, reject));
      socket.once("connect", tunnel ?? start);
    });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** As `node:tls` says it. */
const NO_HOST = "certificate: NO_SUBJECT_ALT_NAME";

/** Has `node:tls` trust some certificates, and take them for the hosts that they name. */
function checkedBy(certs: readonly string[]): ConnectionOptions {
  return {
    ca: [...certs],
    rejectUnauthorized: true,
    // Some versions call it without anything, to see whether it does anything.
    checkServerIdentity: (host: string, cert?: PeerCertificate) =>
      cert?.subjectaltname ? checkServerIdentity(host, cert) : new Error(NO_HOST),
  };
}

/** Whether the other side has shown one of some certificates, and no other that one of them made. */
function hasShown(tls: TLSSocket, certs: readonly string[]): boolean {
  const { raw } = tls.getPeerCertificate();
  return tls.authorized && raw !== undefined && isOneOf(certs, raw);
}

/** Which of some certificates a host shows; anybody who has seen that one can do so, too. */
async function shownBy(target: RelayTarget, { certs, refusal }: Pinned): Promise<string> {
  const tls = await connectTo({ ...target, pinned: undefined });
  try {
    const { raw, subjectaltname } = tls.getPeerCertificate();
    const own = certs.find((one) => isOneOf([one], raw));
    if (own === undefined) throw refusal;
    if (!subjectaltname) throw new Error(NO_HOST);
    return own;
  } finally {
    tls.destroy();
  }
}

/** Asks a SOCKS5 proxy, which looks names up itself, for a tunnel. */
async function openSocksTunnel(
  socket: Socket,
  { hostname, port }: RelayTarget,
  { url, login }: ProxyAddress,
): Promise<void> {
  const proxy = {
    host: bareHost(url.hostname),
    port: Number(url.port),
    type: 5 as const,
    ...(login ? { userId: login.username, password: login.password } : {}),
  };
  try {
    await SocksClient.createConnection({
      proxy,
      command: "connect",
      destination: { host: hostname, port },
      existing_socket: socket,
    });
  } catch (error) {
    throw new ConnectionError("protocol", `the proxy refused the tunnel (${messageOf(error)})`);
  }
}

/** Asks an HTTP proxy for a tunnel, and calls `start` when there is one. */
function openTunnel(
  socket: Socket,
  { hostname, port }: RelayTarget,
  { login }: ProxyAddress,
  start: () => void,
  fail: (error: unknown) => void,
): void {
  const authority = `${urlHost(hostname)}:${port}`;
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  if (login) {
    lines.push(`Proxy-Authorization: ${basicAuthorization(login.username, login.password)}`);
  }
  let answer = "";
  const onData = (bytes: Uint8Array): void => {
    answer += new TextDecoder("latin1").decode(bytes);
    if (!answer.includes("\r\n\r\n") && answer.length <= MAX_ANSWER_BYTES) return;
    socket.off("data", onData);
    const [, status = "no status"] = /^HTTP\/1\.[01] (\d{3})/.exec(answer) ?? [];
    if (!status.startsWith("2")) {
      fail(new ConnectionError("protocol", `the proxy refused the tunnel (${status})`));
    } else start();
  };
  socket.on("data", onData);
  socket.write(lines.join("\r\n") + "\r\n\r\n");
}
