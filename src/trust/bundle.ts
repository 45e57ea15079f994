/**
 * Signatures and signed statements as sigstore's bundles, which cosign makes of them from its version 3 on
 * (sigstore bundle format 0.3; one DSSE envelope with one signature, verified with a key).
 * @module
 */
import { KodenoError } from "../errors.ts";
import type { Descriptor, Digest } from "../oci/descriptor.ts";
import { encodeJson, isObject, jsonIn } from "../oci/manifest.ts";
import { type Attachment, attachment } from "./attachment.ts";
import type { Signer, VerificationKey } from "./keys.ts";
import {
  asEnvelope,
  encodeStatement,
  SIGNED,
  signPayload,
  STATEMENT_TYPE,
  type UnsignedStatement,
  type VerifiedStatement,
  verifyEnvelope,
} from "./statement.ts";

/** Media type of a bundle, and the artifact type of the manifest that carries one. */
export const BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";
/** The largest bundle that is read, in bytes; one holds a statement, such as an SBOM. */
export const MAX_BUNDLE_BYTES = 16 * 1024 * 1024;
/** What such a manifest says that the signed statement is. */
export const PREDICATE_NOTE = "dev.sigstore.bundle.predicateType";
/** All versions of it. */
const BUNDLE_TYPES =
  /^application\/vnd\.dev\.sigstore\.bundle(\.v0\.\d+\+json|\+json;version=0\.\d+)$/;

/** Whether an artifact type is that of a bundle, of whatever version. */
export function isBundleType(type: string | undefined): boolean {
  return type !== undefined && BUNDLE_TYPES.test(type);
}

/** Signs an image: says nothing of it but that it is signed. */
export async function signedBundle(
  subject: Descriptor & { readonly digest: Digest },
  signer: Signer,
  annotations: Readonly<Record<string, string>> = {},
): Promise<Attachment> {
  const bytes = encodeStatement(subject.digest, SIGNED, {}, { annotations });
  return await statementBundle({ image: subject, predicateType: SIGNED, bytes }, signer);
}

/** A bundle of what a key has signed. */
export function encodeBundle(
  { hint }: VerificationKey,
  content: Readonly<Record<string, unknown>>,
): Uint8Array<ArrayBuffer> {
  const verificationMaterial = { publicKey: { hint } };
  return encodeJson({ mediaType: BUNDLE_TYPE, verificationMaterial, ...content });
}

/**
 * Signs a statement about an image.
 *
 * @throws {KodenoError} `BAD_OPTION` for one that is larger than those that are read
 */
export async function statementBundle(
  { image, predicateType, bytes }: UnsignedStatement,
  signer: Signer,
): Promise<Attachment> {
  const dsseEnvelope = await signPayload(bytes, STATEMENT_TYPE, signer);
  const bundle = encodeBundle(signer.key, { dsseEnvelope });
  if (bundle.length > MAX_BUNDLE_BYTES) {
    const why = `its bundle would have ${bundle.length} bytes, and ${MAX_BUNDLE_BYTES} are read`;
    throw new KodenoError("BAD_OPTION", `Cannot sign a statement about ${image.digest}: ${why}`);
  }
  return attachment(image, BUNDLE_TYPE, bundle, {
    manifest: {
      "dev.sigstore.bundle.content": "dsse-envelope",
      [PREDICATE_NOTE]: predicateType,
    },
  });
}

/**
 * The statement of a bundle that one of some keys has signed, and which. Undefined where it is of another
 * key, or about another image.
 *
 * @throws {KodenoError} `BAD_CONTENT` for what is no bundle with one signed statement
 */
export function verifyBundle(
  bytes: Uint8Array,
  digest: Digest,
  keys: readonly VerificationKey[],
  what: string,
): VerifiedStatement | undefined {
  const fail = (why: string) => new KodenoError("BAD_CONTENT", `Cannot use ${what}: ${why}`);
  const value = jsonIn(bytes);
  if (value === undefined) throw fail("it is no bundle, since it is not JSON");
  const { dsseEnvelope, messageSignature } = isObject(value) ? value : {};
  if (messageSignature !== undefined) throw fail("it signs bytes, and no statement about an image");
  const envelope = asEnvelope(dsseEnvelope);
  if (envelope === undefined) throw fail("it is no bundle with a signed statement");
  // As sigstore has it: who counts one of several would be told something by the others.
  if (envelope.signatures.length !== 1) throw fail("it has more than one signature");
  return verifyEnvelope(envelope, digest, keys, what);
}
