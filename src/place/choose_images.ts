/**
 * Which images of a layout or archive a command is about.
 * @module
 */
import type { ImageStore } from "../content/places.ts";
import { subjectsOf } from "../content/referrers.ts";
import { hasSuccessors } from "../content/successors.ts";
import { KodenoError } from "../errors.ts";
import type { Emit } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { entryName, findEntry, imageName, nameOrDigest, refName } from "../oci/entries.ts";
import { shortName } from "../oci/reference.ts";

/** What is asked for, by whom. */
export interface ImageChoice {
  /** Names, tags or digests; a name without a tag stands for all its tags. All when none is named. */
  readonly images: readonly string[];
  /** For the message of an empty place: `push`, `load`. */
  readonly verb: string;
  /** Names the place in an error. */
  readonly where: string;
  readonly signal?: AbortSignal | undefined;
  /** Told of what is left out. */
  readonly emit?: Emit | undefined;
}

/**
 * The entries that are named, in the order of the place; all of them when none is named, but for those
 * that cannot be moved: what is no image, and what refers to something that is not there.
 *
 * @throws {KodenoError} `NOT_FOUND` when one is not there, or nothing is; `BAD_REFERENCE`;
 * `BAD_CONTENT` when one that is named is no image
 */
export async function chooseImages(
  source: ImageStore,
  { images, verb, where, signal, emit }: ImageChoice,
): Promise<readonly Descriptor[]> {
  const entries = await source.entries();
  const found: Descriptor[] = [];
  const chosen = images.length === 0 ? undefined : namedOnes(entries, images, where);
  for (const entry of chosen ?? entries) {
    const why = await hindrance(source, entry, { signal });
    if (why === undefined) found.push(entry);
    else if (chosen !== undefined) {
      const message = `Cannot ${verb} ${nameOrDigest(entry)} of ${where}: ${why}`;
      throw new KodenoError("BAD_CONTENT", message, { digest: entry.digest });
    } else {
      const message = `Left out ${nameOrDigest(entry)} of ${where}: ${why}`;
      emit?.({ type: "note", level: "warning", message });
    }
  }
  if (found.length > 0) return found;
  throw new KodenoError("NOT_FOUND", `Cannot ${verb} ${where}: it has no images`);
}

/**
 * All entries that a name, tag or digest means; several where they differ in the platform alone.
 *
 * @throws {KodenoError} `NOT_FOUND`
 */
export function entriesNamed(
  entries: readonly Descriptor[],
  image: string,
  where: string,
): readonly Descriptor[] {
  const name = shortName(image);
  const tries: ((entry: Descriptor) => boolean)[] = [
    (e) => e.digest === image,
    (e) => imageName(e)?.replace(/:[^:/]*$/, "") === name,
    (e) => imageName(e) === name,
    (e) => refName(e) === image,
  ];
  for (const isMeant of tries) {
    const found = entries.filter(isMeant);
    if (found.length > 0) return found;
  }
  return [findEntry(entries, image, where)];
}

function namedOnes(
  entries: readonly Descriptor[],
  images: readonly string[],
  where: string,
): readonly Descriptor[] {
  const chosen = new Set(images.flatMap((image) => entriesNamed(entries, image, where)));
  return entries.filter((entry) => chosen.has(entry));
}

/** Why an entry cannot be moved, if it cannot. */
async function hindrance(
  source: ImageStore,
  entry: Descriptor,
  options: { readonly signal?: AbortSignal | undefined },
): Promise<string | undefined> {
  if (!hasSuccessors(entry)) {
    return `its media type ${JSON.stringify(entry.mediaType)} is neither an image's nor an index's`;
  }
  if (entryName(entry) !== undefined) return undefined;
  const { missing } = await subjectsOf(source, entry, options);
  return missing && `it refers to ${missing.digest}, which is not there`;
}
