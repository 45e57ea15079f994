/**
 * A receipt: what is at the place that bundles go to, as that place itself says, so that the next bundle
 * leaves it out. In JSON it has whole digests; as text to print and type it has their beginnings.
 * @module
 */
import { Buffer } from "node:buffer";
import { KodenoError } from "../errors.ts";
import { digestOf } from "../io/hash.ts";
import { z } from "../npm/zod.ts";
import { type Digest, digestHex } from "../oci/descriptor.ts";
import { encodeJson, isObject, isTooDeep, jsonIn } from "../oci/manifest.ts";
import type { Signer, VerificationKey } from "../trust/keys.ts";
import { type BundleModule, DIGEST, GO_MODULE, SITE } from "./document.ts";
import { linesOf, readLines } from "./receipt_lines.ts";
import { firstIssue, otherVersion } from "./faults.ts";

const VERSION = 1;
const KIND = "receipt";
/** Bytes of a digest in the text: by chance no two of a million blobs begin alike. */
const BEGINNING_BYTES = 10;
/** Bytes that say how long the signature in the text is: one of RSA has hundreds. */
const LENGTH_BYTES = 2;

const head = {
  version: z.literal(VERSION),
  /** What the place is called. */
  site: z.string().regex(SITE).optional(),
  /** Of the last bundle that is known to have come. */
  sequence: z.int().positive().optional(),
};
const schema = z.object({
  ...head,
  kind: z.literal(KIND),
  /** The digest of this document without `id` and `signature`. */
  id: DIGEST,
  /** That last bundle. */
  bundle: DIGEST.optional(),
  blobs: z.array(DIGEST).readonly(),
  modules: z.array(GO_MODULE).readonly(),
  /** Base64; of the document without it. */
  signature: z.string().optional(),
});
const textHead = z.object({
  ...head,
  blobs: z.int().nonnegative(),
  modules: z.int().nonnegative(),
});

/** What a place has. */
type ReceiptContent = Pick<
  z.output<typeof schema>,
  "site" | "sequence" | "bundle" | "blobs" | "modules"
>;

