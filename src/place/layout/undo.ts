/**
 * Taking back a layout that was made for work that failed.
 * @module
 */
import { join } from "node:path";
import { BLOBS } from "./files.ts";
import { withoutLeases } from "./lease.ts";

/** How long others are waited for before what was made is left to them, in milliseconds. */
const WAIT_MS = 200;

/** What is known of a layout that was made. */
interface MadeLayout {
  readonly directory: string;
  readonly made: "nothing" | "layout" | "folder";
  entries(): Promise<readonly unknown[]>;
  locked<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * Removes a layout that has no entry, where nobody else is at work in it. Never fails: what cannot be
 * removed stays.
 *
 * @param pushed paths of the blobs that came in; other ones stay, with the folders they are in
 */
export async function removeUnused(layout: MadeLayout, pushed: Iterable<string>): Promise<void> {
  const { directory } = layout;
  const remove = (...parts: string[]) => Deno.remove(join(directory, ...parts));
  const work = async (): Promise<void> => {
    if ((await layout.entries()).length > 0) return;
    for (const path of pushed) await Deno.remove(path);
    // Folders go only when they are empty: what another process put there keeps them.
    await remove(BLOBS);
    await remove("blobs");
    await remove("oci-layout");
    await remove("index.json");
    if (layout.made === "folder") await remove();
  };
  try {
    await withoutLeases(directory, WAIT_MS, () => layout.locked(work));
  } catch {
    // Something of somebody else's is there.
  }
}
