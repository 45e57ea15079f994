/**
 * What a layer will hold, known before any content is read: enough to write it, and to find it in
 * the cache.
 * @module
 */
import type { LayerEntry } from "./layer.ts";

/** A layer to be written. */
export interface LayerPlan {
  /** Everything that shapes the bytes but the compression; JSON values. */
  readonly key: readonly unknown[];
  readonly entries: readonly LayerEntry[];
  /** Bytes of content. */
  readonly bytes: number;
  /** Whether the files have been at rest: one that was written just now may be written again. */
  readonly settled: boolean;
}
