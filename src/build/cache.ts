/**
 * Keeps the cache of layers and binaries within its bound.
 * @module
 */
import { join } from "node:path";
import type { CacheConfig } from "../config/config.ts";
import { type LayerCache, openLayerCache } from "../layers/cache.ts";
import { binaryRoot, listBinaryFolders, removeBinaryFolder } from "./binaries.ts";

/** Opens the layers of a cache. */
export function openLayers({ directory, enabled }: CacheConfig): Promise<LayerCache> {
  return openLayerCache(join(directory, "layers"), enabled);
}

/**
 * Removes what was not used for the longest time, layers and folders of binaries alike, until the
 * cache is within its bound. A process that is just using one of the layers writes it anew.
 */
export async function shrinkCache(
  { directory, maxBytes }: CacheConfig,
  layers: LayerCache,
): Promise<void> {
  const all = [
    ...(await layers.list()).map((one) => ({ ...one, remove: () => layers.remove([one]) })),
    ...(await listBinaryFolders(binaryRoot(directory)))
      .map((one) => ({ ...one, remove: () => removeBinaryFolder(one) })),
  ].sort((a, b) => a.used - b.used);
  let left = all.reduce((sum, { size }) => sum + size, 0);
  for (const { size, remove } of all) {
    if (left <= maxBytes) break;
    await remove();
    left -= size;
  }
  await layers.removeDeadKeys();
}
