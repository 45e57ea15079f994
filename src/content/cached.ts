/**
 * A source with a place in front that keeps what was read.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { bytesStream } from "../io/streams.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { MAX_JSON_BYTES } from "../oci/limits.ts";
import type { CallOptions, Source, Target } from "./places.ts";
import { readDocument } from "./read.ts";

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
