/**
 * CA certificates that people gave Docker or podman for one registry: `certs.d/HOST[:PORT]/*.crt`.
 * @module
 */
import { join } from "node:path";
import { messageOf } from "../../errors.ts";
import type { Environment } from "./proxy.ts";

const MAX_CERT_BYTES = 1024 * 1024;

/** The folders that are looked through: the system's and those of the user. */
export function certsFolders(env: Environment): readonly string[] {
  const home = env.HOME;
  const own = home
    ? [join(home, ".docker", "certs.d"), join(home, ".config/containers/certs.d")]
    : [];
  return [...own, "/etc/docker/certs.d", "/etc/containers/certs.d"];
}

/**
 * The PEM certificates for a registry; what cannot be read is a warning.
 *
 * @param host host and port, as the registry is named
 */
export async function certsFor(
  host: string,
  folders: readonly string[],
  onWarning: (message: string) => void,
): Promise<readonly string[]> {
  // It becomes a path.
  if (!/^[a-z0-9.:[\]-]+$/i.test(host) || host.includes("..")) return [];
  const found: string[] = [];
  for (const folder of folders) {
    const directory = join(folder, host);
    try {
      for await (const { name } of Deno.readDir(directory)) {
        if (!name.endsWith(".crt")) continue;
        const path = join(directory, name);
        if ((await Deno.stat(path)).size <= MAX_CERT_BYTES) {
          found.push(await Deno.readTextFile(path));
        }
      }
    } catch (error) {
      const absent = error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.NotADirectory;
      if (!absent) onWarning(`Cannot read certificates in ${directory}: ${messageOf(error)}`);
    }
  }
  return found;
}
