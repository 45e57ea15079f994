/**
 * What points to what: the one place that knows.
 * @module
 */
import type { Descriptor } from "../oci/descriptor.ts";
import { type Index, type Manifest, parseIndex, parseManifest } from "../oci/manifest.ts";
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

/** A manifest or an index, read. */
export interface GraphDocument {
  readonly bytes: Uint8Array;
  /** One of the two. */
  readonly manifest?: Manifest | undefined;
  readonly index?: Index | undefined;
  /** What it says something about, as a signature does. */
  readonly subject?: Descriptor | undefined;
  /** All it points to, in the order it names them, the subject last. */
  readonly successors: readonly Descriptor[];
}

/**
 * Reads a blob that points to others.
 *
 * @throws {KodenoError} `BAD_CONTENT` when the bytes are not what the media type says
 */
export function parseGraphDocument(d: Descriptor, bytes: Uint8Array): GraphDocument {
  const what = `blob ${d.digest}`;
  if (isIndexType(d.mediaType)) {
    const index = parseIndex(bytes, what);
    const { manifests, subject } = index;
    return { bytes, index, subject, successors: subject ? [...manifests, subject] : manifests };
  }
  const manifest = parseManifest(bytes, what);
  const { config, layers, subject } = manifest;
  const successors = [config, ...layers, ...(subject ? [subject] : [])];
  return { bytes, manifest, subject, successors };
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
  return hasSuccessors(descriptor) ? parseGraphDocument(descriptor, bytes).successors : [];
}
