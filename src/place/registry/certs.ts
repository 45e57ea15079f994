/**
 * Certificates that people gave Docker or podman for one registry, in `certs.d/HOST[:PORT]`: CAs to
 * trust (`*.crt`), and the one to show (`NAME.cert` with its key `NAME.key`), which is checked before
 * the runtime gets it: some versions of that end the whole process over one that they cannot use.
 * @module
 */
import { Buffer } from "node:buffer";
import { createPublicKey, X509Certificate } from "node:crypto";
import { join } from "node:path";
import { KodenoError, messageOf } from "../../errors.ts";
import { isAbsent, readSmallText } from "../../io/files.ts";
import { pemCertificates } from "../http_client.ts";
import type { Environment } from "./proxy.ts";

const MAX_CERT_BYTES = 1024 * 1024;

/** PEM certificates to trust beside those of the runtime, and who kodeno is to that registry. */
type Certs = { readonly ca: readonly string[]; readonly client: ClientCert | undefined };

/** The folders that are looked through: the system's and those of the user. */
export function certsFolders(environment: Environment): readonly string[] {
  const home = environment.HOME;
  const own = home
    ? [join(home, ".docker", "certs.d"), join(home, ".config/containers/certs.d")]
    : [];
  return [...own, "/etc/docker/certs.d", "/etc/containers/certs.d"];
}

/**
 * The certificates for a registry, `HOST[:PORT]`. What cannot be read is a warning; of several
 * client certificates the first is taken.
 * @throws {KodenoError} `BAD_CONFIG` for a client certificate without its key, a key without its
 * certificate, and a pair that cannot be used
 */
export function certsFor(
  host: string,
  folders: readonly string[],
  onWarning: (message: string) => void,
): Certs {
  const ca: string[] = [];
  let client: ClientCert | undefined;
  // It becomes a path.
  if (!/^[a-z0-9.:[\]-]+$/i.test(host) || host.includes("..")) return { ca, client };
  for (const folder of folders) {
    const directory = join(folder, host);
    try {
      const names = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
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
      if (isAbsent(error)) continue;
      onWarning(`Cannot read certificates in ${directory}: ${messageOf(error)}`);
    }
  }
  return { ca, client };
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
  for (const name of names) {
    const [, stem, kind] = /^(.*)\.(cert|key)$/s.exec(name) ?? [];
    if (stem === undefined) continue;
    const other = `${stem}.${kind === "cert" ? "key" : "cert"}`;
    if (names.includes(other)) continue;
    const why = kind === "cert"
      ? `its key ${other} is missing; a CA's certificate is to end in .crt`
      : `its client certificate ${other} is missing`;
    throw new KodenoError("BAD_CONFIG", `Cannot use ${join(directory, name)}: ${why}`);
  }
}

export type ClientCert = { readonly cert: string; readonly key: string };

/** Checks that the certificate at a path can be used with its key. @throws {KodenoError} `BAD_CONFIG` */
export function checkClientCert(path: string, { cert, key }: ClientCert): ClientCert {
  const bad = (why: string, cause?: unknown): KodenoError =>
    new KodenoError("BAD_CONFIG", `Cannot use client certificate ${path}: ${why}`, {}, { cause });
  let shown: X509Certificate;
  try {
    shown = new X509Certificate(cert);
  } catch (error) {
    throw bad(`it is no PEM certificate (${messageOf(error)})`, error);
  }
  if (!isVersion3(cert)) throw bad("it is one of X.509 version 1; make one of version 3");
  try {
    // The certificate's own key also tells of kinds of keys that nobody here knows.
    if (spki(createPublicKey(key)).equals(spki(shown.publicKey))) return { cert, key };
  } catch (error) {
    throw bad(`its key ${keyOf(path)} is no PEM key without a password`, error);
  }
  throw bad(`${keyOf(path)} is the key of another one`);
}

function spki(key: ReturnType<typeof createPublicKey>) {
  return key.export({ type: "spki", format: "der" });
}

/**
 * The certificates among those that somebody named of which a server may show one as its own, also a
 * CA's: of version 3, which the runtime checks whole.
 */
export function ownCerts(texts: readonly string[]): readonly string[] {
  return texts.flatMap(pemCertificates).filter(isVersion3);
}

/** Whether a server has shown one of some certificates, of which it got the bytes. */
export function isOneOf(certs: readonly string[], shown: Uint8Array): boolean {
  return certs.some((cert) => Buffer.compare(derOf(cert), shown) === 0);
}

function derOf(pem: string): Buffer {
  return Buffer.from(/-----BEGIN CERTIFICATE-----([^-]*)/.exec(pem)?.[1] ?? "", "base64");
}

/**
 * Whether the first certificate of a PEM file begins with a version (RFC 5280, 4.1): two sequences, then
 * its tag. Some versions of the runtime cannot tell.
 */
function isVersion3(pem: string): boolean {
  const der = derOf(pem);
  const inside = (at: number): number => {
    const length = der[at + 1] ?? 0;
    return at + 2 + (length < 0x80 ? 0 : length & 0x7f);
  };
  return der[inside(inside(0))] === 0xa0;
}
