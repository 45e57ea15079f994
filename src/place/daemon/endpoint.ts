/**
 * How a Docker daemon is reached: the addresses that Docker's command line knows, and certificates.
 * @module
 */
import { join } from "node:path";
import { KodenoError } from "../../errors.ts";
import { ioFailure, isNotFound } from "../../io/fail.ts";
import { readSmallText } from "../../io/files.ts";

const MAX_CERT_BYTES = 1024 * 1024;

/** Certificates for a daemon behind TLS, in PEM. */
export interface DaemonTls {
  /** Signs the daemon's certificate, where the system does not know who does. */
  readonly ca?: string | undefined;
  /** Says who is asking. */
  readonly cert?: string | undefined;
  /** Of `cert`. */
  readonly key?: string | undefined;
}

/** How a daemon is reached. */
export type DaemonEndpoint =
  | { readonly kind: "unix"; readonly path: string }
  | {
    readonly kind: "tcp";
    readonly host: string;
    readonly port: number;
    readonly tls?: DaemonTls | undefined;
  };

/** Variables of the environment, as the caller has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A daemon as its user names it, for messages. */
export function formatEndpoint(endpoint: DaemonEndpoint): string {
  if (endpoint.kind === "unix") return `unix://${endpoint.path}`;
  return `${endpoint.tls ? "https" : "tcp"}://${endpoint.host}:${endpoint.port}`;
}

/**
 * Reads the address of a daemon: `unix://PATH`, `tcp://HOST[:PORT]`, `http://` or `https://`.
 *
 * @param where names the setting in an error
 * @throws {KodenoError} `BAD_OPTION`
 */
export function parseEndpoint(text: string, where: string, tls?: DaemonTls): DaemonEndpoint {
  const bad = (why: string): KodenoError =>
    new KodenoError(
      "BAD_OPTION",
      `Cannot use the Docker daemon at ${JSON.stringify(text)} (${where}): ${why}`,
    );
  const [, scheme = "", rest = ""] = /^([a-z]+):\/\/(.*)$/.exec(text) ?? [];
  if (scheme === "unix") {
    if (rest.startsWith("/")) return { kind: "unix", path: rest };
    throw bad("the path of the socket has to start with a slash");
  }
  if (scheme === "ssh") throw bad("kodeno speaks no ssh; forward the daemon's socket with ssh -L");
  if (scheme !== "tcp" && scheme !== "http" && scheme !== "https") {
    throw bad("say unix:///PATH or tcp://HOST:PORT");
  }
  const secure = tls ?? (scheme === "https" ? {} : undefined);
  let url: URL;
  try {
    url = new URL(`http://${rest}`);
  } catch {
    throw bad("it has no host and port");
  }
  if (url.username || url.password || url.search || (url.pathname !== "/" && rest.includes("/"))) {
    throw bad("only a host and a port are of use");
  }
  // The URL leaves out port 80, which is the usual one of its own scheme only.
  const port = Number(/:(\d+)\/?$/.exec(rest)?.[1] ?? (secure ? 2376 : 2375));
  return { kind: "tcp", host: url.hostname, port, tls: secure };
}

/**
 * `ca.pem`, `cert.pem` and `key.pem` of a folder, those that are there.
 *
 * @throws {KodenoError} `IO_FAILED` for one that cannot be read
 */
export function readCertificates(folder: string): DaemonTls {
  const read = (name: string): string | undefined => {
    const path = join(folder, name);
    try {
      return readSmallText(path, MAX_CERT_BYTES);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw ioFailure(`read ${path}`, error);
    }
  };
  return { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem") };
}
