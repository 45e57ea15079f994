/**
 * Base images: picking the wanted platforms from a place, and reading only what those need.
 * @module
 */
import type { Blobs, CallOptions, Source } from "../content/places.ts";
import { readDocument } from "../content/walk.ts";
import { KodenoError } from "../errors.ts";
import { type Descriptor, type Digest, isIndexType, isManifestType } from "../oci/descriptor.ts";
import {
  type ImageConfig,
  type Manifest,
  parseConfig,
  parseIndex,
  parseManifest,
} from "../oci/manifest.ts";
import {
  formatPlatform,
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
}

export type BasePlatforms = readonly PlatformSpec[] | "all";

/** Reads the wanted platforms of a base image, which `what` names in errors. */
export async function readBase(
  source: Source,
  root: Descriptor,
  wanted: BasePlatforms,
  what: string,
  options: CallOptions & { readonly name?: string | undefined } = {},
): Promise<Base> {
  const { name } = options;
  if (isIndexType(root.mediaType)) {
    const index = parseIndex(await readDocument(source, root, options), what);
    // BuildKit keeps attestations as manifests of platform "unknown/unknown".
    const manifests = index.manifests.filter((d) =>
      isManifestType(d.mediaType) && d.platform !== undefined && d.platform.os !== "unknown"
    );
    const picked = pick(manifests, wanted, what);
    const images = await Promise.all(picked.map((d) => readImage(source, d, what, options)));
    return { name, digest: root.digest, images };
  }
  if (!isManifestType(root.mediaType)) {
    const why = `it is a ${root.mediaType}, not an image`;
    throw new KodenoError("BAD_CONTENT", `Cannot use ${what} as a base image: ${why}`);
  }
  const image = await readImage(source, root, what, options);
  const [picked] = pick([image], wanted, what);
  return { name, digest: root.digest, images: picked ? [picked] : [] };
}

/** Those of `have` that any of `wanted` matches, in the order of `have`. */
function pick<T extends { readonly platform?: Platform | undefined }>(
  have: readonly T[],
  wanted: BasePlatforms,
  what: string,
): readonly T[] {
  const list = have.map((h) => h.platform ? formatPlatform(h.platform) : "").join(", ");
  if (wanted === "all" && have.length > 0) return have;
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

async function readImage(source: Source, d: Descriptor, what: string, options: CallOptions) {
  const manifest = parseManifest(await readDocument(source, d, options), what);
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
