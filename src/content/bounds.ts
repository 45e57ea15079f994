/**
 * Walks through graphs have an end: how deep they may go, and how much they may come by.
 * @module
 */
import { KodenoError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { MAX_GRAPH_BLOBS, MAX_GRAPH_DEPTH, MAX_GRAPH_DOCUMENT_BYTES } from "../oci/limits.ts";
import { graphKey, hasSuccessors } from "./successors.ts";

/** Counts what a walk below one root comes by. */
export class GraphBounds {
  #root: Descriptor | undefined;
  #blobs = 0;
  #documentBytes = 0;

  /** @param mostBytes of all manifests and indexes */
  constructor(readonly mostBytes: number = MAX_GRAPH_DOCUMENT_BYTES) {}

  /**
   * Takes one more blob; the first one is the root.
   *
   * @param depth levels below the root
   * @throws {KodenoError} `BAD_CONTENT` when it is one too many, or too deep
   */
  enter(d: Descriptor, depth: number): void {
    const root = this.#root ??= d;
    const bad = (why: string): KodenoError =>
      new KodenoError("BAD_CONTENT", `Cannot use ${root.digest}: ${why}; no honest image has that`);
    if (depth > MAX_GRAPH_DEPTH) {
      throw bad(`what it names goes over ${MAX_GRAPH_DEPTH} levels deep`);
    }
    if (++this.#blobs > MAX_GRAPH_BLOBS) throw bad(`it leads to over ${MAX_GRAPH_BLOBS} blobs`);
    if (!hasSuccessors(d)) return;
    this.#documentBytes += d.size;
    if (this.#documentBytes <= this.mostBytes) return;
    throw bad(`its manifests have over ${this.mostBytes} bytes`);
  }
}

/**
 * Whether a root is there with all below it. Each blob is looked at once, whatever names it how
 * often.
 *
 * @param look gives what a blob leads to; undefined when it is not there
 * @throws {KodenoError} `BAD_CONTENT` for a graph without end, and what `look` throws
 */
export async function isWhole(
  root: Descriptor,
  look: (d: Descriptor) => Promise<readonly Descriptor[] | undefined>,
): Promise<boolean> {
  const bounds = new GraphBounds();
  const seen = new Set<string>();
  const queue: { readonly d: Descriptor; readonly depth: number }[] = [{ d: root, depth: 0 }];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { d, depth } = next;
    const key = graphKey(d);
    if (seen.has(key)) continue;
    seen.add(key);
    bounds.enter(d, depth);
    const children = await look(d);
    if (children === undefined) return false;
    for (const child of children) queue.push({ d: child, depth: depth + 1 });
  }
  return true;
}
