/**
 * Signatures of files in files of their own: sigstore's bundles of bytes, which `cosign sign-blob` and
 * `verify-blob` know (sigstore bundle format 0.3, `messageSignature`).
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { KodenoError } from "../errors.ts";
import { isObject, jsonIn } from "../oci/manifest.ts";
import { encodeBundle } from "./bundle.ts";
import type { Signer, VerificationKey } from "./keys.ts";

/** Signs bytes: the file that is kept beside them. */
export async function detachedBundle(bytes: Uint8Array, signer: Signer): Promise<Uint8Array> {
  const digest = createHash("sha256").update(bytes).digest("base64");
  const signature = Buffer.from(await signer.sign(bytes)).toString("base64");
  const messageDigest = { algorithm: "SHA2_256", digest };
  return encodeBundle(signer.key, { messageSignature: { messageDigest, signature } });
}

/**
 * The key, of some, that has signed bytes, as such a file says; undefined where none has.
 *
 * @throws {KodenoError} `BAD_CONTENT` for what is no bundle with a signature of bytes
 */
export function signerOfBytes(
  bundle: Uint8Array,
  bytes: Uint8Array,
  keys: readonly VerificationKey[],
  what: string,
): VerificationKey | undefined {
  const value = jsonIn(bundle);
  const { messageSignature } = isObject(value) ? value : {};
  const { signature } = isObject(messageSignature) ? messageSignature : {};
  if (typeof signature !== "string") {
    const why = "it is no bundle of sigstore with a signature of bytes";
    throw new KodenoError("BAD_CONTENT", `Cannot use ${what}: ${why}`);
  }
  const sig = Buffer.from(signature, "base64");
  return keys.find((key) => key.verifies(bytes, sig));
}
