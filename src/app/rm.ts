/**
 * The recipe of `kodeno rm`: images go out of a layout.
 * @module
 */
import type { Emit } from "../events.ts";
import { entryName } from "../oci/entries.ts";
import { wholeImages } from "../place/flat_index.ts";
import { openLayout } from "../place/layout/layout.ts";

/** Removes all images that are named, or none; what is gone, by its name, if any, and digest. */
export async function rm(directory: string, names: readonly string[], emit?: Emit) {
  const layout = await openLayout(directory, { emit });
  // An image that was written flat goes with all its entries.
  const images = wholeImages(layout);
  const meant = await Promise.all(names.map(async (name) => {
    return (await images.partsOf(name))?.map(({ digest }) => digest) ?? [name];
  }));
  const removed = await layout.remove(meant.flat());
  return removed.map((entry) => ({ name: entryName(entry), digest: entry.digest }));
}
