/**
 * The recipe of `kodeno load`: images of a layout or archive into the Docker daemon, or into the nodes
 * of a kind cluster.
 * @module
 */
import { type LoadGroup, planLoad } from "../build/destinations.ts";
import { parsePrefix, resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions } from "../config/options.ts";
import { Damages } from "../content/copy.ts";
import { summarize } from "../content/reader.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { imageName, refName, repositoryOfPath } from "../oci/entries.ts";
import { formatPlatform, parsePlatformSpec } from "../oci/platform.ts";
import { firstMatch, onlyMatch } from "../place/choose_image.ts";
import { type LocalPlace, openForeign, openLocalPlace } from "../place/open.ts";
import { openChosen } from "../place/open_image.ts";

interface LoadRequest extends TransferOptions, WorkOptions {
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

/** An entry, and its name. */
interface Candidate extends Pick<Descriptor, "digest" | "platform"> {
  readonly entry: Descriptor;
  readonly name: string | undefined;
}

/**
 * Loads. Names and platforms are looked at first: nothing is loaded when one of them cannot be. An image
 * that is damaged does not hinder the others.
 *
 * @returns `name` in the daemon, where it has one; `digest` of the manifest or index it came from; `id` in
 * the daemon; the `references` it can be run by; whether it was `sent`, else the daemon had it
 */
export async function load(request: LoadRequest) {
  const { from, images = [], localDomain, signal, emit } = request;
  const platform = request.platform === undefined ? undefined : parsePlatformSpec(request.platform);
  const domain = localDomain === undefined ? undefined : parsePrefix(localDomain);
  using opened = await openChosen(from, { images, verb: "load", signal, emit });
  const { source, images: entries, leftOut } = opened;
  if (leftOut > 0) {
    const message = `Left out ${leftOut} entries that only refer to images (signatures, SBOMs): ` +
      "a daemon keeps none";
    emit?.({ type: "note", level: "info", message });
  }
  const groups = planLoad(entries.map((entry) => candidate(entry, from)), domain);
  const config = resolveTransferConfig(request);
  await using place = await openLocalPlace(config, domain);
  await using foreign = await openForeign(config, { emit });
  const chosen: Pick<Candidate, "entry" | "name">[] = [];
  for (const group of groups) {
    const { entry } = await pick(group, place, request);
    await place.choose(source, entry, { platform, signal });
    chosen.push({ entry, name: group.name });
  }
  const damages = new Damages();
  const loaded = [];
  for (const { entry, name } of chosen) {
    const work = async () => {
      const { digest } = entry;
      const options = { signal, platform, emit, image: name ?? digest, foreign };
      const { id, sent } = await place.load(source, entry, name ? [name] : [], options);
      const summary = request.json ? await summarize(source, entry, { signal }) : {};
      return { name, digest, ...summary, references: [name ?? id], id, sent };
    };
    loaded.push(...await damages.pass(work, signal));
  }
  damages.end("Loaded", loaded.flatMap(({ references }) => references), emit);
  return loaded;
}

function candidate(entry: Descriptor, from: string): Candidate {
  const { digest, platform } = entry;
  const tag = refName(entry);
  const own = tag === undefined ? undefined : `${repositoryOfPath(from)}:${tag}`;
  return { entry, digest, platform, name: imageName(entry) ?? own };
}

/** The one of a group that the daemon gets: that of the platform asked for, else of its own. */
async function pick(
  { name, images }: LoadGroup<Candidate>,
  place: LocalPlace,
  { platform, from, emit, signal }: LoadRequest,
): Promise<Candidate> {
  const [first, ...others] = images;
  if (others.length === 0) return first;
  const platformOf = ({ platform }: Candidate) => platform ? formatPlatform(platform) : "?";
  const list = (some: readonly Candidate[]) => some.map(platformOf).join(", ");
  const what = name ?? `an image of ${from}`;
  const doing = `load ${what} into the Docker daemon at ${place.where}`;
  const found = platform === undefined
    ? firstMatch(images, await place.platforms({ signal }))
    : onlyMatch(images, parsePlatformSpec(platform), doing);
  if (found === undefined) {
    const why = platform === undefined
      ? `it has ${list(images)}; choose one with --platform`
      : `it has no image for ${platform}; it has ${list(images)}`;
    throw new KodenoError("BAD_PLATFORM", `Cannot ${doing}: ${why}`);
  }
  if (platform === undefined) {
    const left = list(images.filter((one) => one !== found));
    const message = `Loading ${what} for ${platformOf(found)}; --platform loads one of ${left}`;
    emit?.({ type: "note", level: "info", message });
  }
  return found;
}
