/**
 * The use case of `kodeno rm`.
 * @module
 */
import type { Emit } from "../events.ts";
import { entryName } from "../oci/entries.ts";
import { openLayout } from "../place/layout/layout.ts";

/**
 * Removes images from a layout: all that are named, or none.
 *
 * @returns what is gone: by its name or tag, where it had one, and its digest
 * @throws {KodenoError} `BAD_PLACE`, `NOT_FOUND`, `IO_FAILED`
 */
export async function rm(directory: string, names: readonly string[], emit?: Emit) {
  const removed = await (await openLayout(directory, { emit })).remove(names);
  return removed.map((entry) => ({ name: entryName(entry), digest: entry.digest }));
}
