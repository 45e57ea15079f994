/**
 * Descriptors: what a blob is, its digest and its size (OCI image spec 1.1, descriptor.md).
 * @module
 */
import type { Digest } from "./digest.ts";
import type { Platform } from "./platform.ts";

/** Points to one blob. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly platform?: Platform | undefined;
  readonly artifactType?: string | undefined;
}

/** The three fields that name content, without what an index says about it. */
export function bareDescriptor(d: Descriptor): Descriptor {
  return { mediaType: d.mediaType, digest: d.digest, size: d.size };
}
