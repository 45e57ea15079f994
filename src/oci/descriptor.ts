/**
 * Descriptors: what a blob is (its media type, in OCI's terms), its size and its digest (OCI image
 * spec 1.1, descriptor.md). A digest becomes a path, so it is checked before all else.
 * @module
 */
import { KodenoError } from "../errors.ts";
import type { Platform } from "./platform.ts";

/** Points to one blob. */
export interface Descriptor {
  /** What kind of content it is. */
  readonly mediaType: string;
  /** Names the content. */
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** What an index or manifest says about it. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** What a manifest runs on; in an index. */
  readonly platform?: Platform | undefined;
  /** Kind of artifact, where it is not an image. */
  readonly artifactType?: string | undefined;
}

/** The three fields that name content, without what an index says about it. */
export function bareDescriptor(d: Descriptor): Descriptor {
  return { mediaType: d.mediaType, digest: d.digest, size: d.size };
}

/** A well-formed digest, `sha256:` and 64 lower-case hex digits. */
export type Digest = `sha256:${string}`;

const SHA256 = /^sha256:[0-9a-f]{64}$/;

/** Whether a string is a well-formed sha256 digest. */
export function isDigest(value: string): value is Digest {
  return SHA256.test(value);
}

/** Checks a digest from outside: no traversal (`sha256:../..`) reaches a path. */
export function parseDigest(value: string): Digest {
  if (isDigest(value)) return value;
  const shown = JSON.stringify(value.slice(0, 100));
  const why = 'it has to be "sha256:" and 64 hex digits';
  throw new KodenoError("BAD_CONTENT", `Cannot use digest ${shown}: ${why}`);
}

export function digestHex(digest: Digest): string {
  return digest.slice("sha256:".length);
}

/** Media types of the OCI image spec 1.1 that kodeno writes. */
export const MediaType = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
} as const;

/** Docker's names for the same things; the bytes behind them are the same. */
const DOCKER_TO_OCI: Readonly<Record<string, string>> = {
  "application/vnd.docker.distribution.manifest.list.v2+json": MediaType.index,
  "application/vnd.docker.distribution.manifest.v2+json": MediaType.manifest,
  "application/vnd.docker.container.image.v1+json": MediaType.config,
  "application/vnd.docker.image.rootfs.diff.tar": MediaType.layer,
  "application/vnd.docker.image.rootfs.diff.tar.gzip": MediaType.layerGzip,
  "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip":
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
};

/** The OCI name of a media type; types that are not Docker's come back as they are. */
export function ociMediaType(mediaType: string): string {
  // A type named like a method of every object is no entry of the table.
  return (Object.hasOwn(DOCKER_TO_OCI, mediaType) && DOCKER_TO_OCI[mediaType]) || mediaType;
}

/** Whether a media type names an index (or Docker's manifest list). */
export function isIndexType(mediaType: string): boolean {
  return ociMediaType(mediaType) === MediaType.index;
}

export function isManifestType(mediaType: string): boolean {
  return ociMediaType(mediaType) === MediaType.manifest;
}
