/**
 * What points to what, and the one walk through a graph of blobs. It has an end, however the graph
 * was made, can be cancelled, and comes by each node once, whatever names it how often. What is
 * looked at, what of it is gone below, and what missing or odd nodes mean is up to its callers.
 * @module
 */
import { hasCode, KodenoError } from "../errors.ts";
import { verifyBytes } from "../io/hash.ts";
import { bytesStream, readAll } from "../io/streams.ts";
import {
  type Descriptor,
  isDocumentType,
  isForeign,
  isIndexType,
  isManifestType,
} from "../oci/descriptor.ts";
import {
  type Index,
  type Manifest,
  MAX_GRAPH_BLOBS,
  MAX_GRAPH_DEPTH,
  MAX_GRAPH_DOCUMENT_BYTES,
  MAX_JSON_BYTES,
  oddity,
  parseIndex,
  parseManifest,
} from "../oci/manifest.ts";
import { abortable, getOrSet } from "../io/concurrency.ts";
import { fetchBlob, inlineContent } from "./blobs.ts";
import type { Blobs, CallOptions, Source, Target } from "./places.ts";

interface WalkOptions<T> extends CallOptions {
  /** Goes below all children at once. The first failure ends the others, which are waited for. */
  readonly parallel?: boolean | undefined;
  readonly mostBytes?: number | undefined;
  /** What a node is worth that lies beyond the bounds; without it the walk fails there. */
  readonly beyond?: ((d: Descriptor) => T) | undefined;
}

interface Step<T> {
  readonly depth: number;
  /** Walks on below a document; a child that was met before gives nothing, unless parallel. */
  below(
    children: Pick<GraphDocument, "successors"> | readonly Descriptor[],
  ): Promise<readonly (T | undefined)[]>;
}

/**
 * A walk from one root or several. Nodes are told apart by `graphKey`: a graph is named by its
 * digests, so that it has no cycles, as a blob would have to hold its own hash.
 */
export class Walk<T = void> {
  readonly #met = new Map<string, Promise<T>>();
  readonly #fail: ((reason: unknown) => void) | undefined;
  /** Ends what a visit does: the caller's one, and when another visit of a parallel walk failed. */
  readonly signal: AbortSignal | undefined;

  /** What `visit` gives for a node is what that is worth. */
  constructor(
    readonly visit: (d: Descriptor, step: Step<T>) => T | Promise<T>,
    readonly options: WalkOptions<T> = {},
  ) {
    const both = options.parallel ? abortable(options.signal) : undefined;
    this.signal = both?.signal ?? options.signal;
    this.#fail = both?.abort;
  }

