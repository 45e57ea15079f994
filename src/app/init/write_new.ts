/**
 * Writes files that are not there yet, and never another.
 * @module
 */
import { dirname } from "node:path";
import { temporaryPath } from "../../io/atomic.ts";
import { ioFailure } from "../../io/fail.ts";

/**
 * Writes a file whole, or not at all; makes the folders above it.
 *
 * @returns false when there is something of this name, which then stays as it is
 * @throws {KodenoError} `IO_FAILED`
 */
export async function writeNew(path: string, text: string): Promise<boolean> {
  const folder = dirname(path);
  const temporary = temporaryPath(folder);
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (error) {
    throw ioFailure(`make folder ${folder}`, error);
  }
  try {
    if (await isThere(path)) return false;
    await Deno.writeTextFile(temporary, text, { createNew: true });
    // Unlike a rename, a link replaces nothing that came meanwhile.
    await Deno.link(temporary, path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw ioFailure(`write ${path}`, error);
  } finally {
    await Deno.remove(temporary).catch(() => {});
  }
}

/** Whether there is something of this name, be it a link that leads nowhere. */
export async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
