/**
 * Reading a bundle from its first byte to its last, once: each member is checked against
 * `kodeno-bundle.json` while it streams by, and in the end that none is missing and that images are whole.
 * @module
 */
import { inlineContent } from "../content/blobs.ts";
import type { CallOptions } from "../content/places.ts";
import { hasSuccessors, parseGraphDocument, Walk } from "../content/walk.ts";
import { KodenoError } from "../errors.ts";
import { Hasher } from "../io/hash.ts";
import { blobPath, type Descriptor, digestAlgorithm, isForeign } from "../oci/descriptor.ts";
import { MAX_GRAPH_DOCUMENT_BYTES, MAX_JSON_BYTES, parseIndex } from "../oci/manifest.ts";
import { entryName } from "../oci/entries.ts";
import { compressionOf } from "../io/compression.ts";
import { BLOCK_BYTES, StreamedBytes } from "../io/tar_reader.ts";
import { tarMembers } from "../place/archive/tar_members.ts";
import {
  badBundle,
  type BundleBlob,
  type BundleDocument,
  type BundleFile,
  type BundleImage,
  DOCUMENT,
  MAX_DOCUMENT_BYTES,
  parseDocument,
  SIGNATURE,
} from "./document.ts";

/** The largest signature that is read, in bytes. */
const MAX_SIGNATURE_BYTES = 1024 * 1024;
const MARKER = "oci-layout";
const INDEX = "index.json";

/** Where a bundle is read from. */
export interface BundleInput {
  /** What messages call it: `bundle app.tar`. */
  readonly what: string;
  /** Its bytes; a chunk holds until the next one is asked for. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** The error for a failure of reading it, where more is known than its bytes show. */
  readonly explain?: (error: unknown) => Promise<unknown>;
}

/** A member that `kodeno-bundle.json` lists. */
export type BundleMember =
  | (BundleBlob & { readonly kind: "blob" })
  | (BundleFile & { readonly kind: "file" });

/** Takes what a bundle has. */
interface BundleVisitor {
  /** Told first; what it throws ends the reading before anything else was read. */
  readonly document?: (document: BundleDocument, bytes: Uint8Array) => Promise<void> | void;
  /**
   * Takes a member. What its chunks are is known when they have ended, without an error: till then
   * nothing of it may be visible. `oci-layout` is not told.
   */
  readonly member?: (member: BundleMember, chunks: AsyncIterable<Uint8Array>) => Promise<void>;
}

/** A bundle that was read and holds. */
export interface ReadBundle {
  readonly document: BundleDocument;
  /** Its bytes, which are signed. */
  readonly bytes: Uint8Array;
  /** The signature as the bundle has it, of whoever. */
  readonly signature: Uint8Array | undefined;
  /** The entries of its `index.json`. */
  readonly entries: readonly Descriptor[];
  /** Those of them that others are built on; some are images of their own, too. */
  readonly bases: readonly Descriptor[];
}

/**
 * Reads a bundle.
 *
 * @throws {KodenoError} `BAD_CONTENT` for the first thing that is not as `kodeno-bundle.json` says,
 * `BAD_PLACE` for what is no bundle; and what the visitor throws
 */
export async function readBundle(
  { what, chunks, explain }: BundleInput,
  visitor: BundleVisitor = {},
  { signal }: CallOptions = {},
): Promise<ReadBundle> {
  const bytes = new StreamedBytes(chunks[Symbol.asyncIterator]());
  try {
    await refuseCompressed(bytes, what);
    const reading = new Reading(bytes, what, visitor, signal);
    for await (const { kind, name, offset, size } of tarMembers(bytes, nameIn(what), signal)) {
      const why = kind === "link" ? "a link" : kind === "folder" && size > 0 && "a folder of bytes";
      if (why) throw badBundle(what, `its member ${quoted(name)} is ${why}`);
      if (kind === "file") await reading.take(name, offset, size);
    }
    await bytes.end((why) => badBundle(what, why));
    return await reading.end();
  } catch (error) {
    throw await explain?.(error) ?? error;
  } finally {
    await bytes.close();
  }
}

/** What a bundle says of itself, which its first bytes have; nothing else of it was read or checked. */
export async function documentOf(
  input: BundleInput,
  options: CallOptions = {},
): Promise<BundleDocument> {
  let found: BundleDocument | undefined;
  const document = (told: BundleDocument): void => {
    found = told;
    throw READ;
  };
  try {
    return (await readBundle(input, { document }, options)).document;
  } catch (error) {
    if (error !== READ || found === undefined) throw error;
    return found;
  }
}

