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

/** An image of one main package, for one platform or several. */
export class BuiltImage implements Source {
  /** Its manifest, or its index where it has several platforms. */
  readonly root: Descriptor;
  /** `os/arch[/variant]` each. */
  readonly platforms: readonly string[];
  readonly #open = new Map<string, (o?: CallOptions) => Promise<ReadableStream<Uint8Array>>>();

  /**
   * @param importPath of the main package
   * @param images one for each platform, at least one
   * @param base what they stand on
   */
  constructor(
    readonly importPath: string,
    readonly images: readonly [PlatformImage, ...PlatformImage[]],
    base: Pick<Base, "name" | "digest">,
    options: ImageOptions,
  ) {
    const [only, ...others] = images;
    const documents = images.flatMap(({ config, manifest }) => [config, manifest]);
    if (others.length === 0) {
      this.root = { ...only.manifest.descriptor, platform: only.platform };
    } else {
      const index = assembleIndex(images, base, options);
      documents.push(index);
      this.root = index.descriptor;
    }
    this.platforms = images.map(({ platform }) => formatPlatform(platform));
    for (const image of images) {
      for (const d of image.base.manifest.layers) {
        this.#open.set(d.digest, (o) => image.base.source.fetch(d, o));
      }
      for (const { descriptor, open } of image.layers) this.#open.set(descriptor.digest, open);
    }
    for (const { descriptor, bytes } of documents) {
      this.#open.set(descriptor.digest, () => Promise.resolve(bytesStream(bytes)));
    }
  }

  /** Digests of the layers that are not the base's. */
  ownLayers(): readonly string[] {
    return this.images.flatMap(({ layers }) => layers.map(({ descriptor }) => descriptor.digest));
  }

  /** The root, by its digest or the empty name: an image has no other until it is in a place. */
  resolve(ref: string): Promise<Descriptor> {
    if (ref === "" || ref === this.root.digest) return Promise.resolve(this.root);
    return Promise.reject(
      new KodenoError("NOT_FOUND", `Cannot find ${JSON.stringify(ref)} in ${this.importPath}`),
    );
  }

  /** {@inheritDoc Source.fetch} */
  fetch(descriptor: Descriptor, options: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const open = this.#open.get(descriptor.digest);
    if (open !== undefined) return open(options);
    return Promise.reject(
      new KodenoError(
        "NOT_FOUND",
        `Cannot find blob ${descriptor.digest} in the image of ${this.importPath}`,
      ),
    );
  }
}
