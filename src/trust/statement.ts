/**
 * Statements about images (in-toto v1), and the envelope that one is signed in (DSSE v1).
 * @module
 */
import { Buffer } from "node:buffer";
import { didYouMean, KodenoError } from "../errors.ts";
import { type Descriptor, type Digest, digestAlgorithm, digestHex } from "../oci/descriptor.ts";
import { encodeJson, isObject, jsonIn } from "../oci/manifest.ts";
import type { Signer, VerificationKey } from "./keys.ts";
import { SBOM_TYPES, sbomWords } from "./sbom_types.ts";

/** What the payload of an envelope is, and the layer of a statement that nobody has signed. */
export const STATEMENT_TYPE = "application/vnd.in-toto+json";
/** What the manifest of such a statement says that it is. */
export const STATEMENT_NOTE = "in-toto.io/predicate-type";
const STATEMENT = "https://in-toto.io/Statement/v1";
const OLD_STATEMENT = "https://in-toto.io/Statement/v0.1";
/** What cosign signs an image with: it says nothing but that. */
export const SIGNED = "https://sigstore.dev/cosign/sign/v1";
/** How an image was built, as SLSA has it. */
export const PROVENANCE = "https://slsa.dev/provenance/v1";

/** Predicate types by the names that cosign has for them. */
const PREDICATE_TYPES: ReadonlyMap<string, string> = new Map([
  ["spdx", SBOM_TYPES.spdx.predicateType],
  ["spdxjson", SBOM_TYPES.spdx.predicateType],
  ["cyclonedx", SBOM_TYPES.cyclonedx.predicateType],
  ["slsaprovenance", "https://slsa.dev/provenance/v0.2"],
  ["slsaprovenance02", "https://slsa.dev/provenance/v0.2"],
  ["slsaprovenance1", PROVENANCE],
  ["vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"],
  ["openvex", "https://openvex.dev/ns"],
  ["link", "https://in-toto.io/Link/v1"],
  ["custom", "https://cosign.sigstore.dev/attestation/v1"],
]);

/**
 * The type that a name of cosign's, or a URI, stands for.
 *
 * @throws {KodenoError} `BAD_OPTION` for what is neither
 */
export function predicateType(name: string): string {
  const type = PREDICATE_TYPES.get(name);
  if (type !== undefined) return type;
  if (URL.canParse(name)) return name;
  const names = [...PREDICATE_TYPES.keys()];
  const next = didYouMean(name, names) || `; say one of ${names.join(", ")}, or a URI`;
  const message = `Cannot use predicate type ${JSON.stringify(name)}: it is no URI${next}`;
  throw new KodenoError("BAD_OPTION", message);
}

/** What people call a claim of a type; undefined for one that says nothing but that it is signed. */
export function predicateWords(type: string): string | undefined {
  if (type === SIGNED) return undefined;
  const words = sbomWords(type);
  if (words !== undefined) return words;
  if (type.startsWith("https://slsa.dev/provenance/")) return "provenance";
  return type.includes("/vuln") ? "vulnerability report" : "attestation";
}

/** What is said, and of what. */
export interface Statement {
  /** What it is about. */
  readonly subject: readonly {
    readonly name?: string;
    /** By the name of the algorithm, in hex. */
    readonly digest: Readonly<Record<string, string>>;
    readonly annotations?: unknown;
  }[];
  /** What kind of claim it is, as a URI. */
  readonly predicateType: string;
  /** The claim. */
  readonly predicate: unknown;
}

