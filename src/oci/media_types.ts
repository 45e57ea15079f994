/**
 * Media types of the OCI image spec and of Docker's image manifest v2 schema 2, and how the
 * second are written in terms of the first.
 * @module
 */

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
  return Object.hasOwn(DOCKER_TO_OCI, mediaType)
    ? DOCKER_TO_OCI[mediaType] ?? mediaType
    : mediaType;
}

/** Whether a media type names an index (or Docker's manifest list). */
export function isIndexType(mediaType: string): boolean {
  return ociMediaType(mediaType) === MediaType.index;
}

/** Whether a media type names an image manifest, OCI's or Docker's. */
export function isManifestType(mediaType: string): boolean {
  return ociMediaType(mediaType) === MediaType.manifest;
}
