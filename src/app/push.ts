/**
 * The use case of `kodeno push`: all images of a layout or archive into the repositories of a
 * registry. What is there is not sent, so stopping and starting again goes on where it was.
 * @module
 */
import { resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions } from "../config/options.ts";
import type { Source } from "../content/places.ts";
import { type BlobCount, copy, measureCopy } from "../content/copy.ts";
import { copyReferrers } from "../content/referrers.ts";
import { KodenoError } from "../errors.ts";
import type { Emit } from "../events.ts";
import { Pool } from "../io/work.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { entryName, imageName, refName } from "../oci/entries.ts";
import { planPush, type PushDestination, type PushNaming } from "../build/names.ts";
import type { RegistryStore } from "../place/registry/store.ts";
import { openChosen } from "../place/choose_images.ts";
import { isLocalRepository, openRegistries } from "../place/open.ts";
import { type ImageSummary, summarize } from "../content/reader.ts";

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
export interface PushedImage extends ImageSummary {
  /** `NAME:TAG` or a tag alone, as it is where it came from; left out where it has neither. */
  readonly name?: string | undefined;
  readonly digest: string;
  /** `REPOSITORY:TAG@DIGEST`, one for each tag; `REPOSITORY@DIGEST` where it gets none. */
  readonly references: readonly string[];
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
  const { from, images = [] } = request;
  using chosen = await openChosen(from, { images, verb: "push", signal, emit });
  // What refers to an image goes where the image goes.
  const { source, images: entries, referrers } = chosen;
  const destinations = planPush(
    entries.map((e) => ({ digest: e.digest, name: imageName(e), tag: refName(e) })),
    request,
  );
  if (request.offline && request.to === undefined) refuseUnnamed(destinations);
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
      const along = referrers.get(entry.digest) ?? [];
      const work = { source, entry, along, destination, store, signal: all, emit };
      const sent = request.dryRun
        ? await measureCopy(source, [entry, ...along], store, { signal: all })
        : await send(work);
      return await toResult(work, sent);
    }).catch((error) => {
      failed.abort(error);
      throw error;
    })
  );
  const results = await Promise.allSettled(work);
  all.throwIfAborted();
  return results.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
}

/** Names of a layout are not on the command line; only this machine needs no network. */
function refuseUnnamed(destinations: readonly PushDestination[]): void {
  const other = destinations.find(({ repository }) => !isLocalRepository(repository));
  if (other === undefined) return;
  throw new KodenoError(
    "BAD_OPTION",
    `Cannot push to ${other.repository} offline: only the image's name says so; say it with ` +
      "--to REPO, or leave --offline out",
  );
}

/** One image on its way. */
interface Work {
  readonly source: Source;
  readonly entry: Descriptor;
  /** What refers to it. */
  readonly along: readonly Descriptor[];
  readonly destination: PushDestination;
  readonly store: RegistryStore;
  readonly signal: AbortSignal;
  readonly emit: Emit | undefined;
}

async function toResult(work: Work, { blobs, bytes }: BlobCount): Promise<PushedImage> {
  const { source, entry, destination: { repository, tags }, signal } = work;
  const name = entryName(entry);
  return {
    ...(name === undefined ? {} : { name }),
    digest: entry.digest,
    ...await summarize(source, entry, { signal }),
    references: (tags.length > 0 ? tags.map((tag) => `:${tag}`) : [""])
      .map((tag) => `${repository}${tag}@${entry.digest}`),
    blobs,
    bytes,
  };
}

async function send(work: Work): Promise<BlobCount> {
  const { source, entry, along, destination, store, signal, emit } = work;
  let blobs = 0;
  let bytes = 0;
  const options = {
    signal,
    emit,
    image: entryName(entry) ?? destination.repository,
    onBlob: (d: Descriptor, moved: boolean) => {
      if (!moved) return;
      blobs++;
      bytes += d.size;
    },
  };
  await copy(source, entry, store, { ...options, tags: destination.tags });
  await copyReferrers(source, along, store, options);
  return { blobs, bytes };
}
