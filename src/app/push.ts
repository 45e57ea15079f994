/**
 * The use case of `kodeno push`: all images of a layout or archive into the repositories of a
 * registry. What is there is not sent, so stopping and starting again goes on where it was.
 * @module
 */
import { resolveTransferConfig, type TransferOptions } from "../config/transfer_config.ts";
import type { Source } from "../content/places.ts";
import { copy } from "../content/copy.ts";
import { readDocument } from "../content/read.ts";
import { hasSuccessors, successors } from "../content/successors.ts";
import { KodenoError } from "../errors.ts";
import type { Emit } from "../events.ts";
import { Pool } from "../io/pool.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { findEntry, imageName, refName } from "../oci/entries.ts";
import { type Destination, planPush, type PushNaming } from "../plan/push_names.ts";
import type { RegistryStore } from "../store/registry/store.ts";
import { openImages, openRegistries } from "./places.ts";

/** What was asked for. */
export interface PushRequest extends TransferOptions, PushNaming {
  /** Path of a layout or an archive. */
  readonly from: string;
  /** Names, tags or digests of the images to push; default all. */
  readonly images?: readonly string[] | undefined;
  /** Tells what would be sent, and sends nothing. */
  readonly dryRun?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly emit?: Emit | undefined;
}

/** An image that was pushed, or would be. */
export interface PushedImage {
  /** `REPOSITORY:TAG@DIGEST`, one for each tag. */
  readonly references: readonly string[];
  readonly digest: string;
  /** Blobs that were sent, or would be, and their bytes. */
  readonly blobs: number;
  readonly bytes: number;
}

/** Images pushed side by side; each moves several blobs at once by itself. */
const IMAGES_AT_ONCE = 2;

/**
 * Pushes.
 *
 * @returns what was pushed, in the order of the layout
 * @throws {KodenoError} `BAD_PLACE`, `BAD_REFERENCE`, `NOT_FOUND`, `BAD_CONTENT`, and what the
 * registry answers; images that were pushed before stay there
 */
export async function push(request: PushRequest): Promise<readonly PushedImage[]> {
  const { signal, emit } = request;
  const source = await openImages(request.from);
  const entries = await chooseEntries(source, request.images ?? [], request.from);
  const destinations = planPush(
    entries.map((e) => ({ digest: e.digest, name: imageName(e), tag: refName(e) })),
    request,
  );
  const mountFrom = [...new Set(destinations.map(({ repository }) => repository))];
  await using registries = openRegistries(resolveTransferConfig(request), {
    named: mountFrom,
    mountFrom,
    emit,
  });
  const stores = new Map(mountFrom.map((name) => [name, registries.open(name)]));
  const pool = new Pool(request.dryRun ? 1 : IMAGES_AT_ONCE);
  const failed = new AbortController();
  const all = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const work = entries.map((entry, i) =>
    pool.run(async () => {
      all.throwIfAborted();
      const destination = destinations[i];
      const store = stores.get(destination?.repository ?? "");
      if (destination === undefined || store === undefined) throw new Error("not planned");
      return request.dryRun
        ? await measure(source, entry, destination, store, all)
        : await send(source, entry, destination, store, all);
    }).catch((error) => {
      failed.abort(error);
      throw error;
    })
  );
  const results = await Promise.allSettled(work);
  all.throwIfAborted();
  return results.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
}

async function chooseEntries(
  source: Source & { entries(): Promise<readonly Descriptor[]> },
  images: readonly string[],
  where: string,
): Promise<readonly Descriptor[]> {
  const entries = await source.entries();
  if (entries.length === 0) {
    throw new KodenoError("NOT_FOUND", `Cannot push ${where}: it has no images`);
  }
  if (images.length === 0) return entries;
  const chosen = new Set<Descriptor>();
  for (const image of images) {
    // A name without a tag stands for all its tags.
    const named = entries.filter((e) => imageName(e)?.replace(/:[^:/]*$/, "") === image);
    for (const e of named.length > 0 ? named : [findEntry(entries, image, where)]) chosen.add(e);
  }
  return entries.filter((entry) => chosen.has(entry));
}

function references(entry: Descriptor, { repository, tags }: Destination): readonly string[] {
  return tags.map((tag) => `${repository}:${tag}@${entry.digest}`);
}

async function send(
  source: Source,
  entry: Descriptor,
  destination: Destination,
  store: RegistryStore,
  signal: AbortSignal,
): Promise<PushedImage> {
  let blobs = 0;
  let bytes = 0;
  await copy(source, entry, store, {
    signal,
    tags: destination.tags,
    onBlob: (d, moved) => {
      if (!moved) return;
      blobs++;
      bytes += d.size;
    },
  });
  return { references: references(entry, destination), digest: entry.digest, blobs, bytes };
}

/** What {@link send} would send: the same walk, without the sending. */
async function measure(
  source: Source,
  entry: Descriptor,
  destination: Destination,
  store: RegistryStore,
  signal: AbortSignal,
): Promise<PushedImage> {
  const missing = new Map<string, number>();
  const visit = async (d: Descriptor): Promise<void> => {
    if (missing.has(d.digest) || await store.has(d, { signal })) return;
    missing.set(d.digest, d.size);
    if (!hasSuccessors(d)) return;
    for (const child of successors(d, await readDocument(source, d, { signal }))) {
      await visit(child);
    }
  };
  await visit(entry);
  const bytes = [...missing.values()].reduce((sum, size) => sum + size, 0);
  const blobs = missing.size;
  return { references: references(entry, destination), digest: entry.digest, blobs, bytes };
}
