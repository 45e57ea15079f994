/**
 * The folders that `go build` writes into. They stay, so that go finds its own work again; each has
 * a lock beside it, whose time tells when the folder was last used.
 * @module
 */
import { join } from "node:path";
import { ioFailure, isNotFound } from "../io/fail.ts";
import { withLockFile } from "../io/lock.ts";

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

/**
 * Runs `work` with a folder to itself: no other process builds into it or removes it meanwhile.
 *
 * @param signal ends the waiting for another process
 * @throws {KodenoError} `IO_FAILED` when the folder cannot be made
 */
export async function withBinaryFolder<T>(
  path: string,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const lock = lockOf(path);
  const make = async (): Promise<void> => {
    try {
      await Deno.mkdir(path, { recursive: true });
    } catch (error) {
      throw ioFailure(`make folder ${path}`, error);
    }
  };
  await make();
  return await withLockFile(lock, async () => {
    await begin(path, lock);
    // Whoever held the lock may have removed the folder.
    await make();
    try {
      return await work();
    } finally {
      await Deno.truncate(lock);
    }
  }, signal);
}

/** Marks a folder as busy; the time of the lock tells when it was last used, too. */
async function begin(path: string, lock: string): Promise<void> {
  try {
    // When the last holder was killed, half a binary may lie there, which go takes for a whole one.
    if (await Deno.readTextFile(lock) !== "") {
      await Deno.remove(path, { recursive: true }).catch((error) => {
        if (!isNotFound(error)) throw error;
      });
    }
    await Deno.writeTextFile(lock, BUSY);
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
      const sizes: number[] = [];
      for await (const file of Deno.readDir(path)) {
        sizes.push((await Deno.stat(join(path, file.name))).size);
      }
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
