/**
 * The layer cache: finished layers under the digest of their bytes, found by everything that shapes
 * those. Safe between processes, bounded in size, and never trusted: keys are sealed, a layer's
 * digest is checked when it is used, and what does not hold is written anew.
 * @module
 */
import { basename, join } from "node:path";
import { KodenoError } from "../errors.ts";
import { removeStaleTemporaries, temporaryPath, throughTemporary } from "../io/atomic.ts";
import { ioFailure, isNotFound, removeIfThere } from "../io/files.ts";
import { digestOf } from "../io/hash.ts";
import { readSealed, writeSealed } from "../io/records.ts";
import { fileStream, hashedFile } from "../io/streams.ts";
import { getOrSet } from "../io/concurrency.ts";
import { digestHex, isDigest } from "../oci/descriptor.ts";
import {
  type Layer,
  type LayerPlan,
  writeLayer,
  type WriteLayerOptions,
  type WrittenLayer,
} from "./layer.ts";

/** Changes when the same key would give other bytes. */
const FORMAT = 2;
/** How often a layer that others remove is written anew. */
const MAX_WRITES = 3;

interface CachedLayer {
  readonly path: string;
  readonly size: number;
  /** When it was last used, in milliseconds since 1970. */
  readonly used: number;
}

/** Opens the cache in a folder, which is made; without `keep` for this process only. */
export async function openLayerCache(directory: string, keep: boolean): Promise<LayerCache> {
  try {
    for (const part of ["keys", "blobs"]) {
      Deno.mkdirSync(join(directory, part), { recursive: true });
    }
  } catch (error) {
    throw ioFailure(`make layer cache ${directory}`, error);
  }
  await removeStaleTemporaries(directory);
  return new LayerCache(directory, keep);
}

/** Finished layers on disk. Made by {@link openLayerCache}. */
export class LayerCache {
  /** Blobs that are here for this process only. */
  readonly #passing = new Set<string>();
  /** Layers being looked up or written, so that equal ones (empty kodata) are written once. */
  readonly #running = new Map<string, Promise<WrittenLayer>>();
  /** Paths of layers in whose place is what cannot be removed. */
  readonly #apart = new Map<string, string>();
  /** Whether anything was written, so that the size may need a look. */
  wrote = false;

  constructor(readonly directory: string, readonly keep: boolean) {}

