/**
 * Which images of a layout or archive a command is about.
 * @module
 */
import { KodenoError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { findEntry, imageName } from "../oci/entries.ts";
import { shortName } from "../oci/reference.ts";
import type { ImageStore } from "./places.ts";

/**
 * The entries that are named, in the order of the place; all of them when none is named.
 *
 * @param images names, tags or digests; a name without a tag stands for all its tags
 * @param verb for the message of an empty place: `push`, `load`
 * @param where names the place in an error
 * @throws {KodenoError} `NOT_FOUND` when one is not there, or nothing is; `BAD_REFERENCE`
 */
export async function chooseImages(
  source: ImageStore,
  images: readonly string[],
  verb: string,
  where: string,
): Promise<readonly Descriptor[]> {
  const entries = await source.entries();
  if (entries.length === 0) {
    throw new KodenoError("NOT_FOUND", `Cannot ${verb} ${where}: it has no images`);
  }
  if (images.length === 0) return entries;
  const chosen = new Set<Descriptor>();
  for (const image of images) {
    const name = shortName(image);
    const named = entries.filter((e) => imageName(e)?.replace(/:[^:/]*$/, "") === name);
    for (const e of named.length > 0 ? named : [findEntry(entries, image, where)]) chosen.add(e);
  }
  return entries.filter((entry) => chosen.has(entry));
}
