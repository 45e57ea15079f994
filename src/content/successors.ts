/**
 * What points to what: the one place that knows.
 * @module
 */
import type { Descriptor } from "../oci/descriptor.ts";
import { parseIndex, parseManifest } from "../oci/manifest.ts";
import { isIndexType, isManifestType } from "../oci/media_types.ts";

/** Whether a blob of this type points to others. */
export function hasSuccessors(descriptor: Descriptor): boolean {
  return isIndexType(descriptor.mediaType) || isManifestType(descriptor.mediaType);
}

/**
 * Tells the nodes of a graph apart. One digest may be named with several sizes, of which one is
 * right, and both as a document that leads further and as a plain blob that does not.
 */
export function graphKey({ digest, size, mediaType }: Descriptor): string {
  const kind = isIndexType(mediaType) ? "index" : isManifestType(mediaType) ? "manifest" : "blob";
  return `${digest} ${size} ${kind}`;
}

/**
 * The descriptors a blob points to, in the order it names them: config and layers of a manifest,
 * manifests of an index, and the subject of either. Other blobs point to nothing.
 *
 * @param descriptor what the bytes are
 * @param bytes the blob
 * @throws {KodenoError} `BAD_CONTENT` when the bytes are not what the media type says
 */
export function successors(descriptor: Descriptor, bytes: Uint8Array): readonly Descriptor[] {
  const what = `blob ${descriptor.digest}`;
  if (isManifestType(descriptor.mediaType)) {
    const { config, layers, subject } = parseManifest(bytes, what);
    return [config, ...layers, ...(subject ? [subject] : [])];
  }
  if (isIndexType(descriptor.mediaType)) {
    const { manifests, subject } = parseIndex(bytes, what);
    return [...manifests, ...(subject ? [subject] : [])];
  }
  return [];
}
