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
  /** Where else its content is to be had. */
  readonly urls?: readonly string[] | undefined;
  /** The content itself, as base64. */
  readonly data?: string | undefined;
}

/** The three fields that name content, without what an index says about it. */
export function bareDescriptor(d: Descriptor): Descriptor {
  return { mediaType: d.mediaType, digest: d.digest, size: d.size };
}

/** The algorithms of digests; kodeno reads all of them, and writes sha256. */
export type DigestAlgorithm = "sha256" | "sha512";

/** A well-formed digest: the algorithm, a colon, and 64 or 128 lower-case hex digits. */
export type Digest = `${DigestAlgorithm}:${string}`;

/** A digest in the source of a larger expression, such as that of a place's name. */
export const DIGEST_PATTERN = "(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})";

/** What a digest has to be, for messages. */
export const DIGEST_FORM = '"sha256:" and 64 hex digits, or "sha512:" and 128';

const DIGEST = new RegExp(`^${DIGEST_PATTERN}$`);

/** Whether a string is a well-formed digest. */
export function isDigest(value: string): value is Digest {
  return DIGEST.test(value);
}

/** Checks a digest from outside: no traversal (`sha256:../..`) reaches a path. */
export function parseDigest(value: string): Digest {
  if (isDigest(value)) return value;
  const shown = JSON.stringify(value.slice(0, 100));
  const why = `it has to be ${DIGEST_FORM}`;
  throw new KodenoError("BAD_CONTENT", `Cannot use digest ${shown}: ${why}`);
}

/** The parts of a digest of any algorithm (OCI image spec 1.1, descriptor.md), known here or not. */
export function digestParts(digest: string) {
  const [, algorithm, encoded] =
    /^([a-z0-9]+(?:[+._-][a-z0-9]+)*):([a-zA-Z0-9=_-]+)$/.exec(digest) ?? [];
  if (algorithm === undefined || encoded === undefined) return undefined;
  return { algorithm, encoded, isKnown: algorithm === "sha256" || algorithm === "sha512" };
}

/** The part before the colon; what has no known one there is compared as sha256, and never equal. */
export function digestAlgorithm(digest: string): DigestAlgorithm {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}

/** The folder of blobs of an algorithm in a layout, and in an archive. */
export function blobFolder(algorithm: DigestAlgorithm): string {
  return `blobs/${algorithm}`;
}

/** Where a layout or an archive has a blob; slashes stand between the folders. */
export function blobPath({ digest }: Pick<Descriptor, "digest">): string {
  const checked = parseDigest(digest);
  return `${blobFolder(digestAlgorithm(checked))}/${digestHex(checked)}`;
}

/**
 * The tag under which a registry without an API for them lists what refers to a manifest: of a long
 * digest it has the first 64 digits (OCI distribution spec 1.1, "Referrers Tag Schema").
 */
export function referrersTag({ digest }: Pick<Descriptor, "digest">): string {
  const checked = parseDigest(digest);
  return `${digestAlgorithm(checked)}-${digestHex(checked).slice(0, 64)}`;
}

/** What cosign's first form has tags for: signatures of a manifest, signed statements about it, SBOMs. */
export const COSIGN_TAGS = ["sig", "att", "sbom"] as const;
export type CosignTagKind = (typeof COSIGN_TAGS)[number];

/** The tag under which such things stand. */
export function cosignTag({ digest }: Pick<Descriptor, "digest">, kind: CosignTagKind): string {
  return `${digest.replace(":", "-")}.${kind}`;
}

/** Media types of the OCI image spec 1.1 that kodeno writes. */
export const MediaType = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  layerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
} as const;

/** Docker's names for the same things; the bytes behind them are the same. */
const DOCKER_TO_OCI: Readonly<Record<string, string>> = {
  "application/vnd.docker.distribution.manifest.list.v2+json": MediaType.index,
  "application/vnd.docker.distribution.manifest.v2+json": MediaType.manifest,
  "application/vnd.docker.container.image.v1+json": MediaType.config,
  "application/vnd.docker.image.rootfs.diff.tar": MediaType.layer,
  "application/vnd.docker.image.rootfs.diff.tar.gzip": MediaType.layerGzip,
  "application/vnd.docker.image.rootfs.diff.tar.zstd": MediaType.layerZstd,
  "application/vnd.docker.image.rootfs.foreign.diff.tar":
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
  "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip":
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
};

const FOREIGN = /^application\/vnd\.oci\.image\.layer\.nondistributable\.v1\./;

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

/** Whether a media type names a document that points to blobs. */
export function isDocumentType(mediaType: string): boolean {
  return isIndexType(mediaType) || isManifestType(mediaType);
}

/**
 * Whether a blob is a foreign layer: one that its license keeps out of registries, so that an image is
 * whole without it. Whoever runs that gets it from where its `urls` say.
 */
export function isForeign({ mediaType }: Descriptor): boolean {
  return FOREIGN.test(ociMediaType(mediaType));
}
