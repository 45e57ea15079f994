/**
 * The recipe of `kodeno rm`: images go out of a layout.
 * @module
 */
import { ImageReader } from "../content/reader.ts";
import type { Emit } from "../events.ts";
import { wholeImages } from "../place/flat_index.ts";
import { openLayout } from "../place/layout/layout.ts";

/** Removes all images that are named, or none; those that are gone. */
export async function rm(directory: string, names: readonly string[], emit?: Emit) {
  const layout = await openLayout(directory, { emit });
  // An image that was written flat goes with all its entries.
  const images = wholeImages(layout);
  const meant = await Promise.all(names.map(async (name) => {
    return (await images.partsOf(name))?.map(({ digest }) => digest) ?? [name];
  }));
  const removed = await layout.remove(meant.flat());
  const reader = new ImageReader(layout);
  const gone = [];
  // Their blobs are there still. One after the other: a process may open so many files only.
  for (const entry of removed) gone.push(await reader.image(entry));
  return gone;
}
