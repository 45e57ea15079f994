/**
 * The use case of `kodeno rm`.
 * @module
 */
import type { Emit } from "../events.ts";
import { entryName } from "../oci/entries.ts";
import { openLayout } from "../place/layout/layout.ts";

/** An entry that is gone. */
export interface RemovedImage {
  /** `NAME:TAG`, or the tag alone; left out where it had neither. */
  readonly name?: string | undefined;
  readonly digest: string;
}

/**
 * Removes images from a layout: all that are named, or none.
 *
 * @throws {KodenoError} `BAD_PLACE`, `NOT_FOUND`, `IO_FAILED`
 */
export async function rm(
  directory: string,
  names: readonly string[],
  emit?: Emit,
): Promise<readonly RemovedImage[]> {
  const removed = await (await openLayout(directory, { emit })).remove(names);
  return removed.map((entry) => ({ name: entryName(entry), digest: entry.digest }));
}
