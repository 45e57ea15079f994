/**
 * Which images of a layout or archive a command is about, and what of them can be moved: of what
 * `docker save` wrote, that is what its daemon had.
 * @module
 */
import type { ImageStore } from "../content/places.ts";
import { splitReferrers, subjectsOf, type WithReferrers } from "../content/referrers.ts";
import { hasSuccessors } from "../content/walk.ts";
import { KodenoError } from "../errors.ts";
import type { Emit, WorkOptions } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { entryName, findEntry, imageName, nameOrDigest, refName } from "../oci/entries.ts";
import { formatPlatform } from "../oci/platform.ts";
import { shortName } from "../oci/reference.ts";
import type { PresentBlobs } from "./archive/choose.ts";
import { openHeld } from "./open.ts";

/** What is asked for, by whom. */
export interface ImageChoice extends WorkOptions {
  /** Names, tags or digests; a name without a tag stands for all its tags. All when none is named. */
  readonly images: readonly string[];
  /** For the message of an empty place: `push`, `load`. */
  readonly verb: string;
}

/** Images of a layout or archive that stays open till it is disposed of. */
export interface ChosenImages extends WithReferrers, Disposable {
  readonly source: ImageStore;
  /** How many of the chosen ones only refer to others of them. */
  readonly leftOut: number;
}

/**
 * Opens a layout or archive, and chooses of its images: those that are named, or all but what is no
 * image and what refers to something that is not there.
 *
 * @throws {KodenoError} `BAD_PLACE`; `NOT_FOUND` when one is not there, or nothing is; `BAD_REFERENCE`;
 * `BAD_CONTENT` when one that is named is no image
 */
export async function openChosen(where: string, choice: ImageChoice): Promise<ChosenImages> {
  // deno-lint-ignore no-undef -- the linter does not know it yet
  using opening = new DisposableStack();
  const { store } = opening.use(await openHeld(where, choice));
  const source = presentImages(store, where, choice);
  const chosen = await chooseImages(source, where, choice);
  const found = await splitReferrers(source, chosen, { signal: choice.signal });
  const opened = opening.move();
  const leftOut = chosen.length - found.images.length;
  return { source, ...found, leftOut, [Symbol.dispose]: () => opened.dispose() };
}

/**
 * The entries that are named, in the order of the place; all of them when none is named, but for those
 * that cannot be moved: what is no image, and what refers to something that is not there.
 *
 * @throws {KodenoError} `NOT_FOUND` when one is not there, or nothing is; `BAD_REFERENCE`;
 * `BAD_CONTENT` when one that is named is no image
 */
async function chooseImages(
  source: ImageStore,
  where: string,
  { images, verb, signal, emit }: ImageChoice,
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

/** Tells that of an index one platform alone is moved. */
export function tellPartial(
  index: Descriptor,
  { platform }: Descriptor,
  where: string,
  emit: Emit | undefined,
): void {
  const only = platform ? formatPlatform(platform) : "one platform";
  const message = `Took ${only} of ${nameOrDigest(index)} alone: ${where} has no other image of ` +
    `index ${index.digest}`;
  emit?.({ type: "note", level: "warning", message });
}

/**
 * A layout or archive whose entries are what can be moved of its images; each index that has a single
 * platform there is told of.
 *
 * @param where names the place in a note
 */
export function presentImages(
  store: ImageStore,
  where: string,
  options: WorkOptions,
): ImageStore {
  // A layout that lacks a blob is damaged.
  return "holds" in store ? ofArchive(store as ImageStore & PresentBlobs, where, options) : store;
}

function ofArchive(
  store: ImageStore & PresentBlobs,
  where: string,
  { signal, emit }: WorkOptions,
): ImageStore {
  const told = new Set<string>();
  const present = async (entry: Descriptor): Promise<Descriptor> => {
    const { presentImage } = await import("./archive/choose.ts");
    const found = await presentImage(store, entry, { signal });
    if (found.digest !== entry.digest && !told.has(entry.digest)) {
      tellPartial(entry, found, where, emit);
      told.add(entry.digest);
    }
    return found;
  };
  let entries: Promise<readonly Descriptor[]> | undefined;
  const all = async (): Promise<readonly Descriptor[]> => {
    const found: Descriptor[] = [];
    for (const entry of await store.entries()) found.push(await present(entry));
    return found;
  };
  return {
    what: store.what,
    resolve: async (ref, o) => await present(await store.resolve(ref, o)),
    fetch: (d, o) => store.fetch(d, o),
    entries: () => entries ??= all(),
  };
}
