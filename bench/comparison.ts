/**
 * A comparison: the same work, done by kodeno and by another program.
 * @module
 */
import type { Run } from "./process.ts";

/** The two that do the same work. */
export type Side = "kodeno" | "other";

/** Two sides and what they work with, until it is disposed of. */
export interface Comparison extends AsyncDisposable {
  /**
   * Does the work once, and checks that it was done.
   *
   * @param watch whether the memory is looked at
   * @throws when a program fails, or something else came out
   */
  run(side: Side, watch: boolean): Promise<Run>;
}
