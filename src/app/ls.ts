/**
 * The use case of `kodeno ls`: the images of a layout or archive, one line each.
 * @module
 */
import { imageName, refName } from "../oci/entries.ts";
import { ImageReader, type InspectedImage, Told } from "./inspect.ts";
import { openImages, type OpenImagesOptions } from "./places.ts";

/** An entry of a layout or archive. */
export interface ListedImage {
  /** `NAME:TAG`, or a tag alone; left out where it has neither. */
  readonly name?: string | undefined;
  readonly digest: string;
  readonly mediaType: string;
  /** `os/arch[/variant]` each, in the order of the index. */
  readonly platforms: readonly string[];
  /** Bytes of all its blobs, each counted once. */
  readonly size: number;
  /** Whether all its blobs are there. */
  readonly complete: boolean;
}

/**
 * Lists the images of a layout or archive in its order.
 *
 * @throws {KodenoError} `BAD_PLACE`, `BAD_CONTENT`, `IO_FAILED`
 */
export async function ls(
  path: string,
  { signal, emit }: OpenImagesOptions = {},
): Promise<readonly ListedImage[]> {
  const store = await openImages(path, { emit });
  const reader = new ImageReader(store, signal);
  const images: ListedImage[] = [];
  for (const entry of await store.entries()) {
    const { digest, mediaType } = entry;
    const blobs = new Map<string, number>();
    const platforms: string[] = [];
    let complete = true;
    const visit = (image: InspectedImage): void => {
      const { manifests = [], config, layers = [], platform } = image;
      for (const blob of [image, ...(config ? [config] : []), ...layers]) {
        blobs.set(blob.digest, blob.size);
        if (blob.problem !== undefined) complete = false;
      }
      // BuildKit's attestations stand beside the images they are about.
      const isImage = image.manifests === undefined && platform && !platform.startsWith("unknown/");
      if (isImage) platforms.push(platform);
      for (const one of manifests) visit(one);
    };
    visit(await reader.image(entry, new Told()));
    const name = imageName(entry) ?? refName(entry);
    images.push({
      ...(name === undefined ? {} : { name }),
      digest,
      mediaType,
      platforms: [...new Set(platforms)],
      size: [...blobs.values()].reduce((sum, size) => sum + size, 0),
      complete,
    });
  }
  return images;
}
