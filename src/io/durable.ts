/**
 * Folders and new files that outlive a power cut once they are there: a name is on disk only when the
 * folder it is in was synced.
 * @module
 */
import { dirname, resolve } from "node:path";
import { syncDirectory, temporaryPath } from "./atomic.ts";
import { isNotFound } from "./fail.ts";
import { writeAll } from "./file_bytes.ts";

/**
 * Syncs the folder that a path is in. One that may only be passed through is left alone: it is
 * somebody else's, and nothing new is in it.
 */
export async function syncParent(path: string): Promise<void> {
  try {
    await syncDirectory(dirname(resolve(path)));
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
  }
}

/**
 * Makes a folder and those above it, where they are not there.
 *
 * @param mode of those that are made
 */
export async function makeFolder(path: string, mode?: number): Promise<void> {
  const made: string[] = [];
  for (let at = resolve(path); !(await isThere(at)); at = dirname(at)) made.push(at);
  await Deno.mkdir(path, { recursive: true, ...(mode === undefined ? {} : { mode }) });
  for (const folder of made) await syncParent(folder);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    return !isNotFound(error);
  }
}

/**
 * Writes a file whole, or not at all where there is something of its name, which then stays. Whoever
 * needs the name to outlive a power cut syncs the folder: see {@link syncParent}.
 *
 * @param temporaryDirectory a folder of the same file system
 * @returns whether it was written
 */
export async function linkFile(
  path: string,
  temporaryDirectory: string,
  bytes: Uint8Array,
): Promise<boolean> {
  const temporary = temporaryPath(temporaryDirectory);
  try {
    const file = await Deno.open(temporary, { write: true, createNew: true });
    try {
      writeAll(file, bytes);
      await file.sync();
    } finally {
      file.close();
    }
    // Unlike a rename, a link replaces nothing that came meanwhile.
    await Deno.link(temporary, path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  } finally {
    await Deno.remove(temporary).catch(() => {});
  }
}
