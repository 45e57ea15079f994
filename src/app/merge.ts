/**
 * The use case of `kodeno merge`.
 * @module
 */
import { entryName } from "../oci/entries.ts";
import { openLayout } from "../place/layout/layout.ts";
import { mergeLayouts, type MergeOptions } from "../place/layout/merge.ts";
import { openImages } from "../place/open.ts";
import { presentImages } from "../place/choose_images.ts";
import { ImageReader, type ImageSummary } from "../content/reader.ts";

/** An image that came in. */
export interface MergedImage extends ImageSummary {
  /** `NAME:TAG`, or the tag alone; left out for what refers to another image. */
  readonly name?: string | undefined;
  readonly digest: string;
}

/**
 * Copies all images of layouts and archives into one layout, which is made when it is not there.
 *
 * @throws {KodenoError} `BAD_PLACE`, `BAD_OPTION` for a name of different images, `BAD_CONTENT`,
 * `NOT_FOUND`, `IO_FAILED`; nothing of it shows then
 */
export async function merge(
  out: string,
  ins: readonly string[],
  options: MergeOptions = {},
): Promise<readonly MergedImage[]> {
  const stores: Awaited<ReturnType<typeof openImages>>[] = [];
  const layout = await openLayout(out, { create: true, emit: options.emit });
  try {
    for (const path of ins) stores.push(await openImages(path, options));
    const from = stores.map((store, i) => presentImages(store, ins[i] ?? "", options));
    const entries = await mergeLayouts(layout, from, options);
    const merged: MergedImage[] = [];
    const reader = new ImageReader(layout);
    // One after the other: a process may open so many files only.
    for (const entry of entries) {
      const name = entryName(entry);
      const { digest } = entry;
      const { size, platforms } = await reader.summary(entry, false);
      merged.push({ ...(name === undefined ? {} : { name }), digest, size, platforms });
    }
    return merged;
  } catch (error) {
    await layout.undo();
    throw error;
  } finally {
    for (const store of stores) if (Symbol.dispose in store) store[Symbol.dispose]();
  }
}
