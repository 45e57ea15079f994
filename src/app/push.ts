/**
 * The recipe of `kodeno push`: all images of a layout or archive into the repositories of a
 * registry. What is there is not sent, so stopping and starting again goes on where it was.
 * @module
 */
import { planPush, type PushDestination, type PushNaming } from "../build/destinations.ts";
import { badValue } from "../config/checks.ts";
import { parsePrefix, resolveResults, resolveTransferConfig } from "../config/config.ts";
import type { ResultOptions, TransferOptions, TrustOptions } from "../config/options.ts";
import { copy, countMoved } from "../content/copy.ts";
import { Damages } from "../content/damages.ts";
import { summarize } from "../content/reader.ts";
import { copyReferrers } from "../content/referrers.ts";
import { hasCode, KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { forEach, getOrSet, Pool } from "../io/concurrency.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { calledName, entryName } from "../oci/entries.ts";
import { takingWhole } from "../place/choose_image.ts";
import { splitHost, withoutTag } from "../oci/reference.ts";
import { isLocalRepository, openForeign, openRegistries } from "../place/open.ts";
import { openChosen, tellLostName } from "../place/open_image.ts";
import { DryRun } from "../place/registry/dry_run.ts";
import type { RegistryStore } from "../place/registry/registry.ts";
import { openDemands } from "../trust/demands.ts";

interface PushRequest
  extends ResultOptions, TransferOptions, TrustOptions, Omit<PushNaming, "to">, WorkOptions {
  /** Path of a layout or an archive. */
  readonly from: string;
  /** Prefixes of repositories, each of which gets the images; without any they go where they say. */
  readonly to?: readonly string[] | undefined;
  /** Names, tags or digests of the images to push; default all. */
  readonly images?: readonly string[] | undefined;
  /** Pushes one image of several platforms alone. */
  readonly platform?: string | undefined;
  /** Whether what refers to images (signatures, SBOMs) goes along; default true. */
  readonly referrers?: boolean | undefined;
  /** Tells what would be sent, and sends nothing. */
  readonly dryRun?: boolean | undefined;
  /** Sums images up, too, as lines of JSON have it. */
  readonly json?: boolean | undefined;
}

/** Where an image goes, of which it is one. */
type Destination = PushDestination & { readonly entry: Descriptor };

/** Images pushed side by side; each moves several blobs at once by itself. */
const IMAGES_AT_ONCE = 2;

/**
 * Pushes; images that were pushed before one that fails stay there. One that is damaged does not hinder
 * the others.
 *
 * @returns what was pushed, in the order of the layout, to one prefix after the other: `name` as it is
 * where it came from; `references` `REPOSITORY:TAG@DIGEST`, one for each tag, or `REPOSITORY@DIGEST`;
 * `blobs` and `bytes` that were sent, or would be; of a dry run what would be `mounted` from other
 * repositories
 */
export async function push(request: PushRequest) {
  const { from, images = [], platform, referrers: isTaken, signal, emit } = request;
  const asked = resolveResults(request);
  if (asked !== undefined && request.dryRun) {
    const why = "nothing is pushed that could be written of; leave --dry-run out";
    throw new KodenoError("BAD_OPTION", `Cannot write results of --dry-run: ${why}`);
  }
  // Most pushes are asked for none.
  const results = asked && await (await import("../build/results.ts")).openResults(asked);
  const demands = await openDemands(request);
  const choice = {
    images,
    verb: "push",
    leaveBases: true,
    platform,
    referrers: isTaken,
    signal,
    emit,
  };
  using chosen = await openChosen(from, choice).catch(
    (error) => {
      throw withPlace(error, request);
    },
  );
  // What refers to an image goes where the image goes.
  const { source, wholes, images: entries, referrers, damaged } = chosen;
  const named = entries.map((entry) => {
    const name = calledName(entry, source.ownName);
    tellLostName(entry, name, from, emit);
    return { digest: entry.digest, name };
  });
  const prefixes = request.to && new Set(request.to.map(prefixOf));
  const destinations = [...prefixes ?? [undefined]].flatMap((to) =>
    planPush(named, { ...request, to }).map((one, i) => ({
      ...one,
      entry: entries[i] as Descriptor,
    }))
  );
  if (request.offline && request.to === undefined) refuseUnnamed(destinations);
  const repositories = [...new Set(destinations.map(({ repository }) => repository))];
  const use = { named: repositories, mountFrom: repositories, emit };
  const config = resolveTransferConfig(request);
  await demands?.onEntries(source, [...entries, ...damaged], "pushed", { wholes, signal });
  await using registries = await openRegistries(config, use);
  await using foreign = await openForeign(config, { emit });
  const stores = new Map<string, RegistryStore>();
  const dry = request.dryRun ? new DryRun(emit) : undefined;
  const one = async ({ entry, repository, tags }: Destination, signal: AbortSignal) => {
    const store = getOrSet(stores, repository, () => registries.open(repository));
    const { digest } = entry;
    const along = isTaken === false ? [] : referrers.get(digest) ?? [];
    const name = entryName(entry);
    const { moved, onBlob } = countMoved();
    let planned: Awaited<ReturnType<DryRun["measure"]>> | undefined;
    const options = { signal, emit, image: name ?? repository, foreign, onBlob };
    await takingWhole(source, wholes.get(entry) ?? entry, async () => {
      if (dry === undefined) await copy(source, entry, store, { ...options, tags });
      else planned = await dry.measure(source, [entry, ...along], store, options);
    });
    if (dry === undefined) await copyReferrers(source, along, store, options);
    const names = tags.map((tag) => `${repository}:${tag}`);
    const references = (names.length > 0 ? names : [repository]).map((one) => `${one}@${digest}`);
    const key = names[0] ?? `${repository}@${digest}`;
    await results?.take({ key, names, references, root: entry, source }, { signal });
    return {
      name,
      digest,
      ...(request.json ? await summarize(source, entry, { signal }) : {}),
      references,
      ...moved,
      ...planned,
    };
  };
  const damages = new Damages();
  const each = (destination: Destination, signal: AbortSignal) =>
    damages.pass(() => one(destination, signal), signal);
  const pool = new Pool(dry ? 1 : IMAGES_AT_ONCE);
  const pushed = (await forEach(destinations, pool, each, signal)).flat();
  const verb = request.dryRun ? "Would push" : "Pushed";
  damages.end(verb, pushed.flatMap(({ references }) => references), emit);
  await results?.write(images.length === 1);
  return pushed;
}

/** What stands behind the place is an image; a registry there is what others take. */
function withPlace(error: unknown, { images = [], to }: PushRequest): unknown {
  const meant = images.find((image) => splitHost(image).host !== undefined);
  if (to || !meant || !hasCode(error, "NOT_FOUND")) return error;
  const next = `to push to a registry, say --to ${withoutTag(meant)}`;
  return new KodenoError("NOT_FOUND", `${error.message}; ${next}`, error.detail);
}

function prefixOf(to: string): string {
  if (to === "") throw badValue("--to", to, "it is empty; say a repository");
  return parsePrefix(to.replace(/\/+$/, ""));
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
