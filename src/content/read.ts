/**
 * Reading small blobs whole, checked, and large ones through a cache.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { Verifier } from "../io/hash.ts";
import { bytesStream, readAll } from "../io/streams.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { MAX_JSON_BYTES } from "../oci/limits.ts";
import type { CallOptions, Source, Target } from "./places.ts";
import { type GraphDocument, parseGraphDocument } from "./successors.ts";

/**
 * Reads a manifest, index or config and checks it against its descriptor. What claims to be larger
 * than {@link MAX_JSON_BYTES} is not read at all.
 *
 * @throws {KodenoError} `BAD_CONTENT` for a wrong digest or size, `NOT_FOUND`
 */
export async function readDocument(
  source: Pick<Source, "fetch">,
  descriptor: Descriptor,
  options?: CallOptions,
): Promise<Uint8Array> {
  const what = `blob ${descriptor.digest}`;
  if (descriptor.size > MAX_JSON_BYTES) {
    throw new KodenoError(
      "BAD_CONTENT",
      `Cannot read ${what}: a ${descriptor.mediaType} of ${descriptor.size} bytes is larger than ` +
        `the ${MAX_JSON_BYTES} allowed`,
    );
  }
  const stream = await source.fetch(descriptor, options);
  const bytes = await readAll(stream, MAX_JSON_BYTES, what);
  const verifier = new Verifier(descriptor);
  verifier.update(bytes);
  verifier.finish();
  return bytes;
}

/** {@link readDocument} of a manifest or index, with what it points to. */
export async function readGraphDocument(
  source: Pick<Source, "fetch">,
  descriptor: Descriptor,
  options?: CallOptions,
): Promise<GraphDocument> {
  return parseGraphDocument(descriptor, await readDocument(source, descriptor, options));
}

/**
 * Reads from a cache what it has, and else from the source through the cache: each blob is checked
 * on its way in and fetched once. One that the cache has is checked, too: a small one here, and a
 * large one by its reader, who hears of it at its end and has to have it removed.
 */
export function cachedSource(source: Source, cache: Source & Target): Source {
  const fetchCached = async (descriptor: Descriptor, options: CallOptions) =>
    descriptor.size > MAX_JSON_BYTES
      ? await cache.fetch(descriptor, options)
      : bytesStream(await readDocument(cache, descriptor, options));
  return {
    resolve: (ref, options) => source.resolve(ref, options),
    fetch: async (descriptor: Descriptor, options: CallOptions = {}) => {
      try {
        return await fetchCached(descriptor, options);
      } catch (error) {
        const code = error instanceof KodenoError ? error.code : undefined;
        if (code !== "NOT_FOUND" && code !== "BAD_CONTENT") throw error;
      }
      await cache.push(descriptor, () => source.fetch(descriptor, options), options);
      return await cache.fetch(descriptor, options);
    },
  };
}
