/**
 * Where the Docker daemon is and how it is reached, by the rules of Docker's command line: DOCKER_HOST,
 * then the context in use (`docker context`: `config.json` and `contexts/meta/SHA256/meta.json` of the
 * user's Docker folder), then the usual sockets, Docker's before podman's.
 * @module
 */
import { dirname, join } from "node:path";
import { KodenoError } from "../../errors.ts";
import { exists, ioFailure, isNotFound, readSmallText } from "../../io/files.ts";
import { digestOf } from "../../io/hash.ts";
import { z } from "../../npm/zod.ts";
import { digestHex } from "../../oci/descriptor.ts";
import { dockerConfigPath } from "../registry/credentials.ts";
import type { Environment } from "../registry/proxy.ts";

const MAX_FILE_BYTES = 4 * 1024 * 1024;

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

/** A daemon as its user names it, for messages. */
export function formatEndpoint(endpoint: DaemonEndpoint): string {
  if (endpoint.kind === "unix") return `unix://${endpoint.path}`;
  return `${endpoint.tls ? "https" : "tcp"}://${endpoint.host}:${endpoint.port}`;
}

/**
 * Reads the address of a daemon: `unix://PATH`, `tcp://HOST[:PORT]`, `http://` or `https://`; `where`
 * names the setting in an error.
 */
export function parseDaemonEndpoint(text: string, where: string, tls?: DaemonTls): DaemonEndpoint {
  const bad = (why: string): KodenoError =>
    unusable(`the Docker daemon at ${JSON.stringify(text)} (${where})`, why);
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
  const url = URL.parse(`http://${rest}`);
  if (url === null) throw bad("it has no host and port");
  if (url.username || url.password || url.search || (url.pathname !== "/" && rest.includes("/"))) {
    throw bad("only a host and a port are of use");
  }
  // The URL leaves out port 80, which is the usual one of its own scheme only.
  const port = Number(/:(\d+)\/?$/.exec(rest)?.[1] ?? (secure ? 2376 : 2375));
  return { kind: "tcp", host: url.hostname, port, tls: secure };
}

/**
 * Finds the daemon that Docker's command line would use. Reads Docker's own files and looks for
 * sockets; dials nothing.
 */
export function findDaemon(environment: Environment): DaemonEndpoint {
  const found = named("DOCKER_HOST", environment) ?? readContext(environment) ??
    named("CONTAINER_HOST", environment);
  if (found !== undefined) return found;
  const own = environment["XDG_RUNTIME_DIR"];
  const sockets = [
    "/var/run/docker.sock",
    ...(own ? [join(own, "docker.sock"), join(own, "podman", "podman.sock")] : []),
    "/run/podman/podman.sock",
  ];
  for (const path of sockets) {
    if (exists(path)) return { kind: "unix", path };
  }
  const why = `there is none of ${sockets.join(", ")}`;
  const next = "start one, or say where it is with DOCKER_HOST";
  throw new KodenoError("IO_FAILED", `Cannot find a Docker daemon: ${why}; ${next}`);
}

function unusable(what: string, why: string): KodenoError {
  return new KodenoError("BAD_OPTION", `Cannot use ${what}: ${why}`);
}

/** The address in a variable; Docker's variables for TLS go with it. */
function named(where: string, environment: Environment): DaemonEndpoint | undefined {
  const text = environment[where];
  if (!text) return undefined;
  // As Docker has it, certificates alone turn nothing on.
  if (text.startsWith("unix:") || !environment["DOCKER_TLS_VERIFY"]) {
    return parseDaemonEndpoint(text, where);
  }
  const config = dockerConfigPath(environment);
  const folder = environment["DOCKER_CERT_PATH"] || (config && dirname(config));
  return parseDaemonEndpoint(text, where, folder ? readCertificates(folder) : {});
}

/** Those that are in a folder. */
function readCertificates(folder: string): DaemonTls {
  const read = (name: string): string | undefined => readIfThere(join(folder, name));
  return { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem") };
}

function readIfThere(path: string): string | undefined {
  try {
    return readSmallText(path, MAX_FILE_BYTES);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw ioFailure(`read Docker's ${path}`, error);
  }
}

const configSchema = z.looseObject({ currentContext: z.string().optional() });
const metaSchema = z.looseObject({
  Endpoints: z.looseObject({
    docker: z.looseObject({
      Host: z.string().optional(),
      SkipTLSVerify: z.boolean().optional(),
    }).optional(),
  }),
});

/**
 * The context in use: DOCKER_CONTEXT, else `currentContext` of `config.json`.
 * The default one, which stands for the usual socket, is undefined.
 */
function readContext(environment: Environment): DaemonEndpoint | undefined {
  const path = dockerConfigPath(environment);
  if (path === undefined) return undefined;
  const folder = dirname(path);
  const config = readJson(path, configSchema);
  const name = environment["DOCKER_CONTEXT"] || config?.currentContext;
  if (name === undefined || name === "" || name === "default") return undefined;

  const id = digestHex(digestOf(name));
  const meta = readJson(join(folder, "contexts", "meta", id, "meta.json"), metaSchema);
  const host = meta?.Endpoints.docker?.Host;
  const where = `Docker context ${JSON.stringify(name)}`;
  if (!host) {
    const why = meta ? "it names no daemon" : "it is not there";
    throw unusable(where, `${why}; run "docker context ls" to see which there are`);
  }
  const certificates = readCertificates(join(folder, "contexts", "tls", id, "docker"));
  if (meta?.Endpoints.docker?.SkipTLSVerify) {
    const why =
      "it says that the daemon's certificate is not to be checked, which kodeno always does";
    throw unusable(where, `${why}; give the context the daemon's CA`);
  }
  const secure = Object.values(certificates).some((pem) => pem !== undefined);
  return parseDaemonEndpoint(host, where, secure ? certificates : undefined);
}

function readJson<T>(path: string, schema: z.ZodType<T>): T | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    const message = `Cannot read Docker's ${path}: it is damaged; mend it, or set DOCKER_HOST`;
    throw new KodenoError("BAD_OPTION", message, {}, { cause: error });
  }
}
