/**
 * Which image of an index a platform asks for, and what of an index can be moved that is there in part.
 * @module
 */
import { imagesBelow, imagesWithPlatform, isImage, withPlatforms } from "../content/images.ts";
import type { Blobs, CallOptions } from "../content/places.ts";
import { ImageReader } from "../content/reader.ts";
import { readGraphDocument, Walk } from "../content/walk.ts";
import { hasCode, KodenoError } from "../errors.ts";
import { type Descriptor, isIndexType } from "../oci/descriptor.ts";
import { listed } from "../oci/entries.ts";
import {
  choiceMatches,
  formatPlatform,
  formatPlatformSpec,
  type Platform,
  type PlatformSpec,
} from "../oci/platform.ts";

/** Tried in this order where nothing else is wanted: most daemons are the first. */
const USUAL: readonly PlatformSpec[] = [{ os: "linux", architecture: "amd64" }, { os: "linux" }];

/**
 * Picks one image below a root by its platform: the first of those wanted, and nothing where none of
 * them is there; where `wanted` is left out, a usual one or else the first.
 */
export async function chooseBelow(
  source: Blobs,
  root: Descriptor,
  wanted?: readonly PlatformSpec[],
  options?: CallOptions,
): Promise<Descriptor | undefined> {
  const found = await imagesBelow(source, root, options);
  // An only one is taken as it is.
  if (found.length === 1) return found[0];
  const images = await withPlatforms(source, root, found, options);
  return wanted ? firstMatch(images, wanted) : firstMatch(images, USUAL) ?? images[0];
}

type OfPlatform = { readonly platform?: Platform | undefined };

/** The images of a platform, in their order. */
function allMatching<T extends OfPlatform>(images: readonly T[], spec: PlatformSpec): T[] {
  return images.filter(({ platform }) => platform && choiceMatches(spec, platform));
}

/** The image that a platform asks for; `linux/arm` may mean `v6` and `v7`, which is `BAD_PLATFORM`. */
export function onlyMatch<T extends OfPlatform>(
  images: readonly T[],
  spec: PlatformSpec,
  what: string,
): T | undefined {
  const found = allMatching(images, spec);
  const names = new Set(found.map(({ platform }) => platform ? formatPlatform(platform) : ""));
  const asked = formatPlatformSpec(spec);
  if (names.size < 2 || names.has(asked)) {
    return found.find(({ platform }) => platform && formatPlatform(platform) === asked) ?? found[0];
  }
  const list = [...names].join(", ");
  throw new KodenoError("BAD_PLATFORM", `Cannot ${what}: ${asked} may be ${list}; say which one`);
}

/** The first image of the first platform that any of them is for. */
export function firstMatch<T extends OfPlatform>(
  images: readonly T[],
  specs: readonly PlatformSpec[],
): T | undefined {
  return specs.flatMap((spec) => allMatching(images, spec))[0];
}

/** A place that knows at once whether it has a blob. */
export interface PresentBlobs extends Blobs {
  holds(descriptor: Descriptor): boolean;
}

/**
 * What can be moved of an image: its only platform that is there, under the name of the index, as
 * `docker push` has it; the root itself where all is there, or where one would have to choose.
 */
export async function presentImage(
  place: PresentBlobs,
  root: Descriptor,
  options: CallOptions = {},
): Promise<Descriptor> {
  if (!isIndexType(root.mediaType)) return root;
  const there: Descriptor[] = [];
  let isWhole = true;
  const walk = new Walk(async (d, { depth, below }) => {
    if (depth > 0 && !place.holds(d)) isWhole = false;
    else if (!isIndexType(d.mediaType)) there.push(...isImage(d) ? [d] : []);
    else await below((await readGraphDocument(place, d, options)).index?.manifests ?? []);
  }, options);
  await walk.from(root);
  const [only, ...others] = there;
  if (isWhole || only === undefined || others.length > 0) return root;
  return { ...only, annotations: root.annotations };
}

/**
 * Work that takes an image, or one of its platforms. Where a blob of it is not there, the error says which
 * platforms are, and which are not; `next` is how one of those is taken.
 */
export async function takingWhole<T>(
  source: Blobs,
  root: Descriptor,
  work: () => Promise<T>,
  next = "--platform",
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!hasCode(error, "NOT_FOUND") || !isIndexType(root.mediaType)) throw error;
    const [there, missing] = await platformsThere(source, root).catch(() => [[], []] as const);
    if (there.length === 0 || missing.length === 0) throw error;
    const message = `${error.message}; missing: ${listed(missing)}; ` +
      `there, to be taken with ${next}: ${listed(there)}`;
    throw new KodenoError("NOT_FOUND", message, error.detail, { cause: error });
  }
}

/**
 * The platforms of an index that are there with all their blobs, and those that are not. A registry is
 * asked for manifests alone: to ask for each blob would take long.
 */
async function platformsThere(source: Blobs, root: Descriptor) {
  const reader = new ImageReader(source);
  const looksAtAll = "entries" in source;
  const [there, missing]: [string[], string[]] = [[], []];
  for (const d of await imagesWithPlatform(source, root)) {
    const name = d.platform ? formatPlatform(d.platform) : d.digest;
    const { complete } = await reader.summary(d, looksAtAll);
    (complete ? there : missing).push(name);
  }
  return [there, missing] as const;
}
