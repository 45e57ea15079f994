/**
 * Which images an index has, which of them a platform asks for, and what of an index can be moved that
 * is there in part.
 * @module
 */
import type { Blobs, CallOptions } from "../content/places.ts";
import { readGraphDocument, Walk } from "../content/walk.ts";
import { KodenoError } from "../errors.ts";
import {
  type Descriptor,
  isIndexType,
  isManifestType,
  MediaType,
  ociMediaType,
} from "../oci/descriptor.ts";
import { oddity } from "../oci/manifest.ts";
import {
  formatPlatform,
  formatPlatformSpec,
  type Platform,
  platformMatches,
  type PlatformSpec,
} from "../oci/platform.ts";

/** Tried in this order where nothing else is wanted: most daemons are the first. */
const USUAL: readonly PlatformSpec[] = [{ os: "linux", architecture: "amd64" }, { os: "linux" }];

/**
 * The image manifests below a root, each once, in the order the index names them; a manifest is its
 * own. What BuildKit marks as `unknown` (attestations) and what is no image is left out.
 */
export async function imagesBelow(
  source: Blobs,
  root: Descriptor,
  options?: CallOptions,
): Promise<readonly Descriptor[]> {
  const found: Descriptor[] = [];
  const walk = new Walk(async (d, { below }) => {
    if (isManifestType(d.mediaType)) {
      if (isImage(d)) found.push(d);
    } else if (isIndexType(d.mediaType)) {
      await below((await readGraphDocument(source, d, options)).index?.manifests ?? []);
    }
  }, options);
  await walk.from(root);
  return found;
}

/** Whether a manifest is of an image, as far as its index says. */
function isImage(d: Descriptor): boolean {
  const { platform, artifactType } = d;
  // crane says of an image that it is an artifact of the type of its config.
  const isArtifact = artifactType !== undefined && ociMediaType(artifactType) !== MediaType.config;
  return platform?.os !== "unknown" && !isArtifact && oddity(d) === undefined;
}

/**
 * Picks one image by its platform: the first of those wanted, and nothing where none of them is there;
 * where `wanted` is left out, a usual one or else the first.
 */
export function chooseImage(
  images: readonly Descriptor[],
  wanted?: readonly PlatformSpec[],
): Descriptor | undefined {
  // An only one is taken as it is.
  if (images.length === 1) return images[0];
  return wanted ? firstMatch(images, wanted) : firstMatch(images, USUAL) ?? images[0];
}

type OfPlatform = { readonly platform?: Platform | undefined };

/** The images of a platform, in their order. */
export function allMatching<T extends OfPlatform>(images: readonly T[], spec: PlatformSpec): T[] {
  return images.filter(({ platform }) => platform && platformMatches(spec, platform));
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
  const { manifests = [] } = (await readGraphDocument(place, root, options)).index ?? {};
  const there = manifests.filter((d) => place.holds(d));
  const [only, ...others] = there.filter(isImage);
  if (there.length === manifests.length || only === undefined || others.length > 0) return root;
  return { ...only, annotations: root.annotations };
}
