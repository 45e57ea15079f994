/**
 * The use case of `kodeno ls`: the images of a layout or archive, one line each.
 * @module
 */
import { ImageReader, type ImageSummary } from "../content/reader.ts";
import { hasSuccessors } from "../content/successors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { entryName } from "../oci/entries.ts";
import { openImages, type OpenImagesOptions } from "../place/open.ts";

/** An entry of a layout or archive. */
export interface ListedImage extends ImageSummary {
  /** `NAME:TAG`, or a tag alone; left out where it has neither. */
  readonly name?: string | undefined;
  readonly digest: string;
  readonly mediaType: string;
  /** Whether all its blobs are there. */
  readonly complete: boolean;
  /** Digest of what it refers to, where that is not there: nobody can tell what it is about. */
  readonly missingSubject?: string | undefined;
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
  const store = await openImages(path, { signal, emit });
  const reader = new ImageReader(store, signal);
  const images: ListedImage[] = [];
  for (const entry of await store.entries()) {
    const { digest, mediaType } = entry;
    const name = entryName(entry);
    const missing = await missingSubjectOf(reader, entry);
    const { size, platforms, complete } = await reader.summary(entry, true);
    images.push({
      ...(name === undefined ? {} : { name }),
      ...{ digest, mediaType, platforms, size, complete },
      ...(missing === undefined ? {} : { missingSubject: missing }),
    });
  }
  return images;
}

async function missingSubjectOf(
  reader: ImageReader,
  entry: Descriptor,
): Promise<string | undefined> {
  const { subject } = hasSuccessors(entry) ? await reader.document(entry) : {};
  return subject && (await reader.blob(subject)).problem === "missing" ? subject.digest : undefined;
}
