/**
 * Writes files that are not there yet, and never another.
 * @module
 */
import { dirname } from "node:path";
import { linkFile, makeFolder, removeStaleTemporaries, syncParent } from "../../io/atomic.ts";
import { ioFailure } from "../../io/files.ts";

/**
 * Writes a file whole, or not at all, and makes the folders above it; false when there is something of
 * this name, be it a link that leads nowhere: it stays.
 */
export async function writeNew(path: string, text: string): Promise<boolean> {
  const folder = dirname(path);
  try {
    await makeFolder(folder);
    await removeStaleTemporaries(folder);
    if (!(await linkFile(path, folder, new TextEncoder().encode(text)))) return false;
    await syncParent(path);
    return true;
  } catch (error) {
    throw ioFailure(`write ${path}`, error);
  }
}
