/**
 * A finished image as a place to read from: its documents are in memory, its layers in the cache,
 * and those of its base wherever the base is.
 * @module
 */
import type { CallOptions, Source } from "../content/places.ts";
import { KodenoError } from "../errors.ts";
import { bytesStream } from "../io/streams.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { formatPlatform } from "../oci/platform.ts";
import { assembleIndex, type ImageOptions, type PlatformImage } from "./assemble.ts";
import type { Base } from "./base.ts";

/** A finished image of one main package, for one platform or several; a {@link Source}. */
export interface BuiltImage extends Source {
  /** Import path of the main package. */
  readonly importPath: string;
  /** Its manifest, or its index where it has several platforms. */
  readonly root: Descriptor;
  /** `os/arch[/variant]` each. */
  readonly platforms: readonly string[];
  /** Digests of the layers that are not the base's. */
  readonly ownLayers: readonly string[];
}

type Open = (options?: CallOptions) => Promise<ReadableStream<Uint8Array>>;

/**
 * Makes an image of what was assembled.
 *
 * @param images one for each platform, at least one
 * @param base what they stand on
 */
export function builtImage(
  importPath: string,
  images: readonly [PlatformImage, ...PlatformImage[]],
  base: Pick<Base, "name" | "digest">,
  options: ImageOptions,
): BuiltImage {
  const [only, ...others] = images;
  const index = others.length === 0 ? undefined : assembleIndex(images, base, options);
  const root = index?.descriptor ?? { ...only.manifest.descriptor, platform: only.platform };

  const open = new Map<string, Open>();
  for (const { base, layers } of images) {
    for (const d of base.manifest.layers) open.set(d.digest, (o) => base.source.fetch(d, o));
    for (const layer of layers) open.set(layer.descriptor.digest, layer.open);
  }
  const documents = images.flatMap(({ config, manifest }) => [config, manifest]);
  for (const { descriptor, bytes } of [...documents, ...(index ? [index] : [])]) {
    open.set(descriptor.digest, () => Promise.resolve(bytesStream(bytes)));
  }
  const missing = (what: string): Promise<never> =>
    Promise.reject(
      new KodenoError("NOT_FOUND", `Cannot find ${what} in the image of ${importPath}`),
    );
  return Object.freeze({
    importPath,
    root,
    platforms: images.map(({ platform }) => formatPlatform(platform)),
    ownLayers: images.flatMap(({ layers }) => layers.map(({ descriptor }) => descriptor.digest)),
    // An image has no name but its digest until it is in a place.
    resolve: (ref: string) =>
      ref === "" || ref === root.digest ? Promise.resolve(root) : missing(JSON.stringify(ref)),
    fetch: (descriptor: Descriptor, o?: CallOptions) =>
      open.get(descriptor.digest)?.(o) ?? missing(`blob ${descriptor.digest}`),
  });
}
