/**
 * The recipe of `kodeno tag`: an image of a layout gets more names.
 * @module
 */
import { copy } from "../content/copy.ts";
import { ImageReader } from "../content/reader.ts";
import type { Emit } from "../events.ts";
import { namedEntry } from "../oci/entries.ts";
import { parseImageName } from "../oci/reference.ts";
import { wholeImages } from "../place/flat_index.ts";
import { openLayout } from "../place/layout/layout.ts";

/**
 * Gives the image that `source` names more names, `NAME:TAG` or a tag alone; these as they are shown,
 * each with what it names.
 */
export async function tag(
  directory: string,
  source: string,
  names: readonly string[],
  emit?: Emit,
) {
  // A name that is no name is told before the first one is given.
  for (const name of names) parseImageName(name);
  const layout = await openLayout(directory, { emit });
  using _ = await layout.hold();
  const images = wholeImages(layout);
  const descriptor = await images.resolve(source);
  // The index of an image that was written flat is not there yet.
  if (await images.partsOf(descriptor.digest)) await copy(images, descriptor, layout);
  for (const name of names) await layout.tag(descriptor, name);
  const reader = new ImageReader(images);
  return await Promise.all(names.map((name) => reader.image(namedEntry(descriptor, name))));
}
