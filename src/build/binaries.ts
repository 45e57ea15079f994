/**
 * The folders that `go build` writes into. They stay, so that go finds its own work again; each has
 * a lock beside it, whose time tells when the folder was last used, and which holds what go wrote there.
 * @module
 */
import { basename, dirname, join } from "node:path";
import { ioFailure, isNotFound } from "../io/fail.ts";
import { withLockFile } from "../io/lock.ts";
import { isOwn, readSealed, seal } from "../io/sealed.ts";
import type { BinaryRecords } from "./built_binaries.ts";

/** One folder of binaries. */
export interface BinaryFolder {
  readonly path: string;
  readonly binaries: number;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly used: number;
}

/** The folder of all binaries in a cache. */
export function binaryRoot(cacheDirectory: string): string {
  return join(cacheDirectory, "bin");
}

/** What a lock holds while its folder is being built into. */
const BUSY = "busy\n";
/** Whoever else uses the cache has no business there. */
const MODE = 0o700;

/**
 * Runs `work` with a folder to itself: no other process builds into it or removes it meanwhile.
 *
 * @param work gets what is known of the binaries in it, and keeps that up to date
 * @param signal ends the waiting for another process
 * @throws {KodenoError} `IO_FAILED` when the folder cannot be made
 */
export async function withBinaryFolder<T>(
  path: string,
  work: (records: BinaryRecords) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const lock = lockOf(path);
  const make = async (): Promise<void> => {
    try {
      // The mode would be that of all above it, too.
      await Deno.mkdir(dirname(path), { recursive: true });
      await Deno.mkdir(path, { mode: MODE }).catch((error) => {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      });
    } catch (error) {
      throw ioFailure(`make folder ${path}`, error);
    }
  };
  await make();
  return await withLockFile(lock, async () => {
    const records = await begin(path, lock);
    // Whoever held the lock may have removed the folder.
    await make();
    try {
      return await work(records);
    } finally {
      // In its place: others may be waiting for this very file.
      await Deno.writeTextFile(lock, seal(basename(path), [...records]));
    }
  }, signal);
}

/**
 * Marks a folder as busy; the time of the lock tells when it was last used, too. Where the lock does
 * not say what is there, nothing is: when the last holder was killed, half a binary may lie there,
 * which go takes for a whole one.
 */
async function begin(path: string, lock: string): Promise<BinaryRecords> {
  try {
    const sealed = readSealed(lock, basename(path));
    const folder = await Deno.lstat(path).catch(() => undefined);
    const known = sealed !== undefined && folder?.isDirectory && isOwn(folder);
    if (!known) {
      await Deno.remove(path, { recursive: true }).catch((error) => {
        if (!isNotFound(error)) throw error;
      });
    }
    await Deno.writeTextFile(lock, BUSY);
    return new Map(known ? sealed as [] : []);
  } catch (error) {
    throw ioFailure(`prepare folder ${path}`, error);
  }
}

/** All folders of binaries. */
export async function listBinaryFolders(root: string): Promise<readonly BinaryFolder[]> {
  try {
    const found: BinaryFolder[] = [];
    for await (const { name, isDirectory } of Deno.readDir(root)) {
      if (!isDirectory) continue;
      const path = join(root, name);
      const sizes = await sizesIn(path);
      if (sizes === undefined) continue;
      // A process may have been killed before it made the lock.
      const lock = await Deno.stat(lockOf(path)).catch(() => undefined);
      const size = sizes.reduce((sum, one) => sum + one, 0);
      found.push({ path, binaries: sizes.length, size, used: lock?.mtime?.getTime() ?? 0 });
    }
    return found;
  } catch (error) {
    if (isNotFound(error)) return [];
    throw ioFailure(`read folder ${root}`, error);
  }
}

/** Sizes of the files in a folder; nothing for one that just went, or that is another user's. */
async function sizesIn(path: string): Promise<readonly number[] | undefined> {
  try {
    const sizes: number[] = [];
    for await (const { name } of Deno.readDir(path)) {
      sizes.push((await Deno.stat(join(path, name))).size);
    }
    return sizes;
  } catch (error) {
    if (isNotFound(error) || error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}

/** Removes a folder when no build is using it; waits for one that is. */
export async function removeBinaryFolder({ path }: BinaryFolder): Promise<void> {
  try {
    // The lock stays: removing it would let two processes hold it.
    await withLockFile(lockOf(path), () => Deno.remove(path, { recursive: true }));
  } catch (error) {
    if (!isNotFound(error)) throw ioFailure(`remove folder ${path}`, error);
  }
}

function lockOf(path: string): string {
  return `${path}.lock`;
}
