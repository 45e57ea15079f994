/**
 * The use cases of `kodeno copy` and `kodeno pull`: one image from any place to any place.
 * @module
 */
import { basename, resolve } from "node:path";
import { parseLocalDomain, resolveTransferConfig } from "../config/config.ts";
import type { TransferOptions } from "../config/options.ts";
import { copy, type CopyOptions } from "../content/copy.ts";
import type { CallOptions, Source, Target } from "../content/places.ts";
import { copyReferrers, referrerFinder, subjectsOf } from "../content/referrers.ts";
import { hasSuccessors } from "../content/successors.ts";
import type { Emit } from "../events.ts";
import { KodenoError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isDigest } from "../oci/digest.ts";
import { imageName } from "../oci/entries.ts";
import { shortName } from "../oci/reference.ts";
import { repositoryOfFolder } from "../oci/whole_name.ts";
import { nameInDaemon } from "../build/names.ts";
import { checkArchive } from "../place/archive/archive_writer.ts";
import { type Layout, openLayout } from "../place/layout/layout.ts";
import { RegistryStore } from "../place/registry/store.ts";
import { copyToArchive } from "./copy_archive.ts";
import { loadImage, openLocalPlace } from "../place/local_place.ts";
import { type OpenImage, openImage } from "../place/open_image.ts";
import { giveUpNetwork, openRegistries, parsePlace, type PlaceName } from "../place/open.ts";
import type { TransferConfig } from "../place/transfer.ts";
import { type ImageSummary, summarize } from "../content/reader.ts";

/** What was asked for. */
export interface CopyRequest extends TransferOptions {
  /** Name of the place to read; see `parsePlace`. */
  readonly from: string;
  /** Name of the place to write. */
  readonly to: string;
  /** Takes one image of several platforms alone. */
  readonly platform?: string | undefined;
  /** Prefix of the name in a daemon, in the place of the image's own registry host. */
  readonly localDomain?: string | undefined;
  /** Takes what refers to the image (signatures, SBOMs) along. */
  readonly referrers?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly emit?: Emit | undefined;
}

/** An image that was copied. */
export interface CopiedImage extends ImageSummary {
  /** `NAME:TAG`, as it is called where it went; left out for one that is found by its digest alone. */
  readonly name?: string | undefined;
  /** Of its manifest or index. */
  readonly digest: string;
  /** Its ID, in a daemon. */
  readonly id?: string | undefined;
  /** What it can be asked for by where it went: its digest where it has no name. */
  readonly references: readonly string[];
  /** Blobs that were moved, and their bytes. */
  readonly blobs: number;
  readonly bytes: number;
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
  const [from, to] = [parsePlace(request.from), parsePlace(request.to)];
  const work = { request, config: resolveTransferConfig(request), from, to };
  await refuse(request, to);
  const dials = [from, to].some(({ kind }) => kind === "registry" || kind === "daemon");
  if (request.offline && !dials) await giveUpNetwork();
  await using image = await openImage(from, { ...request, config: work.config });
  if (hasSuccessors(image.root) || to.kind === "layout" || to.kind === "archive") {
    const copied = await write(work, image);
    for (const message of image.notes) {
      request.emit?.({ type: "note", level: "warning", message });
    }
    return copied;
  }
  throw new KodenoError(
    "BAD_CONTENT",
    `Cannot copy ${request.from} to ${request.to}: its media type ` +
      `${JSON.stringify(image.root.mediaType)} is neither an image's nor an index's`,
    { digest: image.root.digest },
  );
}

/** Says before anything is dialled what the target cannot take. */
async function refuse(
  { from, to, referrers, localDomain }: CopyRequest,
  place: PlaceName,
): Promise<void> {
  if (place.kind === "archive") await checkArchive(place.path);
  if (from === "daemon:") {
    throw new KodenoError("BAD_REFERENCE", "Cannot copy from daemon: say daemon:NAME");
  }
  if (place.kind !== "daemon" && localDomain !== undefined) {
    const why = "--local-domain names images in a daemon";
    throw new KodenoError("BAD_OPTION", `Cannot copy to ${to}: ${why}; leave it out`);
  }
  if (place.kind === "daemon" && referrers) {
    throw new KodenoError(
      "BAD_OPTION",
      `Cannot copy to ${to} with --referrers: a daemon keeps none; copy to a layout or registry`,
    );
  }
  const isDigestGiven = place.kind === "registry"
    ? place.reference.digest !== undefined
    : isDigest(place.kind === "daemon" ? place.name : place.ref);
  if (isDigestGiven) {
    throw new KodenoError("BAD_REFERENCE", `Cannot copy to ${to}: a digest is no name`);
  }
}

