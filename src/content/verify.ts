/**
 * Reads a graph whole and checks every byte of it.
 * @module
 */
import { Verifier } from "../io/hash.ts";
import { reusedChunks } from "../io/streams.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { CallOptions, Source } from "./places.ts";
import { readGraphDocument } from "./read.ts";
import { hasSuccessors } from "./successors.ts";
import { Walk } from "./walk.ts";

/** What {@link verify} read. */
export interface Verified {
  /** Different blobs, the root among them. */
  readonly blobs: number;
  /** Bytes of all blobs. */
  readonly bytes: number;
}

/**
 * Checks that a place has a root with all below it, and that each blob has its size and digest.
 *
 * @throws {KodenoError} `BAD_CONTENT` or `NOT_FOUND` for the first blob that does not hold
 */
export async function verify(
  source: Pick<Source, "fetch">,
  root: Descriptor,
  options: CallOptions = {},
): Promise<Verified> {
  let blobs = 0;
  let bytes = 0;
  const walk = new Walk(async (d, { below }) => {
    blobs++;
    bytes += d.size;
    if (hasSuccessors(d)) {
      await below(await readGraphDocument(source, d, options));
      return;
    }
    const verifier = new Verifier(d);
    for await (const chunk of reusedChunks(await source.fetch(d, options), d)) {
      verifier.update(chunk);
    }
    verifier.finish();
  }, options);
  await walk.from(root);
  return { blobs, bytes };
}
