/**
 * The recipe of `kodeno tag`: an image of a layout gets more names.
 * @module
 */
import { copy } from "../content/copy.ts";
import type { Emit } from "../events.ts";
import { parseImageName, shortName } from "../oci/reference.ts";
import { wholeImages } from "../place/flat_index.ts";
import { openLayout } from "../place/layout/layout.ts";

/**
 * Gives the image that `source` names more names, `NAME:TAG` or a tag alone; these as they are shown,
 * each with the digest of the image.
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
  return names.map((name) => ({ name: shortName(name), digest: descriptor.digest }));
}
