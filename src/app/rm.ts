/**
 * The recipe of `kodeno rm`: images go out of a layout.
 * @module
 */
import type { Emit } from "../events.ts";
import { entryName } from "../oci/entries.ts";
import { openLayout } from "../place/layout/layout.ts";

/** Removes all images that are named, or none; what is gone, by its name, if any, and digest. */
export async function rm(directory: string, names: readonly string[], emit?: Emit) {
  const removed = await (await openLayout(directory, { emit })).remove(names);
  return removed.map((entry) => ({ name: entryName(entry), digest: entry.digest }));
}
