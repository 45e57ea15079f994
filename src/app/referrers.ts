/**
 * What refers to an image: signatures, SBOMs, provenance, and what refers to those.
 * @module
 */
import { GraphBounds } from "../content/bounds.ts";
import { copy, type CopyOptions } from "../content/copy.ts";
import type { CallOptions, Source, Target } from "../content/places.ts";
import { readDocument } from "../content/read.ts";
import { hasSuccessors } from "../content/successors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { entryName } from "../oci/entries.ts";
import { parseIndex } from "../oci/manifest.ts";
import { isIndexType } from "../oci/media_types.ts";
import { RegistryStore } from "../place/registry/store.ts";
import { ImageReader } from "./inspect.ts";
import type { ImageStore } from "../place/open.ts";

/** Finds what refers to a root. */
export type FindReferrers = (root: Descriptor) => Promise<readonly Descriptor[]>;

/**
 * Gives a function that finds all manifests that refer to a root, to the images of an index, or to one
 * of these referrers, each once, without a name. A registry is asked; in a layout or archive they are
 * among its entries or below them, which are read once.
 *
 * @throws {KodenoError} as the function: what a registry answers, `BAD_CONTENT`, `NOT_FOUND`
 */
export async function referrerFinder(
  source: Source,
  options: CallOptions = {},
): Promise<FindReferrers> {
  const ask = await asker(source, options);
  return async (root) => {
    const found: Descriptor[] = [];
    const images = await imagesOf(source, root, options);
    const seen = new Set([root, ...images].map(({ digest }) => digest));
    const bounds = new GraphBounds();
    // Level by level: a registry may name ever new ones.
    let level: readonly Descriptor[] = [root, ...images];
    for (let depth = 0; level.length > 0; depth++) {
      const next: Descriptor[] = [];
      for (const d of level) {
        bounds.enter(d, depth);
        for (const referrer of await ask(d)) {
          if (seen.has(referrer.digest)) continue;
          seen.add(referrer.digest);
          next.push(referrer);
        }
      }
      found.push(...next);
      level = next;
    }
    return found;
  };
}

/**
 * Copies manifests that refer to an image, in their order. On a registry they are listed under their
 * subject in the end, also those that were there before.
 *
 * @throws {KodenoError} as `copy` does
 */
export async function copyReferrers(
  source: Source,
  referrers: readonly Descriptor[],
  target: Target,
  options: CopyOptions,
): Promise<void> {
  for (const referrer of referrers) {
    let moved = false;
    const onBlob = (d: Descriptor, isMoved: boolean): void => {
      if (d.digest === referrer.digest) moved = isMoved;
      options.onBlob?.(d, isMoved);
    };
    await copy(source, referrer, target, { ...options, onBlob });
    if (moved || !(target instanceof RegistryStore)) continue;
    const bytes = await readDocument(source, referrer, options);
    await target.listReferrer(referrer, bytes, options);
  }
}

/** Entries of a place that are images, and what it has about each of them. */
export interface WithReferrers {
  readonly images: readonly Descriptor[];
  /** By the digest of the image. */
  readonly referrers: ReadonlyMap<string, readonly Descriptor[]>;
}

/**
 * Tells images from what only refers to them: entries without a name that have one of the images, or
 * a part of it, as their subject.
 *
 * @param entries those of the store, or some of them
 */
export async function splitReferrers(
  store: ImageStore,
  entries: readonly Descriptor[],
  options: CallOptions = {},
): Promise<WithReferrers> {
  const isNameless = (e: Descriptor) => entryName(e) === undefined;
  // Most places have none, and nothing needs to be read to see that.
  if (!(await store.entries()).some((e) => isNameless(e) && hasSuccessors(e))) {
    return { images: entries, referrers: new Map() };
  }
  const find = await referrerFinder(store, options);
  const referrers = new Map<string, readonly Descriptor[]>();
  for (const entry of entries) referrers.set(entry.digest, await find(entry));
  const about = new Set([...referrers.values()].flat().map(({ digest }) => digest));
  const images = entries.filter((entry) => !isNameless(entry) || !about.has(entry.digest));
  return { images, referrers };
}

type Ask = (subject: Descriptor) => readonly Descriptor[] | Promise<readonly Descriptor[]>;

async function asker(source: Source, options: CallOptions): Promise<Ask> {
  if (source instanceof RegistryStore) return (subject) => source.referrers(subject, options);
  // A daemon keeps none.
  if (!isImageStore(source)) return () => [];
  const reader = new ImageReader(source, options.signal);
  await reader.findReferrers(await source.entries());
  return ({ digest }) => reader.referrersOf(digest);
}

function isImageStore(source: Source): source is ImageStore {
  return "entries" in source;
}

/** The manifests that an index names; they may have referrers of their own. */
async function imagesOf(
  source: Source,
  root: Descriptor,
  options: CallOptions,
): Promise<readonly Descriptor[]> {
  if (!isIndexType(root.mediaType)) return [];
  const { manifests } = parseIndex(await readDocument(source, root, options), root.digest);
  return manifests.filter(hasSuccessors);
}
