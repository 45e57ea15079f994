/**
 * Images that are built for a bundle: they stay where their builder has them until the bundle is written.
 * @module
 */
import type { PublishCallOptions, Publisher } from "../build/publisher.ts";
import { planNames } from "../build/names.ts";
import type { PublishConfig } from "../config/config.ts";
import type { CallOptions, Source } from "../content/places.ts";
import type { Base } from "../image/base.ts";
import type { BuiltImage } from "../image/assemble.ts";
import { bytesStream } from "../io/streams.ts";
import { shortName } from "../oci/reference.ts";
import type { BundleImages } from "./images.ts";

/** Puts images into a bundle. */
export class BundlePublisher implements Publisher {
  constructor(readonly images: BundleImages, readonly config: PublishConfig) {}

  /** {@inheritDoc Publisher.names} */
  names(importPaths: readonly string[]): ReadonlyMap<string, string> {
    return planNames(importPaths, this.config);
  }

  /** {@inheritDoc Publisher.check} */
  async check(): Promise<void> {}

  /** {@inheritDoc Publisher.publish} */
  async publish(
    image: BuiltImage,
    name: string,
    { tags = this.config.tags, attachments = [], signal }: PublishCallOptions = {},
  ): Promise<string> {
    const { root } = image;
    const made = new Map(
      attachments.flatMap(({ manifest, blobs }) => [manifest, ...blobs])
        .map(({ descriptor, bytes }) => [descriptor.digest as string, bytes]),
    );
    const source: Source = {
      resolve: (ref, options) => image.resolve(ref, options),
      fetch: (d, options) => {
        const bytes = made.get(d.digest);
        return bytes ? Promise.resolve(bytesStream(bytes)) : image.fetch(d, options);
      },
    };
    for (const tag of tags) {
      await this.images.add({ source, root, name: `${name}:${tag}`, role: "image" }, { signal });
    }
    for (const { manifest: { descriptor } } of attachments) {
      const referrer = { source, root: descriptor, name: undefined, role: "referrer" as const };
      await this.images.add(referrer, { signal });
    }
    return `${shortName(`${name}:${tags[0]}`)}@${root.digest}`;
  }

  /** {@inheritDoc Publisher.close} */
  async close(): Promise<void> {}
}

/** Puts the bases of images into a bundle, with all their platforms. */
export async function addBases(
  images: BundleImages,
  bases: readonly Base[],
  options: CallOptions,
): Promise<void> {
  for (const { name, whole } of bases) {
    if (whole !== undefined) await images.add({ ...whole, name, role: "base" }, options);
  }
}