/** A statement about an image, before anybody has signed it. */
export interface UnsignedStatement {
  /** What it is about. */
  readonly image: Descriptor;
  /** What kind of claim it is, as a URI. */
  readonly predicateType: string;
  /** The statement, as JSON. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A signed payload, as JSON has it. */
interface Envelope {
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: readonly { readonly keyid?: string; readonly sig: string }[];
}

/** The bytes of a statement about an image: the same for the same claim. */
export function encodeStatement(
  digest: Digest,
  predicateType: string,
  predicate: unknown,
  { name, annotations }: { name?: string; annotations?: Readonly<Record<string, string>> } = {},
): Uint8Array<ArrayBuffer> {
  const subject = {
    ...(name === undefined ? {} : { name }),
    digest: { [digestAlgorithm(digest)]: digestHex(digest) },
    ...(annotations === undefined ? {} : { annotations }),
  };
  return encodeJson({ _type: STATEMENT, subject: [subject], predicateType, predicate });
}

/**
 * Reads a statement.
 *
 * @throws {KodenoError} `BAD_CONTENT` for what is none
 */
export function parseStatement(bytes: Uint8Array, what: string): Statement {
  const fail = (why: string) => new KodenoError("BAD_CONTENT", `Cannot use ${what}: ${why}`);
  const value = jsonIn(bytes);
  if (value === undefined) throw fail("what it signs is not JSON");
  const { _type, subject, predicateType } = isObject(value) ? value : {};
  if (_type !== STATEMENT && _type !== OLD_STATEMENT) throw fail("what it signs is no statement");
  const isSubject = (one: unknown) => isObject(one) && isObject(one.digest);
  if (!Array.isArray(subject) || !subject.every(isSubject) || typeof predicateType !== "string") {
    throw fail("its statement has no subject, or no predicate type");
  }
  return value as unknown as Statement;
}

/** What of a statement names an image; undefined where it is about others. */
export function subjectOf({ subject }: Statement, digest: Digest) {
  return subject.find((one) => one.digest[digestAlgorithm(digest)] === digestHex(digest));
}

/** A statement that was signed, and by which key. */
export interface VerifiedStatement {
  readonly statement: Statement;
  readonly key: VerificationKey;
  /** What it says of the image beside. */
  readonly annotations: unknown;
}

/**
 * The statement of an envelope that one of some keys has signed; undefined where none has, or where it
 * is about another image.
 *
 * @throws {KodenoError} `BAD_CONTENT` where what it signs is no statement
 */
export function verifyEnvelope(
  envelope: Envelope,
  digest: Digest,
  keys: readonly VerificationKey[],
  what: string,
): VerifiedStatement | undefined {
  if (envelope.payloadType !== STATEMENT_TYPE) {
    throw new KodenoError("BAD_CONTENT", `Cannot use ${what}: what it signs is no statement`);
  }
  const opened = openEnvelope(envelope, keys);
  if (opened === undefined) return undefined;
  const statement = parseStatement(opened.payload, what);
  const about = subjectOf(statement, digest);
  return about && { statement, key: opened.key, annotations: about.annotations };
}

/** Signs a payload, as nobody can take it for one of another type. */
export async function signPayload(payload: Uint8Array, payloadType: string, signer: Signer) {
  const sig = await signer.sign(authenticated(payload, payloadType));
  return {
    payload: Buffer.from(payload).toString("base64"),
    payloadType,
    signatures: [{ sig: Buffer.from(sig).toString("base64") }],
  } satisfies Envelope;
}

/** The payload of an envelope that one of some keys has signed, and which; undefined where none has. */
function openEnvelope(
  envelope: Envelope,
  keys: readonly VerificationKey[],
): { readonly payload: Uint8Array; readonly key: VerificationKey } | undefined {
  const payload = Buffer.from(envelope.payload, "base64");
  const bytes = authenticated(payload, envelope.payloadType);
  for (const { sig } of envelope.signatures) {
    const signature = Buffer.from(sig, "base64");
    const key = keys.find((one) => one.verifies(bytes, signature));
    if (key !== undefined) return { payload, key };
  }
  return undefined;
}

/** What an envelope's signature is over (DSSE v1, "PAE"). */
function authenticated(payload: Uint8Array, type: string): Uint8Array {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/** What is an envelope, with at least one signature; undefined for anything else. */
export function asEnvelope(value: unknown): Envelope | undefined {
  const { payload, payloadType, signatures } = isObject(value) ? value : {};
  if (typeof payload !== "string" || typeof payloadType !== "string") return undefined;
  const isSignature = (one: unknown) => isObject(one) && typeof one.sig === "string";
  const isWhole = Array.isArray(signatures) && signatures.length > 0 &&
    signatures.every(isSignature);
  return isWhole ? value as Envelope : undefined;
}
