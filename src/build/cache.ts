/**
 * The whole cache: layers and binaries, which are kept within a bound together, and base images.
 * @module
 */
import { join } from "node:path";
import type { CacheConfig } from "../config/config.ts";
import { entriesIn, removeIfThere } from "../io/files.ts";
import { type LayerCache, openLayerCache } from "../layers/cache.ts";
import { isDigest } from "../oci/descriptor.ts";
import { blobPathIn } from "../place/layout/files.ts";
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
  const folders = await listBinaryFolders(binaryRoot(directory));
  const all = [
    ...(await layers.list()).map((one) => ({ ...one, remove: () => layers.remove([one]) })),
    ...folders.map((one) => ({ ...one, remove: () => removeBinaryFolder(one.path) })),
  ].sort((a, b) => a.used - b.used);
  let left = all.reduce((sum, { size }) => sum + size, 0);
  for (const { size, remove } of all) {
    if (left <= maxBytes) break;
    await remove();
    left -= size;
  }
  await layers.removeDeadKeys();
  await removeOldContents(contentsDirectory(directory), maxBytes === 0 ? 0 : CONTENTS_MS);
}

/** The folder of what was seen in layers for SBOMs. */
export function contentsDirectory(cacheDirectory: string): string {
  return join(cacheDirectory, "contents");
}

/** How long that is kept, in milliseconds: it is small, and made anew from the layer. */
const CONTENTS_MS = 30 * 24 * 60 * 60 * 1000;

async function removeOldContents(folder: string, age: number): Promise<void> {
  const now = Date.now();
  for (const { name } of await entriesIn(folder)) {
    const path = join(folder, name);
    const info = await Deno.lstat(path).catch(() => undefined);
    // What another user has is theirs; what is left is read by its checksum, or not at all.
    if (now - (info?.mtime?.getTime() ?? now) >= age) await Deno.remove(path).catch(() => {});
  }
}

/** The folder of the base images in a cache. */
export function baseCacheDirectory(cacheDirectory: string): string {
  return join(cacheDirectory, "bases");
}

/** Forgets a blob of a base whose bytes do not hold; tells whether it was there. */
export async function evictBaseBlob(cacheDirectory: string, digest: string): Promise<boolean> {
  return isDigest(digest) &&
    await removeIfThere(blobPathIn(baseCacheDirectory(cacheDirectory), { digest }));
}
