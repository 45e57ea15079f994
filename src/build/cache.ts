/**
 * The use cases of `kodeno cache`, and keeping the cache within its bound after a build.
 * @module
 */
import { join } from "node:path";
import { type CacheConfig, resolveCacheConfig } from "../config/config.ts";
import { type LayerCache, openLayerCache } from "../layers/cache.ts";
import { ioFailure, isNotFound } from "../io/fail.ts";
import { baseCacheDirectory } from "./bases.ts";
import { binaryRoot, listBinaryFolders, removeBinaryFolder } from "./binaries.ts";

/** What the cache holds. */
export interface CacheInfo {
  readonly directory: string;
  readonly layers: number;
  readonly layerBytes: number;
  readonly binaries: number;
  readonly binaryBytes: number;
  /** Most bytes of layers and binaries together that are kept after a build. */
  readonly maxBytes: number;
}

/** Opens the layers of a cache. */
export function openLayers({ directory, enabled }: CacheConfig): Promise<LayerCache> {
  return openLayerCache(join(directory, "layers"), enabled);
}

/**
 * Counts what the cache holds.
 *
 * @throws {KodenoError} `IO_FAILED`
 */
export async function cacheInfo(): Promise<CacheInfo> {
  const config = resolveCacheConfig();
  const layers = await (await openLayers(config)).list();
  const folders = await listBinaryFolders(binaryRoot(config.directory));
  return {
    directory: config.directory,
    layers: layers.length,
    layerBytes: layers.reduce((sum, { size }) => sum + size, 0),
    binaries: folders.reduce((sum, { binaries }) => sum + binaries, 0),
    binaryBytes: folders.reduce((sum, { size }) => sum + size, 0),
    maxBytes: config.maxBytes,
  };
}

/**
 * Empties the cache; waits for builds that are using it.
 *
 * @returns what it held
 * @throws {KodenoError} `IO_FAILED`
 */
export async function cacheClean(): Promise<CacheInfo> {
  const info = await cacheInfo();
  const config = resolveCacheConfig();
  await shrinkCache({ ...config, maxBytes: 0 }, await openLayers(config));
  const bases = baseCacheDirectory(config.directory);
  await Deno.remove(bases, { recursive: true }).catch((error) => {
    if (!isNotFound(error)) throw ioFailure(`remove folder ${bases}`, error);
  });
  return info;
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
