/**
 * The use cases of `kodeno copy` and `kodeno pull`: one image from any place to any place.
 * @module
 */
import {
  resolveTransferConfig,
  type TransferConfig,
  type TransferOptions,
} from "../config/transfer_config.ts";
import { copy, type CopyOptions } from "../content/copy.ts";
import type { Source, Target } from "../content/places.ts";
import type { Emit } from "../events.ts";
import { KodenoError } from "../errors.ts";
import { readDocument } from "../content/read.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { imageName, refName } from "../oci/entries.ts";
import { parseIndex } from "../oci/manifest.ts";
import { isIndexType } from "../oci/media_types.ts";
import { shortName } from "../oci/reference.ts";
import { formatPlatform, parsePlatformSpec, platformMatches } from "../oci/platform.ts";
import { openArchive } from "../store/archive/archive_source.ts";
import { ArchiveTarget } from "../store/archive/archive_target.ts";
import { loadImage } from "../store/daemon/load.ts";
import { openDaemonImage } from "../store/daemon/save.ts";
import { openLayout } from "../store/layout/layout.ts";
import { RegistryStore } from "../store/registry/store.ts";
import { giveUpNetwork, openDaemon, openRegistries, parsePlace, type PlaceName } from "./places.ts";
import { copyReferrers, referrerFinder } from "./referrers.ts";
import { imagePlatform, type ImageSummary, summarize } from "./summary.ts";

/** What was asked for. */
export interface CopyRequest extends TransferOptions {
  /** Name of the place to read; see `parsePlace`. */
  readonly from: string;
  /** Name of the place to write. */
  readonly to: string;
  /** Takes one image of several platforms alone. */
  readonly platform?: string | undefined;
  /** Takes what refers to the image (signatures, SBOMs) along. */
  readonly referrers?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly emit?: Emit | undefined;
}

/** An image that was copied. */
export interface CopiedImage extends ImageSummary {
  /** `NAME:TAG`, as it is called where it went. */
  readonly name: string;
  /** Of its manifest or index. */
  readonly digest: string;
  /** Its ID, in a daemon. */
  readonly id?: string | undefined;
  /** What it can be asked for by where it went. */
  readonly references: readonly string[];
  /** Blobs that were moved, and their bytes. */
  readonly blobs: number;
  readonly bytes: number;
}

/** An image in its place. */
interface Opened extends AsyncDisposable {
  readonly source: Source;
  readonly root: Descriptor;
  /** `NAME:TAG`, a tag alone, or nothing. */
  readonly name: string | undefined;
}

/** What the places of one copy share. */
interface Work {
  readonly request: CopyRequest;
  readonly config: TransferConfig;
  readonly from: PlaceName;
  readonly to: PlaceName;
}

/**
 * Copies an image.
 *
 * @throws {KodenoError} `BAD_REFERENCE`, `BAD_PLACE`, `NOT_FOUND`, `BAD_CONTENT`, `BAD_PLATFORM`, and
 * what a registry or daemon answers; the target then has no new name
 */
export async function copyImage(request: CopyRequest): Promise<CopiedImage> {
  const { signal, platform } = request;
  const [from, to] = [parsePlace(request.from), parsePlace(request.to)];
  const work = { request, config: resolveTransferConfig(request), from, to };
  refuse(request, to);
  const dials = [from, to].some(({ kind }) => kind === "registry" || kind === "daemon");
  if (request.offline && !dials) await giveUpNetwork();
  await using image = await open(work);
  const root = platform === undefined
    ? image.root
    : await choosePlatform(image.source, image.root, platform, request.from, signal);
  return await write(work, image, root);
}

/** Says before anything is dialled what the target cannot take. */
function refuse({ to, referrers }: CopyRequest, place: PlaceName): void {
  if (place.kind === "daemon" && referrers) {
    throw new KodenoError(
      "BAD_OPTION",
      `Cannot copy to ${to} with --referrers: a daemon keeps none; copy to a layout or registry`,
    );
  }
  if (place.kind === "registry" && place.reference.digest !== undefined) {
    throw new KodenoError("BAD_REFERENCE", `Cannot copy to ${to}: a digest is no name`);
  }
}

async function open({ request, config, from }: Work): Promise<Opened> {
  const { signal, emit } = request;
  switch (from.kind) {
    case "layout":
    case "archive": {
      const source = from.kind === "layout"
        ? await openLayout(from.path)
        : await openArchive(from.path, { signal });
      const root = await source.resolve(from.ref, { signal });
      return opened(source, root, imageName(root) ?? refName(root));
    }
    case "daemon": {
      const source = await openDaemonImage(await openDaemon(config), from.name, { signal });
      return opened(source, source.root, from.name, () => source[Symbol.asyncDispose]());
    }
    case "registry": {
      const { name, tag, digest } = from.reference;
      const registries = openRegistries(config, { named: [name], emit });
      const source = registries.open(name);
      const close = () => registries[Symbol.asyncDispose]();
      try {
        const root = await source.resolve(digest ?? tag ?? "latest", { signal });
        return opened(source, root, digest && !tag ? name : `${name}:${tag ?? "latest"}`, close);
      } catch (error) {
        await close();
        throw error;
      }
    }
  }
}

