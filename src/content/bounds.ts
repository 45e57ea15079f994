/**
 * Walks through graphs have an end: how deep they may go, and how much they may come by.
 * @module
 */
import { KodenoError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { MAX_GRAPH_BLOBS, MAX_GRAPH_DEPTH, MAX_GRAPH_DOCUMENT_BYTES } from "../oci/limits.ts";
import { hasSuccessors } from "./successors.ts";

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
