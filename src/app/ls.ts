/**
 * The use case of `kodeno ls`: the images of a layout, one line each.
 * @module
 */
import { imageName, refName } from "../oci/entries.ts";
import { openLayout } from "../store/layout/layout.ts";
import { ImageReader, type InspectedImage } from "./inspect.ts";

/** An entry of a layout. */
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
 * Lists the images of a layout in its order.
 *
 * @throws {KodenoError} `BAD_PLACE`, `BAD_CONTENT`, `IO_FAILED`
 */
export async function ls(
  directory: string,
  signal?: AbortSignal,
): Promise<readonly ListedImage[]> {
  const layout = await openLayout(directory);
  const reader = new ImageReader(layout, signal);
  const images: ListedImage[] = [];
  for (const entry of await layout.entries()) {
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
      if (image.manifests === undefined && platform) platforms.push(platform);
      for (const one of manifests) visit(one);
    };
    visit(await reader.image(entry, new Set()));
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
