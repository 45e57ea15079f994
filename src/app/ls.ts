/**
 * The use case of `kodeno ls`: the images of a layout or archive, one line each.
 * @module
 */
import { graphKey, hasSuccessors } from "../content/successors.ts";
import { getOrSet } from "../io/work.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { entryName } from "../oci/entries.ts";
import { formatPlatform } from "../oci/platform.ts";
import { ImageReader, subjectOf, Told } from "./inspect.ts";
import { openImages, type OpenImagesOptions } from "../place/open.ts";

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
  const known = new Map<string, ReturnType<typeof sumUp>>();
  for (const entry of await store.entries()) {
    const name = entryName(entry);
    const missing = await missingSubjectOf(reader, entry);
    const key = JSON.stringify([graphKey(entry), entry.platform]);
    images.push({
      ...(name === undefined ? {} : { name }),
      digest: entry.digest,
      mediaType: entry.mediaType,
      ...await getOrSet(known, key, () => sumUp(reader, entry)),
      ...(missing === undefined ? {} : { missingSubject: missing }),
    });
  }
  return images;
}

/** Looks at everything below an entry, as a copy of it would. */
async function sumUp(
  reader: ImageReader,
  entry: Descriptor,
): Promise<Pick<ListedImage, "platforms" | "size" | "complete">> {
  const told = new Told();
  const sizes = new Map<string, number>();
  const platforms = new Set<string>();
  let complete = true;
  const visit = async (d: Descriptor, depth: number): Promise<void> => {
    if (told.keys.has(graphKey(d))) return;
    told.keys.add(graphKey(d));
    sizes.set(d.digest, d.size);
    if (!told.takes(d, depth)) complete = false;
    else if (hasSuccessors(d)) await document(d, depth);
    else if ((await reader.blob(d)).problem !== undefined) complete = false;
  };
  const document = async (d: Descriptor, depth: number): Promise<void> => {
    const read = await reader.document(d);
    if ("problem" in read) complete = false;
    if ("index" in read) { for (const one of read.index.manifests) await visit(one, depth + 1); }
    if (!("manifest" in read)) return;
    const { config, layers } = read.manifest;
    const run = await reader.config(config);
    if (run.config.problem !== undefined) complete = false;
    for (const one of [config, ...layers]) await visit(one, depth + 1);
    const platform = d.platform ? formatPlatform(d.platform) : run.platform;
    // BuildKit's attestations stand beside the images they are about.
    if (platform && !platform.startsWith("unknown/")) platforms.add(platform);
  };
  await visit(entry, 0);
  const size = [...sizes.values()].reduce((sum, one) => sum + one, 0);
  return { platforms: [...platforms], size, complete };
}

async function missingSubjectOf(
  reader: ImageReader,
  entry: Descriptor,
): Promise<string | undefined> {
  const subject = hasSuccessors(entry) ? subjectOf(await reader.document(entry)) : undefined;
  const isMissing = subject !== undefined && (await reader.blob(subject)).problem === "missing";
  return isMissing ? subject.digest : undefined;
}
