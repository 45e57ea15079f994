/**
 * A source with a place in front that keeps what was read.
 * @module
 */
import { KodenoError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { CallOptions, Source, Target } from "./places.ts";

/**
 * Reads from a cache what it has, and else from the source through the cache: each blob is checked
 * on its way in and fetched once.
 */
export function cachedSource(source: Source, cache: Source & Target): Source {
  return {
    resolve: (ref, options) => source.resolve(ref, options),
    fetch: async (descriptor: Descriptor, options: CallOptions = {}) => {
      try {
        return await cache.fetch(descriptor, options);
      } catch (error) {
        const code = error instanceof KodenoError ? error.code : undefined;
        if (code !== "NOT_FOUND" && code !== "BAD_CONTENT") throw error;
      }
      await cache.push(descriptor, () => source.fetch(descriptor, options), options);
      return await cache.fetch(descriptor, options);
    },
  };
}
