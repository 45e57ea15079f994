/**
 * Descriptors: what a blob is, its digest and its size (OCI image spec 1.1, descriptor.md).
 * @module
 */
import type { Digest } from "./digest.ts";
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
