/**
 * `kodeno-bundle.json`: what a bundle holds, member by member, and what it leaves out. It stands second
 * in the file, so that a reader knows what has to come before it comes.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { digestOf } from "../io/hash.ts";
import { z } from "../npm/zod.ts";
import { type Digest, DIGEST_PATTERN } from "../oci/descriptor.ts";
import { encodeJson, isObject, isTooDeep, jsonIn } from "../oci/manifest.ts";
import { firstIssue, otherVersion } from "./faults.ts";

/** The member that has it. */
export const DOCUMENT = "kodeno-bundle.json";
/** The member with its signature. */
export const SIGNATURE = `${DOCUMENT}.sigstore.json`;

/** What this kodeno reads and writes. What is added is passed over by who does not know it. */
const VERSION = 1;
/** Bundles of far more blobs than an image may have; more are not read. */
export const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;

/** A digest in a document. */
export const DIGEST = z.string().regex(new RegExp(`^${DIGEST_PATTERN}$`)).transform((text) =>
  text as Digest
);
const digest = DIGEST;
const size = z.int().nonnegative();
const count = z.int().positive();
/** What a place is called to which bundles are sent. */
export const SITE = /^[\w.:@-]{1,64}$/;

const blob = z.object({
  digest,
  size,
  /** Of a manifest or index alone, which lead to others. */
  mediaType: z.string().optional(),
});
const file = z.object({ path: z.string(), digest, size });
const image = z.object({ name: z.string().optional(), digest });
/** A Go module in a document. */
export const GO_MODULE = z.object({ path: z.string(), version: z.string(), sum: z.string() });

/**
 * The commit that the source is of, and the member that has it; where its folder there is not all of it,
 * there are others beside it, by which go.mod replaces modules.
 */
export const SOURCE_OF = z.object({
  path: z.string(),
  folder: z.string().optional(),
  commit: z.string(),
  dirty: z.boolean(),
  /** Paths of files that are not as the commit has them, or that it has and the source has not. */
  changed: z.array(z.string()).readonly().optional(),
});

const schema = z.object({
  version: z.literal(VERSION),
  /** The digest of this document without `id`. */
  id: digest,
  /** Counts what is sent to one place; 1 for what needs nothing that was sent before. */
  sequence: count,
  /** What has to be there already. */
  base: z.object({
    sequence: count.optional(),
    id: digest.optional(),
    receipt: digest.optional(),
    site: z.string().regex(SITE).optional(),
  }).optional(),
  images: z.array(image).readonly(),
  /** Images that others are built on. */
  bases: z.array(image).readonly(),
  blobs: z.array(blob).readonly(),
  /** What belongs to the images, is in no member, and is expected to be there. */
  omitted: z.array(blob).readonly(),
  /** All other members but this one and its signature. */
  files: z.array(file).readonly(),
  gomod: z.object({
    modules: z.array(GO_MODULE).readonly(),
    /** What belongs to them, is in no member, and is expected to be there. */
    omitted: z.array(GO_MODULE).readonly().optional(),
    /** `go1.26.8 linux/amd64` each. */
    toolchains: z.array(z.string()).readonly(),
  }).optional(),
  source: SOURCE_OF.optional(),
});

/** What a bundle holds. */
export type BundleDocument = z.output<typeof schema>;
/** A blob of a bundle; the media type of what leads to others is there. */
export type BundleBlob = z.output<typeof blob>;
/** A member that is no blob. */
export type BundleFile = z.output<typeof file>;
/** A Go module by its sum. */
export type BundleModule = z.output<typeof GO_MODULE>;
/** What a source is of. */
export type SourceOf = z.output<typeof SOURCE_OF>;
/** An image by its name, where it has one. */
export type BundleImage = z.output<typeof image>;

/** The document with its id, and its bytes: the same for the same content. */
export function encodeDocument(
  content: Omit<BundleDocument, "version" | "id">,
): { readonly document: BundleDocument; readonly bytes: Uint8Array } {
  const { sequence, base, images, bases, blobs, omitted, files, gomod, source } = content;
  const rest = {
    sequence,
    ...(base ? { base } : {}),
    images,
    bases,
    blobs,
    omitted,
    files,
    ...(gomod ? { gomod } : {}),
    ...(source ? { source } : {}),
  };
  const document: BundleDocument = { version: VERSION, id: idOf(rest), ...rest };
  return { document, bytes: encodeJson(document) };
}

/** The digest of a document without its id, in the order in which it has its fields. */
function idOf(content: Readonly<Record<string, unknown>>): Digest {
  const { id: _, version: __, ...rest } = content;
  return digestOf(encodeJson({ version: VERSION, ...rest }));
}

/**
 * Reads a document.
 *
 * @throws {KodenoError} `BAD_CONTENT` for what is none, is of another version, or is not what its id says
 */
export function parseDocument(bytes: Uint8Array, where: string): BundleDocument {
  if (isTooDeep(bytes)) throw badBundle(where, `its ${DOCUMENT} is nested too deep`);
  const value = jsonIn(bytes);
  if (!isObject(value)) throw badBundle(where, `its ${DOCUMENT} is no JSON object`);
  const version = otherVersion(value["version"], VERSION);
  if (version !== undefined) throw badBundle(where, `it is ${version}`);
  const { data, error } = schema.safeParse(value);
  if (data === undefined) {
    throw badBundle(where, `its ${DOCUMENT} cannot be used: ${firstIssue(error)}`, error);
  }
  const id = idOf(value);
  if (id !== data.id) throw badBundle(where, `its ${DOCUMENT} says id ${data.id}, and has ${id}`);
  return data;
}

/** The error for a bundle that is damaged, was changed, or is not whole. */
export function badBundle(where: string, why: string, cause?: unknown): KodenoError {
  return new KodenoError("BAD_CONTENT", `Cannot use ${where}: ${why}`, {}, { cause });
}

/** What is told of a bundle, with counts in the place of long lists. */
export function summaryOf(document: BundleDocument) {
  const { id, sequence, base, images, bases, blobs, omitted, gomod, source } = document;
  return {
    id,
    sequence,
    base,
    images,
    bases,
    blobs: blobs.length,
    blobBytes: sum(blobs),
    omitted: omitted.length,
    omittedBytes: sum(omitted),
    modules: gomod?.modules,
    omittedModules: gomod?.omitted,
    toolchains: gomod?.toolchains,
    source,
  };
}

function sum(all: readonly { readonly size: number }[]): number {
  return all.reduce((total, one) => total + one.size, 0);
}
