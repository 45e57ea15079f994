/**
 * The recipes of `kodeno cache`: what is kept for the next build, and removing it.
 * @module
 */
import { join } from "node:path";
import { emptyBaseCache } from "../build/bases.ts";
import { binaryRoot, listBinaryFolders } from "../build/binaries.ts";
import { baseCacheDirectory, openLayers, shrinkCache } from "../build/cache.ts";
import { resolveCacheConfig } from "../config/config.ts";
import { entriesIn } from "../io/files.ts";

/** What the cache holds. */
export type CacheInfo = Awaited<ReturnType<typeof cacheInfo>>;

/**
 * Counts; `maxBytes` is how many of layers and binaries together are kept after a build. Base images are
 * kept until they are removed.
 */
export async function cacheInfo(config = resolveCacheConfig()) {
  const layers = await (await openLayers(config)).list();
  const folders = await listBinaryFolders(binaryRoot(config.directory));
  const { directory, maxBytes } = config;
  return {
    directory,
    baseBytes: await bytesBelow(baseCacheDirectory(directory)),
    layers: layers.length,
    layerBytes: layers.reduce((sum, { size }) => sum + size, 0),
    binaries: folders.reduce((sum, { binaries }) => sum + binaries, 0),
    binaryBytes: folders.reduce((sum, { size }) => sum + size, 0),
    maxBytes,
  };
}

async function bytesBelow(folder: string): Promise<number> {
  const sizes = (await entriesIn(folder)).map(async ({ name, isDirectory }) => {
    const path = join(folder, name);
    if (isDirectory) return await bytesBelow(path);
    // Another process may have removed it.
    return await Deno.lstat(path).then(({ size }) => size, () => 0);
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Empties the cache, waiting for builds that are using it; what it held, and how much was freed. */
export async function cacheClean(): Promise<CacheInfo & { readonly freedBytes: number }> {
  const config = resolveCacheConfig();
  const info = await cacheInfo(config);
  await shrinkCache({ ...config, maxBytes: 0 }, await openLayers(config));
  await emptyBaseCache(config.directory);
  const left = await cacheInfo(config);
  const freed = bytesOf(info) - bytesOf(left);
  return { ...info, freedBytes: Math.max(0, freed) };
}

function bytesOf({ layerBytes, binaryBytes, baseBytes }: CacheInfo): number {
  return layerBytes + binaryBytes + baseBytes;
}