async function write(work: Work, image: OpenImage): Promise<CopiedImage> {
  const { request: { signal, emit, localDomain }, config, to } = work;
  const { source, root } = image;
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
  const done = async (
    name: string | undefined,
    near: Pick<Source, "fetch">,
  ): Promise<CopiedImage> => ({
    ...(name === undefined ? {} : { name }),
    digest: root.digest,
    ...await summarize(near, root, { signal }),
    references: [name === undefined ? root.digest : `${name}@${root.digest}`],
    ...moved,
  });
  // One without a name stays so: a name of ours might take that of another image.
  const named = (ref: string): string | undefined => {
    const name = ref || image.name;
    return name === undefined ? undefined : shortName(name);
  };
  const tagged = (name: string | undefined) => ({ ...options, tags: name ? [name] : [] });
  switch (to.kind) {
    case "layout": {
      const layout = await openLayout(to.path, { create: true, emit });
      const name = named(to.ref);
      try {
        using _ = await layout.hold({ signal });
        await tellTag(work, image, name, layout);
        await copy(source, root, layout, tagged(name));
        if (name === undefined) await keepRoot(layout, root, { signal });
        for (const referrer of await copyAlong(work, image, layout, options)) {
          await layout.keep(referrer);
        }
      } catch (error) {
        await layout.undo();
        throw error;
      }
      return await done(name, layout);
    }
    case "archive": {
      const name = named(to.ref);
      await tellTag(work, image, name);
      const about = work.request.referrers
        ? await (await referrerFinder(source, { signal }))(root)
        : [];
      const archived = { root, name, referrers: about };
      const tell = (near: Pick<Source, "fetch">) => done(name, near);
      return { ...await copyToArchive(to.path, source, archived, options, tell), ...moved };
    }
    case "daemon": {
      const domain = localDomain === undefined ? undefined : parseLocalDomain(localDomain);
      const own = nameForDaemon(work, image);
      const name = own === undefined ? undefined : nameInDaemon(own, domain);
      await tellTag(work, image, name);
      const place = await openLocalPlace(config, domain);
      const names = name === undefined ? [] : [name];
      const { id } = await loadImage(place, source, root, names, options);
      return { ...await done(name, source), references: [name ?? id], id };
    }
    case "registry": {
      const { name, tag = "latest" } = to.reference;
      const mountFrom = source instanceof RegistryStore ? [source.name] : [];
      await using registries = openRegistries(config, { named: [name], mountFrom, emit });
      const target = registries.open(name);
      await copy(source, root, target, { ...options, tags: [tag] });
      await copyAlong(work, image, target, options);
      return await done(`${name}:${tag}`, source);
    }
  }
}

/** Keeps an image without a name; with what it refers to, which else would not live, nor it. */
async function keepRoot(layout: Layout, root: Descriptor, options: CallOptions): Promise<void> {
  const { subjects } = await subjectsOf(layout, root, options);
  for (const d of subjects.toReversed()) await layout.keep(d);
  await layout.keep(root);
}

/**
 * Tells that an image which was asked for by its digest alone gets a tag that nobody has said.
 *
 * @param layout that may have another image under it
 */
async function tellTag(
  { from, to, request }: Work,
  { root }: OpenImage,
  name: string | undefined,
  layout?: Layout,
): Promise<void> {
  const isDigestAlone = from.kind === "registry" && from.reference.digest !== undefined &&
    from.reference.tag === undefined;
  const said = to.kind === "daemon" ? to.name : "ref" in to ? to.ref : "";
  if (!isDigestAlone || said !== "" || name === undefined) return;
  const tagged = `${name.replace(/:latest$/, "")}:latest`;
  const had = (await layout?.entries())?.find((entry) => imageName(entry) === tagged)?.digest;
  const isReplaced = had !== undefined && had !== root.digest;
  const message = `Naming it ${tagged}, since ${request.from} says no tag` +
    (isReplaced ? `; that was ${had} before` : "");
  request.emit?.({ type: "note", level: isReplaced ? "warning" : "info", message });
}

/** What an image is called in a daemon: as the target says, else by its own name. */
function nameForDaemon({ from, to }: Work, { name }: OpenImage): string | undefined {
  if (to.kind === "daemon" && to.name !== "") return to.name;
  if (name === undefined || /[:/]/.test(name)) return name;
  // A tag alone: the place it lies in stands for the name.
  const path = from.kind === "layout" || from.kind === "archive" ? from.path : "";
  return `${repositoryOfFolder(basename(resolve(path)))}:${name}`;
}

/** Copies what refers to an image, where that was asked for; gives what was found. */
async function copyAlong(
  { request: { referrers, signal } }: Work,
  { source, root }: OpenImage,
  target: Target,
  options: CopyOptions,
): Promise<readonly Descriptor[]> {
  if (!referrers) return [];
  const found = await (await referrerFinder(source, { signal }))(root);
  await copyReferrers(source, found, target, options);
  return found;
}
