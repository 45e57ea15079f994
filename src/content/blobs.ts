/**
 * The bytes of a blob, wherever they are: in its descriptor, in the place that is read, or, those of a
 * foreign layer, where its maker has them.
 * @module
 */
import { Buffer } from "node:buffer";
import { hasCode } from "../errors.ts";
import { verifyBytes } from "../io/hash.ts";
import { bytesStream } from "../io/streams.ts";
import { type Descriptor, isForeign } from "../oci/descriptor.ts";
import type { Blobs, CallOptions } from "./places.ts";

/** How the bytes of a blob are fetched. */
interface FetchOptions extends CallOptions {
  /** Has the foreign layers that the place lacks, and what else has URLs. */
  readonly foreign?: Blobs | undefined;
}

/** The content that a descriptor carries itself; nothing where that is not what it describes. */
export function inlineContent(d: Descriptor): Uint8Array | undefined {
  if (typeof d.data !== "string") return undefined;
  const bytes = Uint8Array.from(Buffer.from(d.data, "base64"));
  try {
    verifyBytes(d, bytes);
    return bytes;
  } catch {
    // The place has it, or nobody.
    return undefined;
  }
}

/** Whether somebody else may have a blob than the place that names it. */
export function isElsewhere(d: Descriptor): boolean {
  return isForeign(d) || (d.urls ?? []).length > 0;
}

/**
 * The bytes of a blob, as a place has them.
 *
 * @throws {KodenoError} as `fetch` of the place
 */
export async function fetchBlob(
  source: Blobs,
  d: Descriptor,
  { foreign, signal }: FetchOptions = {},
): Promise<ReadableStream<Uint8Array>> {
  const inline = inlineContent(d);
  if (inline !== undefined) return bytesStream(inline);
  try {
    return await source.fetch(d, { signal });
  } catch (error) {
    if (foreign === undefined || !isElsewhere(d) || !hasCode(error, "NOT_FOUND")) throw error;
  }
  return await foreign.fetch(d, { signal });
}
