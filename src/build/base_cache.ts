/**
 * The base images of registries that the cache keeps: blobs under their digests, and what names stood
 * for when they were asked for last.
 * @module
 */
import { join } from "node:path";
import { ioFailure } from "../io/fail.ts";
import { digestOf } from "../io/hash.ts";
import { removeIfThere } from "../io/remove.ts";
import { readSealed, writeSealed } from "../io/sealed.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { digestHex, isDigest } from "../oci/digest.ts";
import { Layout } from "../place/layout/layout.ts";

const BLOBS = ["blobs", "sha256"] as const;
const NAMES = "names";

/** The folder of the base images in a cache. */
export function baseCacheDirectory(cacheDirectory: string): string {
  return join(cacheDirectory, "bases");
}

/** Opens the base images of a cache. */
export async function openBaseCache(cacheDirectory: string): Promise<BaseCache> {
  const directory = baseCacheDirectory(cacheDirectory);
  try {
    await Deno.mkdir(join(directory, ...BLOBS), { recursive: true });
    await Deno.mkdir(join(directory, NAMES), { recursive: true });
  } catch (error) {
    throw ioFailure(`make cache of base images ${directory}`, error);
  }
  return new BaseCache(directory);
}

/** Made by {@link openBaseCache}. */
export class BaseCache {
  /** Without entries: who reads a blob has its digest, and checks it. */
  readonly blobs: Layout;

  constructor(readonly directory: string) {
    this.blobs = new Layout(directory);
  }

  /** What a name or digest stood for the last time, if that is known. */
  known(reference: string): Descriptor | undefined {
    const name = recordOf(reference);
    const path = join(this.directory, NAMES, name);
    return readSealed(path, name) as Descriptor | undefined;
  }

  /** Remembers what a name or digest stands for. */
  async remember(reference: string, { mediaType, digest, size }: Descriptor): Promise<void> {
    const name = recordOf(reference);
    const value: Descriptor = { mediaType, digest, size };
    // Without it the registry is asked once more: no reason to fail.
    await writeSealed(join(this.directory, NAMES, name), this.directory, name, value)
      .catch(() => {});
  }
}

function recordOf(reference: string): string {
  return digestHex(digestOf(JSON.stringify([Deno.uid(), reference])));
}

/**
 * Forgets a blob whose bytes do not hold.
 *
 * @returns whether it was there
 */
export async function evictBaseBlob(cacheDirectory: string, digest: string): Promise<boolean> {
  if (!isDigest(digest)) return false;
  const path = join(baseCacheDirectory(cacheDirectory), ...BLOBS, digestHex(digest));
  return await removeIfThere(path);
}
