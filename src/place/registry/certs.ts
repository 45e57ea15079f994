/**
 * Certificates that people gave Docker or podman for one registry, in `certs.d/HOST[:PORT]`: CAs to
 * trust (`*.crt`), and the one to show (`NAME.cert` with its key `NAME.key`).
 * @module
 */
import { join } from "node:path";
import { KodenoError, messageOf } from "../../errors.ts";
import { readSmallText } from "../../io/files.ts";
import { checkClientCert, type ClientCert } from "./client_cert.ts";
import type { Environment } from "./proxy.ts";

const MAX_CERT_BYTES = 1024 * 1024;

/** What is known for one registry. */
export interface Certs {
  /** PEM certificates to trust beside those of the runtime. */
  readonly ca: readonly string[];
  /** Who kodeno is to that registry. */
  readonly client: ClientCert | undefined;
}

/** The folders that are looked through: the system's and those of the user. */
export function certsFolders(env: Environment): readonly string[] {
  const home = env.HOME;
  const own = home
    ? [join(home, ".docker", "certs.d"), join(home, ".config/containers/certs.d")]
    : [];
  return [...own, "/etc/docker/certs.d", "/etc/containers/certs.d"];
}

/**
 * The certificates for a registry. What cannot be read is a warning; of several client certificates
 * the first is taken.
 *
 * @param host host and port, as the registry is named
 * @throws {KodenoError} `BAD_CONFIG` for a client certificate without its key, a key without its
 * certificate, and a pair that cannot be used
 */
export async function certsFor(
  host: string,
  folders: readonly string[],
  onWarning: (message: string) => void,
): Promise<Certs> {
  const ca: string[] = [];
  let client: ClientCert | undefined;
  // It becomes a path.
  if (!/^[a-z0-9.:[\]-]+$/i.test(host) || host.includes("..")) return { ca, client };
  for (const folder of folders) {
    const directory = join(folder, host);
    try {
      const names = await namesIn(directory);
      const read = (name: string): string => readOne(join(directory, name));
      checkPairs(directory, names);
      for (const name of names.filter((one) => one.endsWith(".crt"))) ca.push(read(name));
      const [own, ...others] = names.filter((one) => one.endsWith(".cert"));
      if (own === undefined) continue;
      if (client !== undefined || others.length > 0) {
        const kept = client === undefined ? own : "the one of another folder";
        onWarning(`${directory} has several client certificates for ${host}: ${kept} is used`);
      }
      const pair = { cert: read(own), key: read(keyOf(own)) };
      client ??= checkClientCert(join(directory, own), pair);
    } catch (error) {
      if (error instanceof KodenoError) throw error;
      const absent = error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.NotADirectory;
      if (!absent) onWarning(`Cannot read certificates in ${directory}: ${messageOf(error)}`);
    }
  }
  return { ca, client };
}

async function namesIn(directory: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(directory)) names.push(name);
  return names.sort();
}

function readOne(path: string): string {
  try {
    return readSmallText(path, MAX_CERT_BYTES);
  } catch (error) {
    // One that was listed and leads nowhere is told, too.
    throw new Error(`${path}: ${messageOf(error)}`, { cause: error });
  }
}

function keyOf(cert: string): string {
  return cert.replace(/cert$/, "key");
}

/** Certificate and key stand side by side, or somebody has made a mistake. */
function checkPairs(directory: string, names: readonly string[]): void {
  const fail = (what: string, why: string): KodenoError =>
    new KodenoError("BAD_CONFIG", `Cannot use ${join(directory, what)}: ${why}`);
  for (const name of names) {
    const other = name.endsWith(".cert")
      ? keyOf(name)
      : name.endsWith(".key")
      ? name.replace(/key$/, "cert")
      : undefined;
    if (other === undefined || names.includes(other)) continue;
    throw name.endsWith(".cert")
      ? fail(name, `its key ${other} is missing; a CA's certificate is to end in .crt`)
      : fail(name, `its client certificate ${other} is missing`);
  }
}
