/**
 * The recipe of `kodeno merge`.
 * @module
 */
import { resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions, TrustOptions } from "../config/options.ts";
import { holdPlace } from "../content/places.ts";
import { ImageReader } from "../content/reader.ts";
import { openLayout } from "../place/layout/layout.ts";
import { mergeLayouts, type MergeOptions } from "../place/layout/merge.ts";
import { openForeign, openImages } from "../place/open.ts";
import { presentImages } from "../place/open_image.ts";
import { openDemands } from "../trust/demands.ts";

type MergeRequest = Omit<MergeOptions, "foreign"> & TransferOptions & TrustOptions;

/**
 * Copies all images of layouts and archives into one layout, which is made when it is not there; what
 * came in. One that is damaged does not hinder the others; after any other failure nothing shows.
 */
export async function merge(out: string, ins: readonly string[], request: MergeRequest) {
  await using foreign = await openForeign(resolveTransferConfig(request), request);
  const options = { ...request, foreign };
  const demands = await openDemands(request);
  using opened = new globalThis.DisposableStack();
  const layout = await openLayout(out, { create: true, emit: options.emit });
  try {
    const from = [];
    for (const path of ins) {
      from.push(presentImages(opened.use(await openImages(path, options)), path, options));
    }
    for (const store of demands === undefined ? [] : from) {
      using _ = await holdPlace(store, request);
      await demands?.onEntries(store, await store.entries(), "merged", request);
    }
    const entries = await mergeLayouts(layout, from, options);
    const merged = [];
    const reader = new ImageReader(layout);
    // One after the other: a process may open so many files only.
    for (const entry of entries) merged.push(await reader.image(entry));
    return merged;
  } catch (error) {
    await layout.undo();
    throw error;
  }
}
