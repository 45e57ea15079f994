/**
 * Layouts and archives whose images are to be moved: of what `docker save` wrote, that is what its
 * daemon had.
 * @module
 */
import type { CallOptions, ImageStore } from "../content/places.ts";
import type { Emit } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { nameOrDigest } from "../oci/entries.ts";
import { formatPlatform } from "../oci/platform.ts";
import type { PresentBlobs } from "./archive/choose.ts";

/** Who is told of what is left out. */
export interface PresentOptions extends CallOptions {
  readonly emit?: Emit | undefined;
}

/** Tells that of an index one platform alone is moved. */
export function tellPartial(
  index: Descriptor,
  { platform }: Descriptor,
  where: string,
  emit: Emit | undefined,
): void {
  const only = platform ? formatPlatform(platform) : "one platform";
  const message = `Took ${only} of ${nameOrDigest(index)} alone: ${where} has no other image of ` +
    `index ${index.digest}`;
  emit?.({ type: "note", level: "warning", message });
}

/**
 * A layout or archive whose entries are what can be moved of its images; each index that has a single
 * platform there is told of.
 *
 * @param where names the place in a note
 */
export function presentImages(
  store: ImageStore,
  where: string,
  options: PresentOptions,
): ImageStore {
  // A layout that lacks a blob is damaged.
  return "holds" in store ? ofArchive(store as ImageStore & PresentBlobs, where, options) : store;
}

function ofArchive(
  store: ImageStore & PresentBlobs,
  where: string,
  { signal, emit }: PresentOptions,
): ImageStore {
  const told = new Set<string>();
  const present = async (entry: Descriptor): Promise<Descriptor> => {
    const { presentImage } = await import("./archive/choose.ts");
    const found = await presentImage(store, entry, { signal });
    if (found.digest !== entry.digest && !told.has(entry.digest)) {
      tellPartial(entry, found, where, emit);
      told.add(entry.digest);
    }
    return found;
  };
  let entries: Promise<readonly Descriptor[]> | undefined;
  const all = async (): Promise<readonly Descriptor[]> => {
    const found: Descriptor[] = [];
    for (const entry of await store.entries()) found.push(await present(entry));
    return found;
  };
  return {
    resolve: async (ref, o) => await present(await store.resolve(ref, o)),
    fetch: (d, o) => store.fetch(d, o),
    entries: () => entries ??= all(),
  };
}
