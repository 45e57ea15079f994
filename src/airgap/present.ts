/**
 * What of images is in a place: blob by blob, since some may be missing.
 * @module
 */
import type { Blobs, CallOptions } from "../content/places.ts";
import { hasSuccessors, readGraphDocument, Walk } from "../content/walk.ts";
import { hasCode } from "../errors.ts";
import { openWithRetry } from "../io/files.ts";
import { checkedChunks, fileStream } from "../io/streams.ts";
import { type Descriptor, type Digest, parseDigest } from "../oci/descriptor.ts";
import { oddity } from "../oci/manifest.ts";
import { blobPathIn } from "../place/layout/files.ts";
import type { BundleBlob } from "./document.ts";

/** The file that has a blob of that size in a folder of blobs, such as a layout; its bytes are not read. */
export function blobFileIn(
  folder: string,
  d: Pick<Descriptor, "digest" | "size">,
): string | undefined {
  const path = blobPathIn(folder, d);
  try {
    return Deno.statSync(path).size === d.size ? path : undefined;
  } catch {
    return undefined;
  }
}

/** {@link blobFileIn}, of one that has all bytes of its digest. */
export async function wholeBlobFileIn(
  folder: string,
  blob: BundleBlob,
  options: CallOptions,
): Promise<string | undefined> {
  const path = blobPathIn(folder, blob);
  return await isWholeFile(path, blob, options) ? path : undefined;
}

/** Whether a file has all bytes of a digest. */
export async function isWholeFile(
  path: string,
  content: Pick<BundleBlob, "digest" | "size">,
  options: CallOptions,
): Promise<boolean> {
  try {
    const { isFile, size } = Deno.statSync(path);
    if (!isFile || size !== content.size) return false;
  } catch {
    return false;
  }
  const fetch = async () => fileStream(await openWithRetry(path));
  return await hasWholeBlob({ what: path, fetch }, content, options);
}

/** Whether a place has a blob, and all bytes of it as its digest says. */
export async function hasWholeBlob(
  source: Blobs,
  blob: BundleBlob,
  { signal }: CallOptions,
): Promise<boolean> {
  const d = descriptorOf(blob);
  return await unlessMissing(async () => {
    for await (const _ of checkedChunks(await source.fetch(d, { signal }), d, { signal }));
    return true;
  }) ?? false;
}

/** Whether a place has a blob of that size; its bytes are not read. */
async function hasBlob(
  source: Blobs,
  blob: BundleBlob,
  { signal }: CallOptions,
): Promise<boolean> {
  return await unlessMissing(async () => {
    await (await source.fetch(descriptorOf(blob), { signal })).cancel();
    return true;
  }) ?? false;
}

function descriptorOf({ mediaType = "application/octet-stream", ...blob }: BundleBlob): Descriptor {
  return { ...blob, mediaType };
}

/**
 * The blobs of images that are there; what is missing is not among them, nor what `has` finds damaged. By
 * default no bytes of them are read: registries check what they take.
 */
export async function presentDigests(
  source: Blobs,
  roots: readonly Descriptor[],
  { signal, has = hasBlob }: CallOptions & { readonly has?: typeof hasBlob },
): Promise<ReadonlySet<Digest>> {
  const found = new Set<Digest>();
  const walk = new Walk<unknown>(async (d, { below }) => {
    if (oddity(d) !== undefined) return;
    const digest = parseDigest(d.digest);
    if (!hasSuccessors(d)) {
      if (await has(source, { digest, size: d.size }, { signal })) found.add(digest);
      return;
    }
    const document = await unlessMissing(() => readGraphDocument(source, d, { signal }));
    if (document === undefined) return;
    found.add(digest);
    await below(document);
  }, { signal, beyond: () => {} });
  for (const root of roots) await walk.from(root);
  return found;
}

async function unlessMissing<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (hasCode(error, "NOT_FOUND", "BAD_CONTENT")) return undefined;
    throw error;
  }
}
