/**
 * A daemon as a place to write to: an image it has is only named, any other is sent as an archive in
 * one stream. No file is made.
 * @module
 */
import { Counter, type Meter, tellThere } from "../../content/meter.ts";
import { imagePlatform } from "../../content/image_platform.ts";
import type { CallOptions, Source } from "../../content/places.ts";
import { readDocument } from "../../content/read.ts";
import { KodenoError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { isManifestType } from "../../oci/media_types.ts";
import { formatPlatform, formatPlatformSpec, type PlatformSpec } from "../../oci/platform.ts";
import { parseImageName } from "../../oci/reference.ts";
import { type ArchiveStream, archiveStream } from "../archive/archive_writer.ts";
import { firstMatch, imagesBelow, onlyMatch } from "../archive/choose.ts";
import type { Daemon } from "./daemon.ts";

/** How an image is loaded. */
export interface LoadOptions extends CallOptions, Meter {
  /** The one to load of several platforms; the daemon's own unless given. */
  readonly platform?: PlatformSpec | undefined;
  /** Sends all platforms, for daemons that keep them (those with containerd's image store). */
  readonly keepAll?: boolean | undefined;
  /** Told of each blob that was sent. */
  readonly onBlob?: ((descriptor: Descriptor) => void) | undefined;
}

/** What became of an image. */
export interface Loaded {
  /** Its ID in the daemon. */
  readonly id: string;
  /** Whether it was sent; otherwise the daemon had it. */
  readonly sent: boolean;
  /** Bytes of the archive that was sent. */
  readonly bytes: number;
}

/**
 * Brings an image into a daemon, under names.
 *
 * @param source has the image
 * @param root its manifest or index
 * @param names whole names, `NAME:TAG` or `NAME`
 * @throws {KodenoError} `BAD_PLATFORM` when no image is for the daemon's platform; `BAD_REFERENCE`
 * for a name that is a tag alone; `BAD_CONTENT`, `NOT_FOUND`; `IO_FAILED` for what the daemon says
 */
export async function loadImage(
  daemon: Daemon,
  source: Pick<Source, "fetch">,
  root: Descriptor,
  names: readonly string[],
  options: LoadOptions = {},
): Promise<Loaded> {
  const wholeNames = names.map(wholeName);
  const call: CallOptions = { signal: options.signal };
  const chosen = await chooseForDaemon(daemon, source, root, options);
  const bytes = await readDocument(source, chosen, call);
  const { config } = parseManifest(bytes, `manifest ${chosen.digest}`);

  // An image's ID is the digest of its config, or of what was loaded where containerd keeps images.
  const ids = options.keepAll ? [root.digest] : [config.digest, chosen.digest];
  // An index that is there stays the one image that it is.
  const present = await presentIndex(daemon, source, root, chosen, options) ??
    await firstPresent(daemon, options.keepAll ? [] : ids, call);
  if (present !== undefined) {
    for (const { name, tag } of wholeNames) await daemon.tag(present, name, tag, call);
    tellThere(chosen, options);
    return { id: present, sent: false, bytes: 0 };
  }

  const descriptor = options.keepAll ? root : chosen;
  const entry = { descriptor, names: wholeNames.map(({ name, tag }) => `${name}:${tag}`) };
  const archive = await archiveStream(source, [entry], {
    ...call,
    platform: options.platform ?? chosen.platform,
    emit: options.emit,
    onBlob: options.onBlob,
  });
  const counter = new Counter(descriptor.digest, archive.size, options);
  const counted = { size: archive.size, chunks: () => countedChunks(archive, counter) };
  await daemon.load(counted, wholeNames[0]?.name ?? `image ${chosen.digest}`, call);
  counter.done();
  const id = await firstPresent(daemon, [...ids, config.digest, root.digest], call);
  if (id !== undefined) return { id, sent: true, bytes: archive.size };
  throw new KodenoError(
    "IO_FAILED",
    `Cannot find image ${config.digest} in the Docker daemon at ${daemon.where} after it was loaded`,
  );
}

/** The bytes of an archive, told to the counter on their way. */
export async function* countedChunks(
  archive: ArchiveStream,
  counter: Counter,
): AsyncGenerator<Uint8Array> {
  counter.begin();
  for await (const chunk of archive.chunks()) {
    counter.add(chunk.length);
    yield chunk;
  }
}

/**
 * The image that a daemon gets of several platforms: the one asked for, else its own.
 *
 * @throws {KodenoError} `BAD_PLATFORM` when there is none; `BAD_CONTENT`, `NOT_FOUND`, `IO_FAILED`
 */
export async function chooseForDaemon(
  daemon: Daemon,
  source: Pick<Source, "fetch">,
  root: Descriptor,
  options: Pick<LoadOptions, "platform" | "keepAll" | "signal"> = {},
): Promise<Descriptor> {
  const call: CallOptions = { signal: options.signal };
  const images = await imagesBelow(source, root, call);
  const [only, ...others] = images;
  // An only image is taken as it is: the daemon may be able to emulate its platform.
  if (only !== undefined && others.length === 0 && options.platform === undefined) return only;
  const wanted = options.platform ? [options.platform] : await daemon.platforms(call);
  const have: Descriptor[] = [];
  for (const d of images) {
    const platform = d.platform ?? await imagePlatform(source, d, call);
    have.push(platform === undefined ? d : { ...d, platform });
  }
  const doing = `load ${root.digest} into the Docker daemon at ${daemon.where}`;
  const chosen = options.platform === undefined
    ? firstMatch(have, wanted)
    : onlyMatch(have, options.platform, doing);
  if (chosen !== undefined) return chosen;
  if (options.keepAll && images[0] !== undefined) return images[0];
  const platform = wanted[0] && formatPlatformSpec(wanted[0]);
  const list = have.map((d) => d.platform ? formatPlatform(d.platform) : d.digest).join(", ");
  throw new KodenoError(
    "BAD_PLATFORM",
    `Cannot ${doing}: it has no image for ${platform}; it has ${list || "no images"}`,
  );
}

/**
 * The ID of the index that the image is from, where the daemon keeps it with what is wanted of it. One
 * for which a platform was asked is left alone: an index says another one to this machine.
 */
async function presentIndex(
  daemon: Daemon,
  source: Pick<Source, "fetch">,
  root: Descriptor,
  chosen: Descriptor,
  options: LoadOptions,
): Promise<string | undefined> {
  const { keepAll = false, platform, signal } = options;
  if (!keepAll && (platform !== undefined || root.digest === chosen.digest)) return undefined;
  const id = await firstPresent(daemon, [root.digest], { signal });
  if (id === undefined || isManifestType(root.mediaType)) return id;
  const there = await daemon.manifestsOf(id, { signal });
  const wanted = keepAll ? await imagesBelow(source, root, { signal }) : [chosen];
  return wanted.every(({ digest }) => there.has(digest)) ? id : undefined;
}

async function firstPresent(
  daemon: Daemon,
  ids: readonly string[],
  options: CallOptions,
): Promise<string | undefined> {
  for (const id of ids) {
    if (await daemon.findImage(id, options) === id) return id;
  }
  return undefined;
}

function wholeName(text: string): { readonly name: string; readonly tag: string } {
  const { name, tag } = parseImageName(text);
  if (name !== undefined) return { name, tag };
  throw new KodenoError(
    "BAD_REFERENCE",
    `Cannot name an image in a Docker daemon ${JSON.stringify(text)}: say NAME:TAG`,
  );
}