  /** The layer of a plan: from the cache, or written now. */
  async layer(plan: LayerPlan, options: WriteLayerOptions): Promise<Layer> {
    const { compression } = options;
    // The runtime's version stands for its zlib: another one may write other bytes.
    // Each user has own keys: who may write one decides what is in images.
    const key = [FORMAT, Deno.version.deno, Deno.uid(), compression, plan.key];
    const keyPath = join(this.directory, "keys", digestHex(digestOf(JSON.stringify(key))));
    const written = await this.#once(keyPath, () => this.#find(keyPath, plan, options));
    const { mediaType, digest, size, diffId } = written;
    return {
      descriptor: { mediaType, digest, size },
      diffId,
      // The signal of this call is over when the layer is written; each opening has its own.
      open: async ({ signal } = {}) =>
        fileStream(await this.#open(written, plan, { compression, signal })),
    };
  }

  /** Forgets a layer whose bytes do not hold; tells whether it was there. */
  async evict(digest: string): Promise<boolean> {
    if (!isDigest(digest)) return false;
    const removed = await removeOwn(this.#blobPath(digest));
    // That of another user stays; this process goes on with one of its own.
    if (removed === undefined) this.#apart.set(digest, temporaryPath(this.directory));
    return removed ?? true;
  }

  async list(): Promise<readonly CachedLayer[]> {
    return await list(join(this.directory, "blobs"));
  }

  /** Removes layers, as far as this user may. A process that is just using one writes it anew. */
  async remove(layers: readonly CachedLayer[]): Promise<void> {
    for (const { path } of layers) await removeOwn(path);
  }

  /** Removes the keys of layers that are not there any more. */
  async removeDeadKeys(): Promise<void> {
    for (const { path } of await list(join(this.directory, "keys"))) {
      if (await this.#lookUp(path, true) === undefined) await removeOwn(path);
    }
  }

  /** Ends the use of the cache: removes what was not to be kept. */
  async close(): Promise<void> {
    for (const path of this.#passing) await removeOwn(path);
  }

  /** Runs `work` unless the same is running already. */
  #once(name: string, work: () => Promise<WrittenLayer>): Promise<WrittenLayer> {
    return getOrSet(this.#running, name, () => work().finally(() => this.#running.delete(name)));
  }

  async #find(keyPath: string, plan: LayerPlan, options: WriteLayerOptions): Promise<WrittenLayer> {
    const known = this.keep ? await this.#lookUp(keyPath) : undefined;
    if (known === undefined) return await this.#write(keyPath, plan, options);
    // The least recently used ones go first.
    const now = new Date();
    await Deno.utime(this.#blobPath(known.digest), now, now).catch(() => {});
    return known;
  }

  async #lookUp(keyPath: string, ofAnyone = false): Promise<WrittenLayer | undefined> {
    const sealed = readSealed(keyPath, basename(keyPath), ofAnyone);
    if (sealed === undefined) return undefined;
    const written = sealed as WrittenLayer;
    const info = await Deno.stat(this.#blobPath(written.digest)).catch(() => undefined);
    return info?.isFile && info.size === written.size ? written : undefined;
  }

  /** Writes a layer; it is found again when a key is given. */
  async #write(keyPath: string | undefined, plan: LayerPlan, options: WriteLayerOptions) {
    const fill = (file: Deno.FsFile) => writeLayer(file, plan.entries, options);
    // Not synced: what a power cut leaves behind does not pass the check of its digest.
    const settle = async (temporary: string, written: WrittenLayer): Promise<void> => {
      const path = this.#blobPath(written.digest);
      await Deno.rename(temporary, path).catch(async (error) => {
        // Where several users share a folder, that of another one may have to stay and do as well.
        if (!(await hasDigest(path, written.digest))) throw error;
        await removeIfThere(temporary);
      });
      this.wrote = true;
      if (!this.keep || this.#apart.has(written.digest)) this.#passing.add(path);
      else if (plan.settled && keyPath !== undefined) {
        // Without a key it is written again the next time: no reason to fail.
        await writeSealed(keyPath, this.directory, basename(keyPath), written).catch(() => {});
      }
    };
    try {
      return await throughTemporary(this.directory, fill, settle);
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      throw ioFailure(`write a layer to cache ${this.directory}`, error);
    }
  }

  /** Opens a layer; one that was removed since (to make room, or as damaged) is written anew. */
  async #open({ digest }: WrittenLayer, plan: LayerPlan, options: WriteLayerOptions) {
    const path = this.#blobPath(digest);
    // Whoever removes layers all the time may be faster once more.
    for (let writes = 0;; writes++) {
      const file = await openIfThere(path);
      if (file !== undefined) return file;
      if (writes === MAX_WRITES) break;
      // The files may have changed since, so that the key must not lead to what is written now.
      // What fails here fails with its reason when the caller builds the layer anew.
      await this.#once(path, () => this.#write(undefined, plan, options)).catch(() => {});
    }
    const message = `Cannot find layer ${digest} in cache ${this.directory}`;
    throw new KodenoError("NOT_FOUND", message, { digest });
  }

  #blobPath(digest: WrittenLayer["digest"]): string {
    return this.#apart.get(digest) ?? join(this.directory, "blobs", digestHex(digest));
  }
}

async function list(folder: string): Promise<readonly CachedLayer[]> {
  const found: CachedLayer[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile) continue;
    const path = join(folder, name);
    const info = await Deno.stat(path).catch(() => undefined);
    if (info) found.push({ path, size: info.size, used: info.mtime?.getTime() ?? 0 });
  }
  return found;
}

async function hasDigest(path: string, digest: string): Promise<boolean> {
  const file = await openIfThere(path);
  return file !== undefined && (await hashedFile(file)).digest === digest;
}

async function openIfThere(path: string): Promise<Deno.FsFile | undefined> {
  return await Deno.open(path).catch((error) => {
    if (isNotFound(error)) return undefined;
    throw ioFailure(`read ${path}`, error);
  });
}

/** Removes a file, unless that is for another user to do: then it gives nothing. */
async function removeOwn(path: string): Promise<boolean | undefined> {
  return await removeIfThere(path).catch((error) => {
    if (error.cause instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  });
}
