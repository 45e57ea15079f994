/**
 * The certificate that kodeno shows to a registry, checked before the runtime gets it: some versions
 * of that end the whole process over one that they cannot use.
 * @module
 */
import { Buffer } from "node:buffer";
import { createPublicKey, X509Certificate } from "node:crypto";
import { KodenoError, messageOf } from "../../errors.ts";

/** A certificate with its key, both PEM. */
export interface ClientCert {
  readonly cert: string;
  readonly key: string;
}

/**
 * Checks that a certificate can be used with a key.
 *
 * @param path of the certificate, for messages
 * @throws {KodenoError} `BAD_CONFIG`
 */
export function checkClientCert(path: string, { cert, key }: ClientCert): ClientCert {
  const bad = (why: string, cause?: unknown): KodenoError =>
    new KodenoError("BAD_CONFIG", `Cannot use client certificate ${path}: ${why}`, {}, { cause });
  let shown: X509Certificate;
  try {
    shown = new X509Certificate(cert);
  } catch (error) {
    throw bad(`it is no PEM certificate (${messageOf(error)})`, error);
  }
  if (!isVersion3(derOf(cert))) throw bad("it is one of X.509 version 1; make one of version 3");
  let same: boolean;
  try {
    // The certificate's own key also tells of kinds of keys that nobody here knows.
    same = spki(createPublicKey(key)).equals(spki(shown.publicKey));
  } catch (error) {
    const file = path.replace(/cert$/, "key");
    throw bad(`its key ${file} is no PEM key without a password`, error);
  }
  if (same) return { cert, key };
  throw bad(`${path.replace(/cert$/, "key")} is the key of another one`);
}

function spki(key: ReturnType<typeof createPublicKey>) {
  return key.export({ type: "spki", format: "der" });
}

/** The bytes of the first certificate of a PEM file; some versions of the runtime cannot tell. */
function derOf(pem: string): Uint8Array {
  const text = /-----BEGIN CERTIFICATE-----([^-]*)/.exec(pem)?.[1] ?? "";
  return Buffer.from(text, "base64");
}

/** Whether a certificate begins with a version (RFC 5280, 4.1): two sequences, then its tag. */
function isVersion3(der: Uint8Array): boolean {
  const inside = (at: number): number => {
    const length = der[at + 1] ?? 0;
    return at + 2 + (length < 0x80 ? 0 : length & 0x7f);
  };
  return der[inside(inside(0))] === 0xa0;
}
