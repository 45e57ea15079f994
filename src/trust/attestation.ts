/**
 * Statements that people sign about an image: what a file says, as cosign has it of each type, and the form
 * that cosign first had for them, layers of a manifest under the tag `sha256-HEX.att`.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { type Descriptor, type Digest, parseDigest } from "../oci/descriptor.ts";
import { encodeJson, isObject, jsonIn } from "../oci/manifest.ts";
import { type TrustBlob, trustBlob } from "./attachment.ts";
import { timestampOf } from "./contents.ts";
import type { Signer, VerificationKey } from "./keys.ts";
import {
  asEnvelope,
  encodeStatement,
  predicateType,
  signPayload,
  STATEMENT_TYPE,
  type UnsignedStatement,
  type VerifiedStatement,
  verifyEnvelope,
} from "./statement.ts";

/** Media type of a layer with a signed statement. */
export const ENVELOPE_TYPE = "application/vnd.dsse.envelope.v1+json";
/** Where such a layer says which kind of claim it is. */
const PREDICATE = "predicateType";

/** What is said of an image in a file. */
interface PredicateFile {
  readonly text: string;
  /** For messages. */
  readonly what: string;
  /** As cosign calls it, or a URI. */
  readonly type: string;
  /** Seconds since 1970, where the time is to be said. */
  readonly time?: number | undefined;
}

/**
 * Reads what a file says: JSON, but for the types that cosign has for text.
 *
 * @throws {KodenoError} `BAD_OPTION` for what cannot be said as this type
 */
export function readPredicate({ text, what, type, time }: PredicateFile): unknown {
  const fail = (why: string) =>
    new KodenoError("BAD_OPTION", `Cannot use ${what} as a predicate of type ${type}: ${why}`);
  // What decoding puts where bytes are none of a text.
  if (text.includes("\u{fffd}")) throw fail("it is no text in UTF-8");
  if (predicateType(type) === predicateType("custom")) {
    return { Data: text, ...(time === undefined ? {} : { Timestamp: timestampOf(time) }) };
  }
  const value = jsonIn(new TextEncoder().encode(text));
  // SPDX has a form of its own beside JSON, which cosign keeps as a text.
  if (type === "spdx" && value === undefined) return text;
  if (!isObject(value)) throw fail(value === undefined ? "it is not JSON" : "it is no JSON object");
  if ("predicateType" in value && "subject" in value) {
    throw fail("it is a whole statement; give what its predicate says");
  }
  return value;
}

/** Says something of an image. */
export function statementAbout(
  image: Descriptor,
  type: string,
  predicate: unknown,
  name: string,
): UnsignedStatement {
  const uri = predicateType(type);
  const bytes = encodeStatement(parseDigest(image.digest), uri, predicate, { name });
  return { image, predicateType: uri, bytes };
}

/** Signs a statement as a layer of cosign's first form. */
export async function envelopeLayer(
  { predicateType, bytes }: UnsignedStatement,
  signer: Signer,
): Promise<TrustBlob> {
  const { payloadType, payload, signatures } = await signPayload(bytes, STATEMENT_TYPE, signer);
  const signed = signatures.map(({ sig }) => ({ keyid: "", sig }));
  const blob = trustBlob(
    ENVELOPE_TYPE,
    encodeJson({ payloadType, payload, signatures: signed }),
  );
  // cosign has the name for a signature in each layer; that of this one is in its content.
  const annotations = { "dev.cosignproject.cosign/signature": "", [PREDICATE]: predicateType };
  return { ...blob, descriptor: { ...blob.descriptor, annotations } };
}

/** The statement of such a layer that one of some keys has signed about an image. */
export function verifyEnvelopeLayer(
  bytes: Uint8Array,
  digest: Digest,
  keys: readonly VerificationKey[],
  what: string,
): VerifiedStatement | undefined {
  const envelope = asEnvelope(jsonIn(bytes));
  if (envelope !== undefined) return verifyEnvelope(envelope, digest, keys, what);
  throw new KodenoError("BAD_CONTENT", `Cannot use ${what}: it is no signed statement`);
}
