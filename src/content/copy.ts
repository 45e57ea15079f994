/**
 * Moves a graph between two places: children before parents, the root last, tags after it, so that
 * a target never holds a name whose content is not there.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { Pool } from "../io/pool.ts";
import { bytesStream } from "../io/streams.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isIndexType } from "../oci/media_types.ts";
import { GraphBounds } from "./bounds.ts";
import { beginTransfer, type Meter, tellThere, tellUnknown } from "./meter.ts";
import { type CallOptions, holdPlace, type OpenBlob, type Source, type Target } from "./places.ts";
import { readDocument } from "./read.ts";
import { graphKey, hasSuccessors, successors } from "./successors.ts";

/** How {@link copy} works. */
export interface CopyOptions extends CallOptions, Meter {
  /** Blobs looked at and moved at once; default 6. */
  readonly concurrency?: number | undefined;
  /** Names the root gets in the target, in this order. */
  readonly tags?: readonly string[] | undefined;
  /** Told of each blob, after it was moved or found in the target, which may have got it by itself. */
  readonly onBlob?: ((descriptor: Descriptor, moved: boolean) => void) | undefined;
}

/** How often an image is brought that others take away before it has its name. */
const MAX_TIMES_BROUGHT = 3;

/**
 * Copies the graph below a root. What the target has is skipped with all below it; what is not there any
 * more when the root gets its name is brought again.
 *
 * @param root a descriptor, or a name that the source resolves
 * @returns the root's descriptor
 * @throws {KodenoError} `BAD_CONTENT` when bytes are not what their descriptor says, or the graph is
 * deeper or larger than any image, `NOT_FOUND` when the source lacks a blob; the target then has no
 * new name
 *
 * @example
 * ```ts
 * import { copy, MemoryStore } from "../../mod.ts";
 * const from = new MemoryStore();
 * const root = await from.add("text/plain", new TextEncoder().encode("hello"));
 * await copy(from, root, new MemoryStore(), { tags: ["greeting:latest"] });
 * ```
 */
export async function copy(
  source: Source,
  root: Descriptor | string,
  target: Target,
  options: CopyOptions = {},
): Promise<Descriptor> {
  const { concurrency = 6, tags = [], onBlob } = options;
  // The first failure ends the others, so that nothing is moved for nothing.
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  const call: CallOptions = { signal };
  const pool = new Pool(concurrency);
  const visited = new Map<string, Promise<void>>();
  let bounds = new GraphBounds();

  const move = async (d: Descriptor, open: OpenBlob): Promise<void> => {
    const transfer = beginTransfer(d, open, options);
    await pool.run(async () => {
      signal.throwIfAborted();
      await target.push(d, transfer.open, call);
    }, weight(d));
    const moved = transfer.done();
    onBlob?.(d, moved);
  };

  const visit = async (d: Descriptor, depth: number): Promise<void> => {
    signal.throwIfAborted();
    bounds.enter(d, depth);
    // A look takes a file or a connection, too, and a process may open so many of them only.
    if (await pool.run(() => target.has(d, call), Infinity)) {
      tellThere(d, options);
      return onBlob?.(d, false);
    }
    if (!hasSuccessors(d)) return await move(d, () => source.fetch(d, call));
    const bytes = await pool.run(() => readDocument(source, d, call), weight(d));
    const children = successors(d, bytes);
    if (isIndexType(d.mediaType)) {
      for (const child of children) if (!hasSuccessors(child)) tellUnknown(child, options);
    }
    await all(children.map((child) => once(child, depth + 1)));
    await move(d, () => Promise.resolve(bytesStream(bytes)));
  };

  const once = (d: Descriptor, depth: number): Promise<void> => {
    // A graph is named by its digests, so it has no cycles: a blob would have to hold its own hash.
    const known = visited.get(graphKey(d));
    if (known !== undefined) return known;
    const visiting = visit(d, depth);
    visited.set(graphKey(d), visiting);
    return visiting;
  };

  /** Waits for all, even after one failed: nothing may go on behind a caller's back. */
  const all = async (work: readonly Promise<void>[]): Promise<void> => {
    for (const one of work) one.catch((error) => failed.abort(error));
    const results = await Promise.allSettled(work);
    const bad = results.find((result) => result.status === "rejected");
    if (bad !== undefined) throw failed.signal.aborted ? failed.signal.reason : bad.reason;
  };

  using _source = await holdPlace(source, call);
  using _target = await holdPlace(target, call);
  const descriptor = typeof root === "string" ? await source.resolve(root, call) : root;
  if (!hasSuccessors(descriptor)) tellUnknown(descriptor, options);
  for (let brought = 1;; brought++) {
    await all([once(descriptor, 0)]);
    try {
      for (const tag of tags) await target.tag(descriptor, tag, call);
      return descriptor;
    } catch (error) {
      const isGone = error instanceof KodenoError && error.code === "NOT_FOUND" &&
        brought < MAX_TIMES_BROUGHT && !(await target.has(descriptor, call));
      if (!isGone) throw error;
      visited.clear();
      bounds = new GraphBounds();
    }
  }
}

/** Documents first: they lead to more blobs, or make an image whole. */
function weight(d: Descriptor): number {
  return hasSuccessors(d) ? Infinity : d.size;
}