/** A receipt that was read. */
interface Receipt extends Pick<ReceiptContent, "site" | "sequence" | "bundle"> {
  readonly id: Digest;
  readonly blobs: number;
  readonly hasBlob: (digest: Digest) => boolean;
  readonly hasModule: (module: BundleModule) => boolean;
  /** What is signed, and the signature, of whoever. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array | undefined;
}

/** Writes a receipt: in the same order whatever order its content came in. */
export async function encodeReceipt(
  { site, sequence, bundle, blobs, modules }: ReceiptContent,
  { text = false, signer }: {
    readonly text?: boolean | undefined;
    readonly signer?: Signer | undefined;
  },
): Promise<{ readonly id: Digest; readonly bytes: Uint8Array }> {
  const content = {
    ...(site === undefined ? {} : { site }),
    ...(sequence === undefined ? {} : { sequence }),
  };
  const digests = [...new Set(blobs)].sort();
  if (text) {
    const heading = {
      version: VERSION,
      ...content,
      blobs: digests.length,
      modules: modules.length,
    };
    const signed = Buffer.concat([
      new TextEncoder().encode(`${JSON.stringify(heading)}\n`),
      ...digests.map(beginningOf),
      ...modules.map((one) => beginningOf(digestOfModule(one))).sort(Buffer.compare),
    ]);
    const signature = await signer?.sign(signed) ?? new Uint8Array(0);
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUIntBE(signature.length, 0, LENGTH_BYTES);
    const bytes = Buffer.concat([length, signature, signed]);
    return { id: digestOf(signed), bytes: new TextEncoder().encode(linesOf(bytes)) };
  }
  const key = ({ path, version }: BundleModule): string => `${path}@${version}`;
  const rest = {
    version: VERSION,
    kind: KIND,
    ...content,
    ...(bundle === undefined ? {} : { bundle }),
    blobs: digests,
    modules: modules.toSorted((a, b) => key(a) < key(b) ? -1 : 1),
  };
  const { version, kind, ...others } = rest;
  const id = digestOf(encodeJson(rest));
  const document = { version, kind, id, ...others };
  const made = await signer?.sign(encodeJson(document));
  const signature = made && { signature: Buffer.from(made).toString("base64") };
  return {
    id,
    bytes: new TextEncoder().encode(`${JSON.stringify({ ...document, ...signature })}\n`),
  };
}

/** The error for a receipt that cannot be used. */
function badReceipt(where: string, why: string, cause?: unknown): KodenoError {
  return new KodenoError("BAD_CONTENT", `Cannot use receipt ${where}: ${why}`, {}, { cause });
}

/** Whether a text may be a receipt that was printed. */
export function isReceiptText(bytes: Uint8Array): boolean {
  return /^\s*kodeno receipt\b/i.test(new TextDecoder().decode(bytes.subarray(0, 200)));
}

/** Whether bytes are a receipt in JSON, be it a damaged one: what else is in JSON lists parts. */
export function isReceiptJson(bytes: Uint8Array): boolean {
  const value = bytes[0] === 0x7b ? jsonIn(bytes) : {};
  return bytes[0] === 0x7b && !(isObject(value) && "parts" in value);
}

/**
 * Reads a receipt, in JSON or as text.
 *
 * @throws {KodenoError} `BAD_CONTENT` for one that is damaged, was changed, or is mistyped
 */
export function parseReceipt(bytes: Uint8Array, where: string): Receipt {
  return isReceiptText(bytes) ? fromText(bytes, where) : fromJson(bytes, where);
}

function fromJson(bytes: Uint8Array, where: string): Receipt {
  const value = isTooDeep(bytes) ? undefined : jsonIn(bytes);
  if (!isObject(value) || value["kind"] !== KIND) {
    const why = isObject(value) ? "it is none" : "it is damaged, or none";
    throw badReceipt(where, `${why}; name a file of "kodeno bundle receipt"`);
  }
  refuseVersion(value["version"], where);
  const { data, error } = schema.safeParse(value);
  if (data === undefined) throw damaged(where, error);
  const { signature, ...signed } = value;
  const { id: _, ...rest } = signed;
  const id = digestOf(encodeJson(rest));
  if (id !== data.id) {
    const why = `it says id ${data.id}, and has ${id}`;
    throw badReceipt(where, `it is damaged or was changed: ${why}; have it made again`);
  }
  const blobs = new Set<string>(data.blobs);
  const modules = new Set(data.modules.map(digestOfModule));
  return {
    id,
    site: data.site,
    sequence: data.sequence,
    bundle: data.bundle,
    blobs: blobs.size,
    hasBlob: (digest) => blobs.has(digest),
    hasModule: (module) => modules.has(digestOfModule(module)),
    signed: encodeJson(signed),
    signature: typeof signature === "string" ? Buffer.from(signature, "base64") : undefined,
  };
}

function fromText(text: Uint8Array, where: string): Receipt {
  const bytes = readLines(new TextDecoder().decode(text), (why) => badReceipt(where, why));
  if (bytes.length < LENGTH_BYTES) throw damaged(where);
  const start = LENGTH_BYTES + bytes.readUIntBE(0, LENGTH_BYTES);
  const signature = bytes.subarray(LENGTH_BYTES, start);
  const signed = bytes.subarray(start);
  const end = signed.indexOf(0x0a);
  const value = end < 0 ? undefined : jsonIn(signed.subarray(0, end));
  if (!isObject(value)) throw damaged(where);
  refuseVersion(value["version"], where);
  const { data, error } = textHead.safeParse(value);
  if (data === undefined) throw damaged(where, error);
  const rest = signed.subarray(end + 1);
  if (rest.length !== (data.blobs + data.modules) * BEGINNING_BYTES) throw damaged(where);
  const beginnings = Array.from(
    { length: data.blobs + data.modules },
    (_, i) => rest.subarray(i * BEGINNING_BYTES, (i + 1) * BEGINNING_BYTES).toString("hex"),
  );
  const blobs = new Set(beginnings.slice(0, data.blobs));
  const modules = new Set(beginnings.slice(data.blobs));
  const hex = (digest: Digest): string => beginningOf(digest).toString("hex");
  return {
    id: digestOf(signed),
    site: data.site,
    sequence: data.sequence,
    bundle: undefined,
    blobs: blobs.size,
    hasBlob: (digest) => blobs.has(hex(digest)),
    hasModule: (module) => modules.has(hex(digestOfModule(module))),
    signed,
    signature: signature.length > 0 ? signature : undefined,
  };
}

function refuseVersion(version: unknown, where: string): void {
  const other = otherVersion(version, VERSION);
  if (other !== undefined) throw badReceipt(where, `it is ${other}`);
}

function damaged(where: string, error?: z.ZodError): KodenoError {
  const why = error ? `: ${firstIssue(error)}` : "";
  return badReceipt(where, `it is damaged or was changed${why}; have it made again`, error);
}

function digestOfModule({ path, version, sum }: BundleModule): Digest {
  return digestOf(`${path}@${version} ${sum}`);
}

function beginningOf(digest: Digest): Buffer {
  return Buffer.from(digestHex(digest).slice(0, 2 * BEGINNING_BYTES), "hex");
}

/** Refuses a receipt of another place than is meant, or that none of some keys has signed. */
export function refuseReceipt(
  { site, signed, signature }: Receipt,
  where: string,
  { site: wanted, keys }: {
    readonly site?: string | undefined;
    readonly keys: readonly VerificationKey[];
  },
): void {
  if (wanted !== undefined && site !== wanted) {
    const of = site === undefined ? "does not say of which site it is" : `is of site ${site}`;
    const next = `have one made there with --site ${wanted}`;
    throw new KodenoError(
      "NOT_TRUSTED",
      `Cannot use receipt ${where}: it ${of}, not ${wanted}; ${next}`,
    );
  }
  if (keys.length === 0) return;
  const of = site === undefined ? "" : ` of site ${site}`;
  const refuse = (why: string) =>
    new KodenoError("NOT_TRUSTED", `Cannot trust receipt ${where}${of}: ${why}`);
  if (signature === undefined) throw refuse("it is not signed");
  if (!keys.some((key) => key.verifies(signed, signature))) {
    throw refuse("no key that was given has signed it");
  }
}
