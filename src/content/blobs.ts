/**
 * The bytes of a blob, wherever they are: in its descriptor, or in the place that is read.
 * @module
 */
import { Buffer } from "node:buffer";
import { Verifier } from "../io/hash.ts";
import { bytesStream } from "../io/streams.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Blobs, CallOptions } from "./places.ts";

/** The content that a descriptor carries itself; nothing where that is not what it describes. */
export function inlineContent(d: Descriptor): Uint8Array | undefined {
  if (typeof d.data !== "string") return undefined;
  const bytes = Uint8Array.from(Buffer.from(d.data, "base64"));
  try {
    const verifier = new Verifier(d);
    verifier.update(bytes);
    verifier.finish();
    return bytes;
  } catch {
    // The place has it, or nobody.
    return undefined;
  }
}

/**
 * The bytes of a blob, as a place has them.
 *
 * @throws {KodenoError} as `fetch` of the place
 */
export async function fetchBlob(
  source: Blobs,
  d: Descriptor,
  options?: CallOptions,
): Promise<ReadableStream<Uint8Array>> {
  const inline = inlineContent(d);
  return inline === undefined ? await source.fetch(d, options) : bytesStream(inline);
}
