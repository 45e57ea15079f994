/**
 * Certificates of the CAs that the system trusts, where OpenSSL and Go look for them. The runtime has
 * Mozilla's in it, and asks for those of the system only where a variable of its own says so.
 * @module
 */
import { delimiter, join } from "node:path";
import { messageOf } from "../errors.ts";
import { isAbsent, readSmallText } from "../io/files.ts";
import type { Environment } from "./registry/proxy.ts";

/** Files of distributions, as Go has them: Debian, Fedora, SUSE, CentOS, Alpine and the BSDs. */
const BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
  "/usr/local/etc/ssl/cert.pem",
];
/** Folders of distributions, for where there is no such file. */
const FOLDERS = ["/etc/ssl/certs", "/etc/pki/tls/certs"];
/** Those that systems trust take a twentieth of it. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Texts of PEM with the certificates: those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name, and,
 * unless both are set, those of the distribution; on macOS and Windows those of the system's own store.
 * What is named and cannot be read is a warning.
 */
export async function systemCerts(
  { SSL_CERT_FILE: file, SSL_CERT_DIR: folders }: Environment,
  onWarning: (message: string) => void,
): Promise<readonly string[]> {
  const texts: string[] = [];
  const named = (variable: string, path: string, read: () => readonly string[]): void => {
    try {
      texts.push(...read());
    } catch (error) {
      const why = isAbsent(error) ? "there is no such file or folder" : messageOf(error);
      onWarning(`Cannot read certificates in ${path} (${variable}): ${why}`);
    }
  };
  if (file) named("SSL_CERT_FILE", file, () => [readSmallText(file, MAX_BYTES)]);
  for (const folder of folders?.split(delimiter).filter((one) => one !== "") ?? []) {
    named("SSL_CERT_DIR", folder, () => readFolder(folder));
  }
  if (!file || !folders) {
    const own = Deno.build.os === "darwin" || Deno.build.os === "windows";
    texts.push(...own ? await ofStore() : ofDistribution());
  }
  // Folders hold other files, too.
  return texts.filter((text) => text.includes("-----BEGIN CERTIFICATE-----"));
}

function ofDistribution(): readonly string[] {
  for (const path of BUNDLES) {
    try {
      return [readSmallText(path, MAX_BYTES)];
    } catch {
      // Another distribution has it elsewhere.
    }
  }
  for (const folder of FOLDERS) {
    try {
      return readFolder(folder);
    } catch {
      // As above.
    }
  }
  return [];
}

/** The files of a folder; what cannot be read as one is none of them. */
function readFolder(folder: string): readonly string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort().flatMap((name) => {
    try {
      return [readSmallText(join(folder, name), MAX_BYTES)];
    } catch {
      return [];
    }
  });
}

/** What the system says itself, where the runtime can ask it. */
async function ofStore(): Promise<readonly string[]> {
  // Older versions have no such function, and the types do not know it.
  const ask: unknown = Reflect.get(await import("node:tls"), "getCACertificates");
  try {
    return typeof ask === "function" ? ask("system") : [];
  } catch {
    return [];
  }
}
