/**
 * The use case of `kodeno load`: images of a layout or archive into the Docker daemon, or into the
 * nodes of a kind cluster.
 * @module
 */
import { basename, resolve } from "node:path";
import { parseLocalDomain, resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions } from "../config/options.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { imageName, refName, repositoryOfFolder } from "../oci/entries.ts";
import { formatPlatform, parsePlatformSpec, type PlatformSpec } from "../oci/platform.ts";
import { type LoadGroup, planLoad } from "../build/names.ts";
import { firstMatch, onlyMatch } from "../place/archive/choose.ts";
import { openChosen } from "../place/open_image.ts";
import { type LocalPlace, openLocalPlace } from "../place/open.ts";
import { summarize } from "../content/reader.ts";

/** What was asked for. */
interface LoadRequest extends TransferOptions, WorkOptions {
  /** Path of a layout or an archive. */
  readonly from: string;
  /** Names, tags or digests of the images to load; default all. */
  readonly images?: readonly string[] | undefined;
  /** The one to load of several platforms, and no other; default the daemon's own. */
  readonly platform?: string | undefined;
  /** Prefix of the names in the daemon, in the place of their own registry hosts. */
  readonly localDomain?: string | undefined;
}

/** An entry, and its name. */
interface Candidate extends Pick<Descriptor, "digest" | "platform"> {
  readonly entry: Descriptor;
  readonly name: string | undefined;
}

/**
 * Loads. Names and platforms are looked at first: nothing is loaded when one of them cannot be.
 *
 * @returns `name` in the daemon, where it has one; `digest` of the manifest or index it came from; `id` in
 * the daemon; the `references` it can be run by; whether it was `sent`, else the daemon had it
 * @throws {KodenoError} `BAD_PLACE` when there is no daemon or no such layout, `BAD_PLATFORM`,
 * `BAD_OPTION` when two images would get one name, `NOT_FOUND`, `BAD_CONTENT`, `IO_FAILED`
 */
export async function load(request: LoadRequest) {
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
  const chosenOnes: { readonly entry: Descriptor; readonly name: string | undefined }[] = [];
  for (const group of groups) {
    const { entry } = await pick(group, place, { ...request, wanted: platform });
    await place.choose(source, entry, { platform, signal });
    chosenOnes.push({ entry, name: group.name });
  }
  const loaded = [];
  for (const { entry, name } of chosenOnes) {
    const { digest } = entry;
    const options = { signal, platform, emit, image: name ?? digest };
    const { id, sent } = await place.load(source, entry, name ? [name] : [], options);
    const summary = await summarize(source, entry, { signal });
    loaded.push({ name, digest, ...summary, references: [name ?? id], id, sent });
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
