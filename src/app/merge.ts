/**
 * The recipe of `kodeno merge`.
 * @module
 */
import { checkComplete } from "../build/complete.ts";
import { resolveResults, resolveTransferConfig } from "../config/config.ts";
import type { ResultOptions, TransferOptions, TrustOptions } from "../config/options.ts";
import { holdPlace, type ImageStore } from "../content/places.ts";
import { type FoundImage, ImageReader } from "../content/reader.ts";
import { exists } from "../io/files.ts";
import { cosignSubject } from "../oci/entries.ts";
import { isReference, splitHost } from "../oci/reference.ts";
import { openLayout } from "../place/layout/layout.ts";
import { mergeLayouts, type MergeOptions } from "../place/layout/merge.ts";
import { giveUpNetwork, openForeign, openImages, parsePlace } from "../place/open.ts";
import { presentImages } from "../place/open_image.ts";
import { openRegistryImage } from "../place/registry_images.ts";
import { openDemands } from "../trust/demands.ts";

interface MergeRequest
  extends Omit<MergeOptions, "check" | "foreign">, ResultOptions, TransferOptions, TrustOptions {
  /** File of a plan that the images have to be all of. */
  readonly complete?: string | undefined;
}

/**
 * Copies all images of layouts, archives and registries into one layout, which is made when it is not
 * there; what came in. One that is damaged does not hinder the others, unless they have to be all of a
 * plan; after any other failure nothing shows.
 */
export async function merge(out: string, ins: readonly string[], request: MergeRequest) {
  const { complete, signal } = request;
  // Others do not wait for what reads a plan.
  const plan = complete === undefined
    ? undefined
    : (await import("../build/plan_file.ts")).readPlan("plan", complete);
  const config = resolveTransferConfig(request);
  const asked = resolveResults(request);
  // Most merges are asked for none.
  const results = asked && await (await import("../build/results.ts")).openResults(asked);
  const places = ins.map((path) => [path, registryPlace(path)] as const);
  if (config.offline && places.every(([, place]) => place === undefined)) await giveUpNetwork();
  await using foreign = await openForeign(config, request);
  const check = plan && complete !== undefined
    ? (found: Parameters<typeof checkComplete>[2]) =>
      checkComplete(plan, complete, found, { signal })
    : undefined;
  const options = { ...request, foreign, check };
  const namesOf = (name: string) =>
    plan?.filter((one) => one.name === name).flatMap(({ references }) => references) ?? [];
  const demands = await openDemands(request);
  // deno-lint-ignore no-undef -- the linter does not know it yet
  await using opened = new AsyncDisposableStack();
  const merged: FoundImage[] = [];
  const layout = await openLayout(out, { create: true, emit: options.emit });
  try {
    const from: ImageStore[] = [];
    for (const [path, place] of places) {
      const how = { ...options, config, from: path, namesOf };
      from.push(
        place === undefined
          ? presentImages(opened.use(await openImages(path, options)), path, options)
          : await openRegistryImage(place, opened, how),
      );
    }
    for (const store of demands === undefined ? [] : from) {
      using _ = await holdPlace(store, request);
      await demands?.onEntries(store, await store.entries(), "merged", request);
    }
    const entries = await mergeLayouts(layout, from, options);
    const reader = new ImageReader(layout);
    // One after the other: a process may open so many files only.
    for (const entry of entries) {
      const image = await reader.image(entry);
      merged.push(image);
      const { name, references } = image;
      // The others are signatures and the like.
      if (name === undefined || cosignSubject(entry) !== undefined) continue;
      const taken = { key: name, names: [name], references, root: entry, source: layout };
      await results?.take(taken, { signal });
    }
  } catch (error) {
    await layout.undo();
    throw error;
  }
  await results?.write(false);
  return merged;
}

/** The image of a registry that a text names, where it is no path. */
function registryPlace(text: string) {
  const isPath = /^\.{0,2}\//.test(text) || exists(text);
  if (isPath || !isReference(text) || splitHost(text).host === undefined) return undefined;
  const place = parsePlace(text);
  return place.kind === "registry" ? place : undefined;
}