function opened(
  source: Source,
  root: Descriptor,
  name: string | undefined,
  close: () => Promise<void> = () => Promise.resolve(),
): Opened {
  return { source, root, name, [Symbol.asyncDispose]: close };
}

async function choosePlatform(
  source: Source,
  root: Descriptor,
  platform: string,
  where: string,
  signal: AbortSignal | undefined,
): Promise<Descriptor> {
  const spec = parsePlatformSpec(platform);
  const have = isIndexType(root.mediaType)
    ? parseIndex(await readDocument(source, root, { signal }), where).manifests
    // What a manifest runs on is in its config; whoever named it may not say so.
    : [{ ...root, platform: await imagePlatform(source, root, { signal }) }];
  const found = have.filter((d) => d.platform && platformMatches(spec, d.platform));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const list = have.map((d) => d.platform ? formatPlatform(d.platform) : "?").join(", ");
  throw new KodenoError(
    "BAD_PLATFORM",
    `Cannot choose ${platform} of ${where}: it has ${list}` +
      (found.length > 1 ? "; say which one" : ""),
  );
}

async function write(work: Work, image: Opened, root: Descriptor): Promise<CopiedImage> {
  const { request: { signal, emit }, config, to } = work;
  const { source } = image;
  const moved = { blobs: 0, bytes: 0 };
  const options = {
    signal,
    emit,
    image: image.name,
    onBlob: (d: Descriptor, isMoved: boolean): void => {
      if (!isMoved) return;
      moved.blobs++;
      moved.bytes += d.size;
    },
  };
  // Read from where it is near; a layout or archive is, on either side.
  const done = async (name: string, near: Pick<Source, "fetch">): Promise<CopiedImage> => ({
    name,
    digest: root.digest,
    ...await summarize(near, root, { signal }),
    references: [`${name}@${root.digest}`],
    ...moved,
  });
  switch (to.kind) {
    case "layout": {
      const layout = await openLayout(to.path, { create: true });
      const name = shortName(to.ref || image.name || "latest");
      try {
        await copy(source, root, layout, { ...options, tags: [name] });
        for (const referrer of await copyAlong(work, image, root, layout, options)) {
          await layout.change((entries) => Promise.resolve(withNameless(entries, referrer)));
        }
      } catch (error) {
        await layout.undo();
        throw error;
      }
      return await done(name, layout);
    }
    case "archive": {
      await using archive = new ArchiveTarget(to.path);
      const name = shortName(to.ref || image.name || "latest");
      await copy(source, root, archive, { ...options, tags: [name] });
      for (const referrer of await copyAlong(work, image, root, archive, options)) {
        await archive.keep(referrer, { signal });
      }
      const copied = await done(name, archive);
      await archive.close({ signal });
      return copied;
    }
    case "daemon": {
      const daemon = await openDaemon(config);
      const loaded = await loadImage(daemon, source, root, [to.name], {
        ...options,
        onBlob: (d) => options.onBlob(d, true),
      });
      return { ...await done(to.name, source), references: [to.name], id: loaded.id };
    }
    case "registry": {
      const { name, tag = "latest" } = to.reference;
      const mountFrom = source instanceof RegistryStore ? [source.name] : [];
      await using registries = openRegistries(config, { named: [name], mountFrom, emit });
      const target = registries.open(name);
      await copy(source, root, target, { ...options, tags: [tag] });
      await copyAlong(work, image, root, target, options);
      return await done(`${name}:${tag}`, source);
    }
  }
}

/** Copies what refers to an image, where that was asked for; gives what was found. */
async function copyAlong(
  { request: { referrers, signal } }: Work,
  { source }: Opened,
  root: Descriptor,
  target: Target,
  options: CopyOptions,
): Promise<readonly Descriptor[]> {
  if (!referrers) return [];
  const found = await (await referrerFinder(source, { signal }))(root);
  await copyReferrers(source, found, target, options);
  return found;
}

/** Entries with one that has no name; it is found by its digest. */
function withNameless(
  entries: readonly Descriptor[],
  { mediaType, digest, size, artifactType }: Descriptor,
): readonly Descriptor[] {
  if (entries.some((entry) => entry.digest === digest)) return entries;
  return [...entries, { mediaType, digest, size, ...(artifactType ? { artifactType } : {}) }];
}