/** Ends a reading that has got what it wanted. */
const READ = new Error("no more is wanted");

/** As messages about a tar have it, which say `archive` themselves. */
const nameIn = (what: string): string => what.replace(/^bundle /, "");
const quoted = (name: string): string => JSON.stringify(name.slice(0, 300));

async function refuseCompressed(bytes: StreamedBytes, what: string): Promise<void> {
  const found = compressionOf(await bytes.at(0, BLOCK_BYTES));
  if (found === undefined) return;
  const why = `it is compressed with ${found.name}; run "${found.name} -d" on it first`;
  throw new KodenoError("BAD_PLACE", `Cannot use ${what}: ${why}`);
}

/** One bundle, while it is read. */
class Reading {
  #document: BundleDocument | undefined;
  #bytes: Uint8Array = new Uint8Array(0);
  #signature: Uint8Array | undefined;
  #marker: Uint8Array | undefined;
  /** By the name of the member; those that are yet to come. */
  readonly #awaited = new Map<string, BundleMember>();
  /** Manifests, indexes and `index.json`, by the name of their member. */
  readonly #documents = new Map<string, Uint8Array>();
  #documentBytes = 0;
  #members = 0;

  constructor(
    readonly bytes: StreamedBytes,
    readonly what: string,
    readonly visitor: BundleVisitor,
    readonly signal: AbortSignal | undefined,
  ) {}

  async take(name: string, offset: number, size: number): Promise<void> {
    const at = this.#members++;
    if (at === 0 && name === MARKER) {
      this.#marker = await this.#whole(name, offset, size, MAX_JSON_BYTES);
    } else if (at === 1 && name === DOCUMENT) await this.#begin(offset, size);
    else if (this.#document === undefined) {
      const why = `it does not begin with ${MARKER} and ${DOCUMENT}`;
      const next = 'name a file of "kodeno bundle create"';
      throw new KodenoError("BAD_PLACE", `Cannot use ${this.what} as a bundle: ${why}; ${next}`);
    } else if (name === SIGNATURE) {
      this.#signature = await this.#whole(name, offset, size, MAX_SIGNATURE_BYTES);
    } else await this.#listed(name, offset, size);
  }

