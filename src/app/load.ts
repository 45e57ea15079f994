/**
 * The use case of `kodeno load`: images of a layout or archive into the Docker daemon, or into the
 * nodes of a kind cluster.
 * @module
 */
import { basename, resolve } from "node:path";
import { parseLocalDomain, resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions } from "../config/options.ts";
import { KodenoError } from "../errors.ts";
import type { Emit } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { imageName, refName, repositoryOfFolder } from "../oci/entries.ts";
import { formatPlatform, parsePlatformSpec, type PlatformSpec } from "../oci/platform.ts";
import { type LoadGroup, planLoad } from "../build/names.ts";
import { firstMatch, onlyMatch } from "../place/archive/choose.ts";
import { openChosen } from "../place/choose_images.ts";
import { loadImage } from "../place/local_place.ts";
import { type LocalPlace, openLocalPlace } from "../place/open.ts";
import { type ImageSummary, summarize } from "../content/reader.ts";

/** What was asked for. */
export interface LoadRequest extends TransferOptions {
  /** Path of a layout or an archive. */
  readonly from: string;
  /** Names, tags or digests of the images to load; default all. */
  readonly images?: readonly string[] | undefined;
  /** The one to load of several platforms, and no other; default the daemon's own. */
  readonly platform?: string | undefined;
  /** Prefix of the names in the daemon, in the place of their own registry hosts. */
  readonly localDomain?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly emit?: Emit | undefined;
}

/** An image in the daemon. */
export interface LoadedImage extends ImageSummary {
  /** `NAME:TAG` in the daemon; left out for one that is found by its ID alone. */
  readonly name?: string | undefined;
  /** Of the manifest or index it came from. */
  readonly digest: string;
  /** What it can be run by. */
  readonly references: readonly string[];
  /** Its ID in the daemon. */
  readonly id: string;
  /** Whether it was sent; otherwise the daemon had it and it got its name. */
  readonly sent: boolean;
}

/** An entry, and what is to be known of it before anything is loaded. */
interface Candidate {
  readonly entry: Descriptor;
  readonly digest: string;
  readonly platform: Descriptor["platform"];
  readonly name: string | undefined;
}

/**
 * Loads. Names and platforms are looked at first: nothing is loaded when one of them cannot be.
 *
 * @throws {KodenoError} `BAD_PLACE` when there is no daemon or no such layout, `BAD_PLATFORM`,
 * `BAD_OPTION` when two images would get one name, `NOT_FOUND`, `BAD_CONTENT`, `IO_FAILED`
 */
export async function load(request: LoadRequest): Promise<readonly LoadedImage[]> {
  const { from, images = [], localDomain, signal, emit } = request;
  const platform = request.platform === undefined ? undefined : parsePlatformSpec(request.platform);
  const domain = localDomain === undefined ? undefined : parseLocalDomain(localDomain);
  using chosen = await openChosen(from, { images, verb: "load", signal, emit });
  const { source, images: entries, leftOut } = chosen;
  if (leftOut > 0) {
    const message = `Left out ${leftOut} entries that only refer to images (signatures, SBOMs): ` +
      "a daemon keeps none";
    emit?.({ type: "note", level: "info", message });
  }
  const groups = planLoad(entries.map((entry) => candidate(entry, from)), domain);
  const place = await openLocalPlace(resolveTransferConfig(request), domain);
  const work: { readonly entry: Descriptor; readonly name: string | undefined }[] = [];
  for (const group of groups) {
    const { entry } = await pick(group, place, { ...request, wanted: platform });
    await place.choose(source, entry, { platform, signal });
    work.push({ entry, name: group.name });
  }
  const loaded: LoadedImage[] = [];
  for (const { entry, name } of work) {
    const options = { signal, platform, emit, image: name ?? entry.digest };
    const names = name === undefined ? [] : [name];
    const { id, sent } = await loadImage(place, source, entry, names, options);
    const summary = await summarize(source, entry, { signal });
    const named = name === undefined ? {} : { name };
    const references = [name ?? id];
    loaded.push({ ...named, digest: entry.digest, ...summary, references, id, sent });
  }
  return loaded;
}

function candidate(entry: Descriptor, from: string): Candidate {
  const { digest, platform } = entry;
  const tag = refName(entry);
  const own = tag === undefined
    ? undefined
    : `${repositoryOfFolder(basename(resolve(from)))}:${tag}`;
  return { entry, digest, platform, name: imageName(entry) ?? own };
}

/** The one of a group that the daemon gets: that of the platform asked for, else of its own. */
async function pick(
  { name, images }: LoadGroup<Candidate>,
  place: LocalPlace,
  { wanted, platform, from, emit, signal }: LoadRequest & {
    readonly wanted: PlatformSpec | undefined;
  },
): Promise<Candidate> {
  const [first, ...others] = images;
  if (others.length === 0) return first;
  const platformOf = ({ platform }: Candidate) => platform ? formatPlatform(platform) : "?";
  const what = name ?? `an image of ${from}`;
  const doing = `load ${what} into the Docker daemon at ${place.where}`;
  const found = wanted === undefined
    ? firstMatch(images, await place.platforms({ signal }))
    : onlyMatch(images, wanted, doing);
  if (found === undefined) {
    const list = images.map(platformOf).join(", ");
    const why = wanted === undefined
      ? `it has ${list}; choose one with --platform`
      : `it has no image for ${platform}; it has ${list}`;
    throw new KodenoError("BAD_PLATFORM", `Cannot ${doing}: ${why}`);
  }
  if (wanted === undefined) {
    const left = images.filter((one) => one !== found).map(platformOf).join(", ");
    const message = `Loading ${what} for ${platformOf(found)}; --platform loads one of ${left}`;
    emit?.({ type: "note", level: "info", message });
  }
  return found;
}
