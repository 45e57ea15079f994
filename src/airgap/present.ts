/**
 * What of images is in a place: blob by blob, since some may be missing.
 * @module
 */
import type { Blobs, CallOptions } from "../content/places.ts";
import { hasSuccessors, readGraphDocument, Walk } from "../content/walk.ts";
import { hasCode } from "../errors.ts";
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

/** Whether a place has a blob of that size; its bytes are not read. */
export async function hasBlob(
  source: Blobs,
  { digest, size, mediaType = "application/octet-stream" }: BundleBlob,
  { signal }: CallOptions,
): Promise<boolean> {
  return await unlessMissing(async () => {
    await (await source.fetch({ digest, size, mediaType }, { signal })).cancel();
    return true;
  }) ?? false;
}

/** The blobs of images that are there; what is missing or damaged is not among them. */
export async function presentDigests(
  source: Blobs,
  roots: readonly Descriptor[],
  { signal }: CallOptions,
): Promise<ReadonlySet<Digest>> {
  const found = new Set<Digest>();
  const walk = new Walk<unknown>(async (d, { below }) => {
    if (oddity(d) !== undefined) return;
    const digest = parseDigest(d.digest);
    if (!hasSuccessors(d)) {
      if (await hasBlob(source, { digest, size: d.size }, { signal })) found.add(digest);
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
