/**
 * The recipe of `kodeno load`: images of a layout or archive into the Docker daemon, or into the nodes
 * of a kind cluster.
 * @module
 */
import { planLoad } from "../build/destinations.ts";
import { parsePrefix, resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions, TrustOptions } from "../config/options.ts";
import { Damages } from "../content/damages.ts";
import { summarize } from "../content/reader.ts";
import type { WorkOptions } from "../events.ts";
import { taggedName } from "../oci/entries.ts";
import { parsePlatformChoice } from "../oci/platform.ts";
import { takingWhole } from "../place/choose_image.ts";
import { openForeign, openLocalPlace } from "../place/open.ts";
import { openChosen, tellLostName } from "../place/open_image.ts";
import { openDemands } from "../trust/demands.ts";

interface LoadRequest extends TransferOptions, TrustOptions, WorkOptions {
  /** Path of a layout or an archive. */
  readonly from: string;
  /** Names, tags or digests of the images to load; default all. */
  readonly images?: readonly string[] | undefined;
  /** The one to load of several platforms, and no other; default the daemon's own. */
  readonly platform?: string | undefined;
  /** Prefix of the names in the daemon, in the place of their own registry hosts. */
  readonly localDomain?: string | undefined;
  /** Sums images up, too, as lines of JSON have it. */
  readonly json?: boolean | undefined;
}

/**
 * Loads. Names and platforms are looked at first: nothing is loaded when one of them cannot be. An image
 * that is damaged does not hinder the others.
 *
 * @returns `name` in the daemon, where it has one; `digest` of the manifest or index it came from; `id` in
 * the daemon; the `references` it can be run by; whether it was `sent`, else the daemon had it
 */
export async function load(request: LoadRequest) {
  const { from, localDomain, signal, emit } = request;
  const { platform: asked } = request;
  const platform = asked === undefined ? undefined : parsePlatformChoice(asked);
  const domain = localDomain === undefined ? undefined : parsePrefix(localDomain);
  const { images: wanted = [] } = request;
  const demands = await openDemands(request);
  const choice = { images: wanted, verb: "load", imagesOnly: true, leaveBases: true };
  using opened = await openChosen(from, { ...choice, signal, emit });
  const { source, images: entries, leftOut, damaged } = opened;
  if (leftOut > 0) {
    const message = `Left out ${leftOut} entries that only refer to images (signatures, SBOMs): ` +
      "a daemon keeps none";
    emit?.({ type: "note", level: "info", message });
  }
  const images = entries.map((entry) => {
    const name = taggedName(entry, source.ownName);
    tellLostName(entry, name, from, emit);
    return { entry, digest: entry.digest, name };
  });
  const planned = planLoad(images, domain);
  const config = resolveTransferConfig(request);
  await demands?.onEntries(source, [...entries, ...damaged], "loaded", { signal });
  await using place = await openLocalPlace(config, domain);
  await using foreign = await openForeign(config, { emit });
  const damages = new Damages();
  const chosen = [];
  for (const one of planned) {
    const choosing = async () => {
      await place.choose(source, one.entry, { platform, signal });
      return one;
    };
    chosen.push(...await damages.pass(() => takingWhole(source, one.entry, choosing), signal));
  }
  const loaded = [];
  for (const { entry, name } of chosen) {
    const work = async () => {
      const { digest } = entry;
      const options = { signal, platform, emit, image: name ?? digest, foreign };
      const loading = () => place.load(source, entry, name ? [name] : [], options);
      const { id, sent } = await takingWhole(source, entry, loading);
      const summary = request.json ? await summarize(source, entry, { signal }) : {};
      return { name, digest, ...summary, references: [name ?? id], id, sent };
    };
    loaded.push(...await damages.pass(work, signal));
  }
  damages.end("Loaded", loaded.flatMap(({ references }) => references), emit);
  return loaded;
}
