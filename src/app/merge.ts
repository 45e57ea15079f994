/**
 * The use case of `kodeno merge`.
 * @module
 */
import { entryName } from "../oci/entries.ts";
import { openLayout } from "../place/layout/layout.ts";
import { mergeLayouts, type MergeOptions } from "../place/layout/merge.ts";
import { openImages } from "../place/open.ts";
import { presentImages } from "../place/open_image.ts";
import { ImageReader } from "../content/reader.ts";

/**
 * Copies all images of layouts and archives into one layout, which is made when it is not there.
 *
 * @returns what came in; what only refers to another image has no name
 * @throws {KodenoError} `BAD_PLACE`, `BAD_OPTION` for a name of different images, `BAD_CONTENT`,
 * `NOT_FOUND`, `IO_FAILED`; nothing of it shows then
 */
export async function merge(
  out: string,
  ins: readonly string[],
  options: MergeOptions = {},
) {
  const stores: Awaited<ReturnType<typeof openImages>>[] = [];
  const layout = await openLayout(out, { create: true, emit: options.emit });
  try {
    for (const path of ins) stores.push(await openImages(path, options));
    const from = stores.map((store, i) => presentImages(store, ins[i] ?? "", options));
    const entries = await mergeLayouts(layout, from, options);
    const merged = [];
    const reader = new ImageReader(layout);
    // One after the other: a process may open so many files only.
    for (const entry of entries) {
      const { size, platforms } = await reader.summary(entry, false);
      merged.push({ name: entryName(entry), digest: entry.digest, size, platforms });
    }
    return merged;
  } catch (error) {
    await layout.undo();
    throw error;
  } finally {
    for (const store of stores) if (Symbol.dispose in store) store[Symbol.dispose]();
  }
}
