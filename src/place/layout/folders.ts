/**
 * Where the blobs of a layout are: in folders of its own. A layout that came from elsewhere may have
 * links in their place, and what those lead to belongs to somebody else.
 * @module
 */
import { join } from "node:path";
import { KodenoError } from "../../errors.ts";
import { isNotFound } from "../../io/fail.ts";

/**
 * Makes sure that what is written or removed is the layout's own.
 *
 * @param doing what is about to be done: `write to`
 * @throws {KodenoError} `BAD_PLACE` when a folder of its blobs is a link
 */
export async function checkOwnFolders(directory: string, doing: string): Promise<void> {
  for (const folder of ["blobs", join("blobs", "sha256")]) {
    const info = await lookAt(join(directory, folder));
    if (info === undefined || info.isDirectory) continue;
    const what = info.isSymlink ? "a link that leads elsewhere" : "no folder";
    throw new KodenoError(
      "BAD_PLACE",
      `Cannot ${doing} layout ${directory}: its ${folder} is ${what}; copy the layout first`,
    );
  }
}

async function lookAt(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
