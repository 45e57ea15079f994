/**
 * The recipe of `kodeno gc`.
 * @module
 */
import { hasSuccessors, whyUnknown } from "../content/walk.ts";
import type { WorkOptions } from "../events.ts";
import { nameOrDigest } from "../oci/entries.ts";
import { collectGarbage, type Garbage } from "../place/layout/gc.ts";
import { openLayout } from "../place/layout/layout.ts";

/** Long enough for another tool to give a name to what it has put into the layout. */
const MINIMUM_AGE_MS = 60 * 60 * 1000;

interface GcOptions extends WorkOptions {
  /** Removes nothing, only tells. */
  readonly dryRun?: boolean | undefined;
  /** Removes blobs that came in within the last hour, too. */
  readonly pruneNow?: boolean | undefined;
}

/**
 * Removes the blobs of a layout that no image needs, and that no other kodeno counts on. Temporary
 * files of processes that are gone are removed by opening it.
 */
export async function gc(directory: string, options: GcOptions): Promise<Garbage> {
  const { dryRun, pruneNow, signal, emit } = options;
  const layout = await openLayout(directory, { emit });
  for (const entry of await layout.entries()) {
    if (hasSuccessors(entry)) continue;
    const message = `Cannot tell what ${nameOrDigest(entry)} needs: ${whyUnknown(entry)}; ` +
      "its blob alone stays";
    emit?.({ type: "note", level: "warning", message });
  }
  const minimumAgeMs = pruneNow ? -Infinity : MINIMUM_AGE_MS;
  return await collectGarbage(layout, { dryRun, minimumAgeMs, signal });
}
