/**
 * Where the Docker daemon is, by the rules of Docker's command line: DOCKER_HOST, then the context
 * in use, then the usual sockets, Docker's before podman's.
 * @module
 */
import { join } from "node:path";
import { KodenoError } from "../../errors.ts";
import { readContext } from "./context.ts";
import {
  type DaemonEndpoint,
  type Environment,
  parseEndpoint,
  readCertificates,
} from "./endpoint.ts";

/**
 * Finds the daemon that Docker's command line would use. Reads Docker's own files and looks for
 * sockets; dials nothing.
 *
 * @param env DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH,
 * CONTAINER_HOST, HOME and XDG_RUNTIME_DIR are looked at
 * @throws {KodenoError} `BAD_OPTION` for an address kodeno cannot dial or a context that is not
 * there; `IO_FAILED` when there is no daemon's socket anywhere
 */
export async function findDaemon(env: Environment): Promise<DaemonEndpoint> {
  if (env["DOCKER_HOST"]) return named(env["DOCKER_HOST"], "DOCKER_HOST", env);
  const context = readContext(env);
  if (context !== undefined) return parseEndpoint(context.host, context.where, context.tls);
  if (env["CONTAINER_HOST"]) return named(env["CONTAINER_HOST"], "CONTAINER_HOST", env);
  const own = env["XDG_RUNTIME_DIR"];
  const sockets = [
    "/var/run/docker.sock",
    ...(own ? [join(own, "docker.sock"), join(own, "podman", "podman.sock")] : []),
    "/run/podman/podman.sock",
  ];
  for (const path of sockets) {
    if (await exists(path)) return { kind: "unix", path };
  }
  throw new KodenoError(
    "IO_FAILED",
    `Cannot find a Docker daemon: there is none of ${sockets.join(", ")}; ` +
      "start one, or say where it is with DOCKER_HOST",
  );
}

/** An address of the environment; Docker's variables for TLS go with it. */
function named(text: string, where: string, env: Environment): DaemonEndpoint {
  // As Docker has it, certificates alone turn nothing on.
  if (text.startsWith("unix:") || !env["DOCKER_TLS_VERIFY"]) return parseEndpoint(text, where);
  const own = env["DOCKER_CONFIG"] || join(env["HOME"] ?? "", ".docker");
  return parseEndpoint(text, where, readCertificates(env["DOCKER_CERT_PATH"] || own));
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
