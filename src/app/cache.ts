/**
 * The recipes of `kodeno cache`: what is kept for the next build, and removing it.
 * @module
 */
import { binaryRoot, listBinaryFolders } from "../build/binaries.ts";
import { baseCacheDirectory, openLayers, shrinkCache } from "../build/cache.ts";
import { resolveCacheConfig } from "../config/config.ts";
import { removeIfThere } from "../io/files.ts";

/** What the cache holds. */
type CacheInfo = Awaited<ReturnType<typeof cacheInfo>>;

/** Counts; `maxBytes` is how many of layers and binaries together are kept after a build. */
export async function cacheInfo(config = resolveCacheConfig()) {
  const layers = await (await openLayers(config)).list();
  const folders = await listBinaryFolders(binaryRoot(config.directory));
  const { directory, maxBytes } = config;
  return {
    directory,
    layers: layers.length,
    layerBytes: layers.reduce((sum, { size }) => sum + size, 0),
    binaries: folders.reduce((sum, { binaries }) => sum + binaries, 0),
    binaryBytes: folders.reduce((sum, { size }) => sum + size, 0),
    maxBytes,
  };
}

/** Empties the cache, waiting for builds that are using it; what it held. */
export async function cacheClean(): Promise<CacheInfo> {
  const config = resolveCacheConfig();
  const info = await cacheInfo(config);
  await shrinkCache({ ...config, maxBytes: 0 }, await openLayers(config));
  await removeIfThere(baseCacheDirectory(config.directory), { recursive: true });
  return info;
}
