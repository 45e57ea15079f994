/**
 * Base images: picking the wanted platforms from a place, and reading only what those need.
 * @module
 */
import { imagesWithPlatform } from "../content/images.ts";
import type { Blobs, CallOptions, Source } from "../content/places.ts";
import { readDocument, refuseOdd } from "../content/walk.ts";
import { KodenoError } from "../errors.ts";
import type { Emit } from "../events.ts";
import {
  type Descriptor,
  type Digest,
  isDigest,
  isIndexType,
  isManifestType,
} from "../oci/descriptor.ts";
import { listed } from "../oci/entries.ts";
import { type ImageConfig, type Manifest, parseConfig, parseManifest } from "../oci/manifest.ts";
import {
  formatPlatform,
  isBuildable,
  type Platform,
  platformMatches,
  platformOf,
  type PlatformSpec,
} from "../oci/platform.ts";

export interface BaseImage {
  readonly platform: Platform;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  /** Of the manifest; a base made of nothing has none. */
  readonly digest?: Digest | undefined;
  readonly source: Blobs;
}

/** A base for all platforms that were asked for. */
export interface Base {
  /** Image name, where it has one; goes into an annotation. */
  readonly name?: string | undefined;
  /** Of its index, or of its manifest when it has but one. */
  readonly digest?: Digest | undefined;
  /** In the order of the base's index; at least one. */
  readonly images: readonly BaseImage[];
  /** The image itself, with all that it has; none where kodeno makes it. */
  readonly whole?: { readonly source: Source; readonly root: Descriptor } | undefined;
}

/** What an image says of the base that it stands on. */
export type BaseName = Pick<Base, "name" | "digest">;

const BASE_NAME = "org.opencontainers.image.base.name";
const BASE_DIGEST = "org.opencontainers.image.base.digest";

/** The annotations that say it. */
export function baseAnnotations({ name, digest }: BaseName): Readonly<Record<string, string>> {
  return { ...(digest ? { [BASE_DIGEST]: digest } : {}), ...(name ? { [BASE_NAME]: name } : {}) };
}

/** Annotations but those. */
export function withoutBase(
  annotations: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  const { [BASE_NAME]: _, [BASE_DIGEST]: __, ...others } = annotations ?? {};
  return others;
}

/** What annotations say of it; a digest that is none is not said. */
export function statedBase(annotations: Readonly<Record<string, string>> = {}): BaseName {
  const digest = annotations[BASE_DIGEST];
  const isOne = digest !== undefined && isDigest(digest);
  return { name: annotations[BASE_NAME] || undefined, digest: isOne ? digest : undefined };
}

export type BasePlatforms = readonly PlatformSpec[] | "all";

interface BaseOptions extends CallOptions {
  readonly name?: string | undefined;
  /** Told of platforms that are left out, since Go builds nothing for them. */
  readonly emit?: Emit | undefined;
}

/** Reads the wanted platforms of a base image, which `what` names in errors. */
export async function readBase(
  source: Source,
  root: Descriptor,
  wanted: BasePlatforms,
  what: string,
  options: BaseOptions = {},
): Promise<Base> {
  const { name } = options;
  if (isIndexType(root.mediaType)) {
    const manifests = await imagesWithPlatform(source, root, options);
    const picked = buildable(pick(manifests, wanted, what), what, options);
    const images = await Promise.all(picked.map((d) => readImage(source, d, what, options)));
    return { name, digest: root.digest, images, whole: { source, root } };
  }
  if (!isManifestType(root.mediaType)) {
    const why = `it is a ${root.mediaType}, not an image`;
    throw new KodenoError("BAD_CONTENT", `Cannot use ${what} as a base image: ${why}`);
  }
  const image = await readImage(source, root, what, options);
  const [picked] = buildable(pick([image], wanted, what), what, options);
  return { name, digest: root.digest, images: picked ? [picked] : [], whole: { source, root } };
}

/** Those of `have` that any of `wanted` matches, in the order of `have`. */
function pick<T extends { readonly platform?: Platform | undefined }>(
  have: readonly T[],
  wanted: BasePlatforms,
  what: string,
): readonly T[] {
  const list = have.map((h) => formatted(h.platform)).filter((text) => text).join(", ");
  if (wanted === "all" && list !== "") return have.filter((h) => h.platform);
  const matches = (spec: PlatformSpec, h: T): boolean =>
    h.platform !== undefined && platformMatches(spec, h.platform);
  const specs = wanted === "all" ? [] : wanted;
  const missing = specs.find((spec) => !have.some((h) => matches(spec, h)));
  if (missing === undefined && specs.length > 0) {
    return have.filter((h) => specs.some((spec) => matches(spec, h)));
  }
  const { os, architecture, variant } = missing ?? { os: "any" };
  const name = [os, architecture, variant].filter((part) => part).join("/");
  const why = `${what} has ${list || "no platform"}`;
  throw new KodenoError("BAD_PLATFORM", `Cannot build for ${name}: ${why}`);
}

/** What Go builds programs for, of what a base has; a base of today may have more than that. */
function buildable<T extends { readonly platform?: Platform | undefined }>(
  picked: readonly T[],
  what: string,
  { emit }: BaseOptions,
): readonly T[] {
  const isKnown = ({ platform }: T) => platform !== undefined && isBuildable(platform);
  const left = picked.filter((d) => !isKnown(d)).map(({ platform }) => formatted(platform));
  if (left.length === 0) return picked;
  const why = `${listed(left)} of ${what}: Go builds nothing for that`;
  if (left.length === picked.length) {
    throw new KodenoError("BAD_PLATFORM", `Cannot build for ${why}`);
  }
  emit?.({ type: "note", level: "warning", message: `Left out ${why}` });
  return picked.filter(isKnown);
}

const formatted = (platform?: Platform): string => platform ? formatPlatform(platform) : "";

async function readImage(source: Source, d: Descriptor, what: string, options: CallOptions) {
  const manifest = parseManifest(await readDocument(source, d, options), what);
  for (const layer of manifest.layers) refuseOdd({ what }, layer);
  const config = parseConfig(await readDocument(source, manifest.config, options), what);
  const [ids, { length }] = [config.rootfs.diff_ids.length, manifest.layers];
  if (ids !== length) {
    const why = `its config names ${ids} layers, its manifest ${length}`;
    throw new KodenoError("BAD_CONTENT", `Cannot use ${what} as a base image: ${why}`);
  }
  // Tools that put a layer on top of nothing leave both empty; ko, too, then takes these.
  const [os, architecture] = [config.os || "linux", config.architecture || "amd64"];
  const platform = d.platform ?? platformOf({ ...config, os, architecture });
  return { platform, manifest, config, digest: d.digest, source };
}
