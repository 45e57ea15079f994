/**
 * Reads a graph whole and checks every byte of it.
 * @module
 */
import { Verifier } from "../io/hash.ts";
import { lentChunks } from "../io/lent.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { GraphBounds } from "./bounds.ts";
import type { CallOptions, Source } from "./places.ts";
import { readDocument } from "./read.ts";
import { graphKey, hasSuccessors, successors } from "./successors.ts";

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
  const seen = new Set<string>();
  const bounds = new GraphBounds();
  const queue = [{ d: root, depth: 0 }];
  let bytes = 0;
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { d, depth } = next;
    if (seen.has(graphKey(d))) continue;
    seen.add(graphKey(d));
    bounds.enter(d, depth);
    bytes += d.size;
    if (hasSuccessors(d)) {
      for (const child of successors(d, await readDocument(source, d, options))) {
        queue.push({ d: child, depth: depth + 1 });
      }
      continue;
    }
    const verifier = new Verifier(d);
    for await (const chunk of lentChunks(await source.fetch(d, options), d)) verifier.update(chunk);
    verifier.finish();
  }
  return { blobs: seen.size, bytes };
}