  /** Walks from a root, which has bounds of its own; what an earlier one led to is done. */
  async from(root: Descriptor): Promise<T | undefined> {
    return (await this.#all([root], 0, new GraphBounds(root, this.options.mostBytes)))[0];
  }

  hasMet(d: Descriptor): boolean {
    return this.#met.has(graphKey(d));
  }

  async #all(
    nodes: readonly Descriptor[],
    depth: number,
    bounds: GraphBounds,
  ): Promise<readonly (T | undefined)[]> {
    if (!this.options.parallel) {
      const found: (T | undefined)[] = [];
      for (const d of nodes) {
        found.push(this.hasMet(d) ? undefined : await this.#once(d, depth, bounds));
      }
      return found;
    }
    const work = nodes.map((d) => this.#once(d, depth, bounds));
    for (const one of work) one.catch(this.#fail);
    await Promise.allSettled(work);
    return await Promise.all(work).catch((error) => {
      throw this.signal?.reason ?? error;
    });
  }

  #once(d: Descriptor, depth: number, bounds: GraphBounds): Promise<T> {
    return getOrSet(this.#met, graphKey(d), () => this.#enter(d, depth, bounds));
  }

  async #enter(d: Descriptor, depth: number, bounds: GraphBounds): Promise<T> {
    this.signal?.throwIfAborted();
    try {
      bounds.enter(d, depth);
    } catch (error) {
      if (this.options.beyond === undefined) throw error;
      return this.options.beyond(d);
    }
    const below: Step<T>["below"] = (children) =>
      this.#all("successors" in children ? children.successors : children, depth + 1, bounds);
    return await this.visit(d, { depth, below });
  }
}

/**
 * Whether a root is there with all below it, but for what is known to be whole, what descriptors carry
 * themselves, and foreign layers, which an image is whole without.
 */
export async function isWhole(
  source: Blobs,
  root: Descriptor,
  isThere: (d: Descriptor) => boolean | Promise<boolean>,
  options: CallOptions & { readonly isKnown?: (d: Descriptor) => boolean } = {},
): Promise<boolean> {
  const { signal, isKnown = () => false } = options;
  if (!hasSuccessors(root)) return await isThere(root);
  let whole = true;
  const walk = new Walk(async (d, { depth, below }) => {
    if (!whole || isKnown(d) || isForeign(d)) return;
    whole = await isThere(d) || (depth > 0 && inlineContent(d) !== undefined);
    if (whole && hasSuccessors(d)) await below(await readGraphDocument(source, d, { signal }));
  }, { signal });
  await walk.from(root);
  return whole;
}

class GraphBounds {
  #blobs = 0;
  #documentBytes = 0;

  constructor(readonly root: Descriptor, readonly mostBytes = MAX_GRAPH_DOCUMENT_BYTES) {}

  /** Takes one more blob, the root among them, so many levels below that. */
  enter(d: Descriptor, depth: number): void {
    const bad = (why: string): KodenoError => {
      const message = `Cannot use ${this.root.digest}: ${why}; no honest image has that`;
      return new KodenoError("BAD_CONTENT", message);
    };
    const { mostBytes } = this;
    if (depth > MAX_GRAPH_DEPTH) {
      throw bad(`what it names goes over ${MAX_GRAPH_DEPTH} levels deep`);
    }
    if (++this.#blobs > MAX_GRAPH_BLOBS) throw bad(`it leads to over ${MAX_GRAPH_BLOBS} blobs`);
    if (!hasSuccessors(d)) return;
    this.#documentBytes += d.size;
    if (this.#documentBytes > mostBytes) throw bad(`its manifests have over ${mostBytes} bytes`);
  }
}

/** Whether a blob of this type points to others. */
export function hasSuccessors(descriptor: Descriptor): boolean {
  return isDocumentType(descriptor.mediaType);
}

/** Why nobody can tell what belongs to a blob without {@link hasSuccessors}, for a message. */
export function whyUnknown({ mediaType }: Descriptor): string {
  return `its media type ${JSON.stringify(mediaType)} is neither an image's nor an index's`;
}

/**
 * Tells the nodes of a graph apart. One digest may be named with several sizes, of which one is
 * right, and both as a document that leads further and as a plain blob that does not.
 */
export function graphKey(d: Descriptor): string {
  const { digest, size, mediaType } = d;
  const why = oddity(d);
  // What is wrong with one says nothing of another that names the same blob.
  if (why !== undefined) return `${digest} ${why}`;
  const kind = isIndexType(mediaType) ? "index" : isManifestType(mediaType) ? "manifest" : "blob";
  return `${digest} ${size} ${kind}`;
}

/** A manifest or an index, read. */
export interface GraphDocument {
  readonly bytes: Uint8Array;
  /** One of the two. */
  readonly manifest?: Manifest | undefined;
  readonly index?: Index | undefined;
  /** What it says something about, as a signature does. */
  readonly subject?: Descriptor | undefined;
  /** All it points to, in the order it names them, the subject last. */
  readonly successors: readonly Descriptor[];
}

/** Reads a blob that points to others. */
export function parseGraphDocument(d: Descriptor, bytes: Uint8Array): GraphDocument {
  const what = `blob ${d.digest}`;
  if (isIndexType(d.mediaType)) {
    const index = parseIndex(bytes, what);
    const { manifests, subject } = index;
    return { bytes, index, subject, successors: subject ? [...manifests, subject] : manifests };
  }
  const manifest = parseManifest(bytes, what);
  const { config, layers, subject } = manifest;
  const successors = [config, ...layers, ...(subject ? [subject] : [])];
  return { bytes, manifest, subject, successors };
}

/**
 * The descriptors a blob points to, in the order it names them: config and layers of a manifest,
 * manifests of an index, and the subject of either. Other blobs point to nothing.
 *
 * @param descriptor what the bytes are
 * @param bytes the blob
 * @throws {KodenoError} `BAD_CONTENT` when the bytes are not what the media type says
 */
export function successors(descriptor: Descriptor, bytes: Uint8Array): readonly Descriptor[] {
  return hasSuccessors(descriptor) ? parseGraphDocument(descriptor, bytes).successors : [];
}

/** Refuses what stands in the place of a descriptor and is none, when it is needed. */
export function refuseOdd({ what }: Pick<Blobs, "what">, d: Descriptor): void {
  const why = oddity(d);
  if (why === undefined) return;
  const of = what === undefined ? "" : ` of ${what}`;
  throw new KodenoError("BAD_CONTENT", `Cannot use ${d.digest}${of}: ${why}`);
}

/**
 * Reads a manifest, index or config of up to {@link MAX_JSON_BYTES}, or what may have `most`, and checks
 * its digest.
 */
export async function readDocument(
  source: Blobs,
  descriptor: Descriptor,
  { most = MAX_JSON_BYTES, signal }: CallOptions & { readonly most?: number } = {},
) {
  refuseOdd(source, descriptor);
  const what = `blob ${descriptor.digest}`;
  if (descriptor.size > most) {
    const why = `a ${descriptor.mediaType} of ${descriptor.size} bytes is larger than ` +
      `the ${most} allowed`;
    throw new KodenoError("BAD_CONTENT", `Cannot read ${what}: ${why}`);
  }
  const stream = await fetchBlob(source, descriptor, { signal });
  const bytes = await readAll(stream, most, what);
  verifyBytes(descriptor, bytes, source.what);
  return bytes;
}

/** {@link readDocument} of a manifest or index, with what it points to. */
export async function readGraphDocument(source: Blobs, d: Descriptor, options?: CallOptions) {
  return parseGraphDocument(d, await readDocument(source, d, options));
}

/**
 * Reads from a cache what it has, and else from the source through the cache: each blob is fetched
 * once, and checked on its way in. One that the cache has is checked, too: a small one here, a
 * large one by its reader, who has to have it removed.
 */
export function cachedSource(source: Source, cache: Source & Target): Source {
  return {
    resolve: (ref, options) => source.resolve(ref, options),
    fetch: async (descriptor: Descriptor, options: CallOptions = {}) => {
      try {
        return descriptor.size > MAX_JSON_BYTES
          ? await cache.fetch(descriptor, options)
          : bytesStream(await readDocument(cache, descriptor, options));
      } catch (error) {
        if (!hasCode(error, "NOT_FOUND", "BAD_CONTENT")) throw error;
      }
      await cache.push(descriptor, () => source.fetch(descriptor, options), options);
      return await cache.fetch(descriptor, options);
    },
  };
}
