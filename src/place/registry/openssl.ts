/**
 * TLS that the program openssl speaks, for runtimes whose own takes the certificate of a CA from no
 * server, or from any, and then does not look whether the server has its key (Deno 2.6).
 * @module
 */
import { isIP } from "node:net";
import { join } from "node:path";
import { runProgram, StartError } from "../../exec/run.ts";
import type { ClientCert } from "./certs.ts";
import { urlHost } from "./endpoint.ts";
import { ConnectionError } from "./failure.ts";
import type { ProxyAddress } from "./proxy.ts";

/** Whom it speaks with. */
interface OpensslTarget {
  readonly hostname: string;
  readonly port: number;
  readonly clientCert?: ClientCert | undefined;
  readonly proxy?: ProxyAddress | undefined;
  /** The certificate, in PEM, that has to be shown. */
  readonly own: string;
  readonly signal: AbortSignal;
  /** Whoever calls removes it, and what is left in it. */
  readonly folder: string;
}

/** Its password for a proxy, which others cannot read there. */
const PROXY_PASSWORD = "KODENO_PROXY_PASSWORD";

/** Has it speak TLS with a host for somebody, until one of both closes. */
export async function speakByOpenssl(
  near: Deno.Conn,
  { hostname, port, clientCert, proxy, own, signal, folder }: OpensslTarget,
): Promise<void> {
  if (proxy?.url.protocol === "socks5:") throw unchecked("and goes through no SOCKS proxy");
  const work = Deno.makeTempDirSync({ dir: folder });
  const file = (name: string, text: string): string => {
    Deno.writeTextFileSync(join(work, name), text);
    return join(work, name);
  };
  const { username = "", password = "" } = proxy?.login ?? {};
  const command = [
    ...["openssl", "s_client", "-quiet", "-connect", `${urlHost(hostname)}:${port}`],
    ...["-verify_return_error", "-partial_chain", "-CAfile", file("ca", own)],
    ...isIP(hostname) === 0
      ? ["-servername", hostname, "-verify_hostname", hostname]
      : ["-noservername", "-verify_ip", hostname],
    ...clientCert
      ? ["-cert", file("cert", clientCert.cert), "-key", file("key", clientCert.key)]
      : [],
    ...proxy ? ["-proxy", `${proxy.url.hostname}:${proxy.url.port || 80}`] : [],
    ...proxy?.login ? ["-proxy_user", username, "-proxy_pass", `env:${PROXY_PASSWORD}`] : [],
  ];
  const left = new AbortController();
  const either = AbortSignal.any([left.signal, signal]);
  const stdin = near.readable.pipeThrough(new TransformStream({ flush: () => left.abort() }));
  try {
    const variables = { [PROXY_PASSWORD]: password };
    const how = { stdin, stdout: near.writable, signal: either };
    const { code, stderr } = await runProgram({ command, variables, ...how });
    if (code !== 0) throw new Error(reasonOf(stderr));
  } catch (error) {
    if (either.aborted) return;
    throw error instanceof StartError ? unchecked(`but ${error.message}`, error) : error;
  }
}

function unchecked(why: string, cause?: unknown): ConnectionError {
  const all = `openssl has to check its certificate here, ${why}`;
  return new ConnectionError("certificate", all, cause, { kind: "other", why: all });
}

/** What it says of a certificate that does not do, or else of what went wrong last. */
function reasonOf(stderr: string): string {
  const [, fault = /bad signature/.exec(stderr)?.[0]] = /verify error:num=\d+:(.*)/.exec(stderr) ??
    [];
  if (fault !== undefined) return `certificate: ${fault}`;
  const reasons = Array.from(stderr.matchAll(/:error:\w+:[^:]*:[^:]*:([^:]*)/g), ([, one]) => one);
  return `openssl says ${reasons.at(-1) ?? "nothing"}`;
}