  async #begin(offset: number, size: number): Promise<void> {
    this.#bytes = await this.#whole(DOCUMENT, offset, size, MAX_DOCUMENT_BYTES);
    const document = parseDocument(this.#bytes, this.what);
    this.#document = document;
    const await_ = (name: string, member: BundleMember): void => {
      const isOwn = name === DOCUMENT || name === SIGNATURE;
      if (isOwn || this.#awaited.has(name)) {
        throw badBundle(this.what, `its ${DOCUMENT} lists ${quoted(name)} twice`);
      }
      this.#awaited.set(name, member);
    };
    for (const blob of document.blobs) await_(blobPath(blob), { kind: "blob", ...blob });
    for (const file of document.files) await_(file.path, { kind: "file", ...file });
    await this.visitor.document?.(document, this.#bytes);
    const marker = this.#listing(MARKER, this.#marker?.length ?? 0);
    const checked = this.#checked(MARKER, marker, once(this.#marker ?? new Uint8Array(0)));
    for await (const _ of checked);
  }

  async #listed(name: string, offset: number, size: number): Promise<void> {
    const member = this.#listing(name, size);
    let chunks = this.#checked(
      name,
      member,
      this.bytes.content(offset, size, endsEarly(this.what)),
    );
    const isKept = name === INDEX || (member.kind === "blob" && isDocument(member));
    if (isKept) {
      if (size > MAX_JSON_BYTES) {
        throw badBundle(this.what, `its ${name} has over ${MAX_JSON_BYTES} bytes`);
      }
      this.#documentBytes += size;
      if (this.#documentBytes > MAX_GRAPH_DOCUMENT_BYTES) {
        throw badBundle(this.what, `its manifests have over ${MAX_GRAPH_DOCUMENT_BYTES} bytes`);
      }
      const kept = await collected(chunks, size);
      this.#documents.set(name, kept);
      chunks = once(kept);
    }
    if (this.visitor.member !== undefined) await this.visitor.member(member, chunks);
    // What the visitor has left is checked all the same.
    for await (const _ of chunks);
  }

  /** What a member is, which comes but once. */
  #listing(name: string, size: number): BundleMember {
    const member = this.#awaited.get(name);
    if (member === undefined) {
      throw badBundle(this.what, `it has ${quoted(name)}, of which its ${DOCUMENT} says nothing`);
    }
    if (member.size !== size) {
      throw badBundle(this.what, `its ${name} has ${size} bytes, not the ${member.size} listed`);
    }
    this.#awaited.delete(name);
    return member;
  }

  async *#checked(
    name: string,
    { digest }: BundleMember,
    chunks: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    const hasher = new Hasher(digestAlgorithm(digest));
    for await (const chunk of chunks) {
      this.signal?.throwIfAborted();
      hasher.update(chunk);
      yield chunk;
    }
    const actual = hasher.digest();
    if (actual !== digest) {
      const why = `its ${name} is damaged or was changed: it has digest ${actual}`;
      throw badBundle(this.what, `${why}, not the ${digest} listed; bring it again`);
    }
  }

  async #whole(name: string, offset: number, size: number, most: number): Promise<Uint8Array> {
    if (size > most) throw badBundle(this.what, `its ${name} has over ${most} bytes`);
    return await collected(this.bytes.content(offset, size, endsEarly(this.what)), size);
  }

  async end(): Promise<ReadBundle> {
    const document = this.#document;
    if (document === undefined) throw badBundle(this.what, `it has no ${DOCUMENT}`);
    const [missing] = this.#awaited.keys();
    if (missing !== undefined) {
      const { size } = this.#awaited;
      const more = size > 1 ? `, and ${size - 1} more members` : "";
      throw badBundle(this.what, `it lacks ${missing}${more}; bring it again`);
    }
    const index = this.#documents.get(INDEX);
    if (index === undefined) throw badBundle(this.what, `it has no ${INDEX}`);
    const { manifests } = parseIndex(index, `${INDEX} of ${this.what}`);
    await this.#refuseGaps(document, manifests);
    const bases = manifests.filter((entry) => document.bases.some((one) => isOf(one, entry)));
    const signature = this.#signature;
    return { document, bytes: this.#bytes, signature, entries: manifests, bases };
  }

  /** Whether what the images need is in the bundle, or expected where it goes. */
  async #refuseGaps(document: BundleDocument, entries: readonly Descriptor[]): Promise<void> {
    for (const one of [...document.images, ...document.bases]) {
      if (entries.some((entry) => isOf(one, entry))) continue;
      const { name, digest } = one;
      throw badBundle(this.what, `its ${INDEX} does not have ${name ?? "image"} ${digest}`);
    }
    const sizes = new Map(document.blobs.map(({ digest, size }) => [digest as string, size]));
    const omitted = new Map(document.omitted.map(({ digest, size }) => [digest as string, size]));
    const walk = new Walk(async (d, { below }) => {
      const size = sizes.get(d.digest) ?? omitted.get(d.digest);
      if (size === undefined) {
        if (isForeign(d) || inlineContent(d) !== undefined) return;
        throw badBundle(this.what, `an image of it needs ${d.digest}, which is not listed`);
      }
      if (size !== d.size) {
        throw badBundle(this.what, `${d.digest} has ${size} bytes, and an image needs ${d.size}`);
      }
      if (!hasSuccessors(d) || !sizes.has(d.digest)) return;
      const bytes = this.#documents.get(blobPath(d));
      if (bytes === undefined) {
        throw badBundle(this.what, `its ${DOCUMENT} does not say that ${d.digest} is a manifest`);
      }
      await below(parseGraphDocument(d, bytes));
    }, { signal: this.signal });
    for (const entry of entries) await walk.from(entry);
  }
}

/** Whether an entry is that of an image in the document. */
function isOf({ name, digest }: BundleImage, entry: Descriptor): boolean {
  return entry.digest === digest && entryName(entry) === name;
}

function isDocument({ mediaType }: BundleBlob): boolean {
  return mediaType !== undefined && hasSuccessors({ mediaType } as Descriptor);
}

/** For a member whose content is not all there. */
export function endsEarly(what: string): (why: string) => Error {
  return (why) => badBundle(what, `${why}; bring it again`);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield await Promise.resolve(bytes);
}

async function collected(chunks: AsyncIterable<Uint8Array>, size: number): Promise<Uint8Array> {
  const whole = new Uint8Array(size);
  let filled = 0;
  for await (const chunk of chunks) {
    whole.set(chunk, filled);
    filled += chunk.length;
  }
  return whole;
}
