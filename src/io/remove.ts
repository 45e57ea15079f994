/**
 * Removing what may be gone already: another process may have been faster.
 * @module
 */
import { ioFailure, isNotFound } from "./fail.ts";

/**
 * Removes a file or, with `recursive`, a folder and all in it.
 *
 * @returns whether there was something to remove
 * @throws {KodenoError} `IO_FAILED`
 */
export async function removeIfThere(
  path: string,
  options: Deno.RemoveOptions = {},
): Promise<boolean> {
  try {
    await Deno.remove(path, options);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw ioFailure(`remove ${path}`, error);
  }
}
