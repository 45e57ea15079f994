/**
 * The use case of `kodeno ls`: the images of a layout or archive, one line each.
 * @module
 */
import { ImageReader } from "../content/reader.ts";
import { graphKey, hasSuccessors } from "../content/successors.ts";
import { sumUp } from "../content/summary.ts";
import { getOrSet } from "../io/work.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { entryName } from "../oci/entries.ts";
import { openImages, type OpenImagesOptions } from "../place/open.ts";

/** Bytes of the documents of one image that are looked at. */
const LISTED_BYTES = 16 * 1024 * 1024;

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
  // One image may have many names.
  const known = new Map<string, ReturnType<typeof lookAt>>();
  for (const entry of await store.entries()) {
    const name = entryName(entry);
    const missing = await missingSubjectOf(reader, entry);
    const key = JSON.stringify([graphKey(entry), entry.platform]);
    images.push({
      ...(name === undefined ? {} : { name }),
      digest: entry.digest,
      mediaType: entry.mediaType,
      ...await getOrSet(known, key, () => lookAt(reader, entry)),
      ...(missing === undefined ? {} : { missingSubject: missing }),
    });
  }
  return images;
}

/** Looks at everything below an entry, as a copy of it would. */
async function lookAt(
  reader: ImageReader,
  entry: Descriptor,
): Promise<Pick<ListedImage, "platforms" | "size" | "complete">> {
  let complete = true;
  const lacks = (isLacking = false): void => {
    if (isLacking) complete = false;
  };
  const summary = await sumUp(entry, {
    document: async (d) => {
      const document = await reader.document(d);
      lacks(document.problem !== undefined);
      const { manifest } = document;
      lacks(manifest && (await reader.config(manifest.config)).problem !== undefined);
      return document;
    },
    config: async (d) => (await reader.config(d)).config,
    blob: async (d) => lacks(await reader.problem(d) !== undefined),
    beyond: () => lacks(true),
    mostBytes: LISTED_BYTES,
    signal: reader.signal,
  });
  return { ...summary, complete };
}

async function missingSubjectOf(
  reader: ImageReader,
  entry: Descriptor,
): Promise<string | undefined> {
  const { subject } = hasSuccessors(entry) ? await reader.document(entry) : {};
  return subject && await reader.problem(subject) === "missing" ? subject.digest : undefined;
}
