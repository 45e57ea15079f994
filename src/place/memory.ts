/**
 * Memory as a place: for tests, and for graphs that are small and short-lived.
 * @module
 */
import { bareDescriptor, type Descriptor, isDigest, parseDigest } from "../oci/descriptor.ts";
import type { CallOptions, OpenBlob, Source, Target } from "../content/places.ts";
import { hasSuccessors, isWhole } from "../content/walk.ts";
import { KodenoError } from "../errors.ts";
import { digestOf, Verifier } from "../io/hash.ts";
import { bytesStream, chunksOf, observed, readAll } from "../io/streams.ts";
import { parseImageName, shortName } from "../oci/reference.ts";

/**
 * A {@link Source} and {@link Target} that keeps everything in memory.
 *
 * @example
 * ```ts
 * import { MemoryStore } from "@kodeno/kodeno";
 * const store = new MemoryStore();
 * const d = await store.add("text/plain", new TextEncoder().encode("hello"));
 * if (!(await store.has(d))) throw new Error();
 * ```
 */
export class MemoryStore implements Source, Target {
  readonly #blobs = new Map<string, Uint8Array>();
  readonly #roots = new Map<string, Descriptor>();
  readonly #names = new Map<string, Descriptor>();

  /** Adds bytes at hand and describes them. */
  // deno-lint-ignore require-await -- what stores must be awaited, here as in any place
  async add(mediaType: string, bytes: Uint8Array): Promise<Descriptor> {
    const digest = digestOf(bytes);
    this.#blobs.set(digest, bytes);
    const descriptor = { mediaType, digest, size: bytes.length };
    if (hasSuccessors(descriptor)) this.#roots.set(digest, descriptor);
    return descriptor;
  }

  /** The names that were given, sorted. */
  tags(): readonly string[] {
    return [...this.#names.keys()].sort();
  }

  /** {@inheritDoc Source.resolve} */
  // deno-lint-ignore require-await -- so that it never throws before there is a promise
  async resolve(ref: string, options: CallOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted();
    const found = isDigest(ref) ? this.#roots.get(ref) : this.#names.get(shortName(ref));
    if (found !== undefined) return found;
    throw new KodenoError("NOT_FOUND", `Cannot find ${JSON.stringify(ref)} in memory`);
  }

  /** {@inheritDoc Source.fetch} */
  // deno-lint-ignore require-await -- as above
  async fetch(d: Descriptor, options: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    options.signal?.throwIfAborted();
    const bytes = this.#blobs.get(parseDigest(d.digest));
    if (bytes !== undefined) return bytesStream(bytes);
    throw new KodenoError("NOT_FOUND", `Cannot find blob ${d.digest} in memory`);
  }

  /** {@inheritDoc Target.has} */
  async has(descriptor: Descriptor, options: CallOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    const isThere = (d: Descriptor) => this.#blobs.get(d.digest)?.length === d.size;
    return await isWhole(this, descriptor, isThere, options);
  }

  /** {@inheritDoc Target.push} */
  async push(descriptor: Descriptor, open: OpenBlob, options: CallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const digest = parseDigest(descriptor.digest);
    const verifier = new Verifier(descriptor);
    const stream = observed(await open(), (chunk) => verifier.update(chunk));
    const bytes = await readAll(chunksOf(stream, options.signal), descriptor.size, digest);
    verifier.finish();
    this.#blobs.set(digest, bytes);
    if (hasSuccessors(descriptor)) this.#roots.set(digest, bareDescriptor(descriptor));
  }

  /** {@inheritDoc Target.tag} */
  async tag(descriptor: Descriptor, ref: string, options: CallOptions = {}): Promise<void> {
    parseImageName(ref);
    if (!(await this.has(descriptor, options))) {
      throw new KodenoError("NOT_FOUND", `Cannot tag ${descriptor.digest}: it is not in memory`);
    }
    this.#names.set(shortName(ref), descriptor);
  }
}
