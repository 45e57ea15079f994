/**
 * The use cases of `kodeno cache`: what is kept for the next build, and removing it.
 * @module
 */
import { join } from "node:path";
import { resolveCacheConfig } from "../config/build_config.ts";
import { ioFailure, isNotFound } from "../io/fail.ts";
import { withLock } from "../io/lock.ts";
import { openLayerCache } from "../layers/cache.ts";

/** What the cache holds. */
export interface CacheInfo {
  readonly directory: string;
  readonly layers: number;
  readonly layerBytes: number;
  /** Most bytes of layers that are kept. */
  readonly maxBytes: number;
  readonly binaries: number;
  readonly binaryBytes: number;
}

/**
 * Counts what the cache holds.
 *
 * @throws {KodenoError} `IO_FAILED`
 */
export async function cacheInfo(): Promise<CacheInfo> {
  const { directory, maxBytes } = resolveCacheConfig();
  const cache = await openLayerCache(join(directory, "layers"), true);
  const { layers, bytes: layerBytes } = await cache.info();
  let binaries = 0;
  let binaryBytes = 0;
  for (const group of await names(join(directory, "bin"), "isDirectory")) {
    const folder = join(directory, "bin", group);
    for (const name of await names(folder, "isFile")) {
      binaries++;
      binaryBytes += (await Deno.stat(join(folder, name))).size;
    }
  }
  return { directory, layers, layerBytes, maxBytes, binaries, binaryBytes };
}

/**
 * Empties the cache; waits for builds that are using it.
 *
 * @returns what it held
 * @throws {KodenoError} `IO_FAILED`
 */
export async function cacheClean(): Promise<CacheInfo> {
  const info = await cacheInfo();
  const cache = await openLayerCache(join(info.directory, "layers"), true);
  await cache.shrink(0);
  const root = join(info.directory, "bin");
  try {
    for (const group of await names(root, "isDirectory")) {
      await withLock(join(root, `${group}.lock`), async () => {
        await Deno.remove(join(root, group), { recursive: true });
      });
    }
  } catch (error) {
    throw ioFailure(`empty cache ${info.directory}`, error);
  }
  return info;
}

async function names(folder: string, kind: "isDirectory" | "isFile"): Promise<readonly string[]> {
  const found: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      if (entry[kind]) found.push(entry.name);
    }
  } catch (error) {
    if (!isNotFound(error)) throw ioFailure(`read folder ${folder}`, error);
  }
  return found.sort();
}
