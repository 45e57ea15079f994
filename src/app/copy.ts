/**
 * The use cases of `kodeno copy` and `kodeno pull`: one image from any place to any place.
 * @module
 */
import { resolveTransferConfig, type TransferOptions } from "../config/transfer_config.ts";
import { copy } from "../content/copy.ts";
import type { Source } from "../content/places.ts";
import type { Emit } from "../events.ts";
import { KodenoError } from "../errors.ts";
import { readDocument } from "../content/read.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { imageName, refName } from "../oci/entries.ts";
import { parseIndex } from "../oci/manifest.ts";
import { isIndexType } from "../oci/media_types.ts";
import { formatPlatform, parsePlatformSpec, platformMatches } from "../oci/platform.ts";
import { openArchive } from "../store/archive/archive_source.ts";
import { ArchiveTarget } from "../store/archive/archive_target.ts";
import { Daemon } from "../store/daemon/daemon.ts";
import { findDaemon } from "../store/daemon/find_daemon.ts";
import { loadImage } from "../store/daemon/load.ts";
import { openDaemonImage } from "../store/daemon/save.ts";
import { openLayout } from "../store/layout/layout.ts";
import { RegistryStore } from "../store/registry/store.ts";
import { giveUpNetwork, openRegistries, parsePlace } from "./places.ts";

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
export interface CopiedImage {
  /** What it is called where it went, with its digest. */
  readonly reference: string;
  readonly digest: string;
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

/**
 * Copies an image.
 *
 * @throws {KodenoError} `BAD_REFERENCE`, `BAD_PLACE`, `NOT_FOUND`, `BAD_CONTENT`, `BAD_PLATFORM`, and
 * what a registry or daemon answers; the target then has no new name
 */
export async function copyImage(request: CopyRequest): Promise<CopiedImage> {
  const { signal, platform } = request;
  const places = [parsePlace(request.from), parsePlace(request.to)];
  const dials = places.some(({ kind }) => kind === "registry" || kind === "daemon");
  if (request.offline && !dials) await giveUpNetwork();
  await using image = await open(request);
  const root = platform === undefined
    ? image.root
    : await choosePlatform(image.source, image.root, platform, request.from, signal);
  return await write(request, image, root);
}

async function open(request: CopyRequest): Promise<Opened> {
  const { signal, emit } = request;
  const config = resolveTransferConfig(request);
  const place = parsePlace(request.from);
  switch (place.kind) {
    case "layout":
    case "archive": {
      const source = place.kind === "layout"
        ? await openLayout(place.path)
        : await openArchive(place.path, { signal });
      const root = await source.resolve(place.ref, { signal });
      return opened(source, root, imageName(root) ?? refName(root));
    }
    case "daemon": {
      const daemon = new Daemon(await findDaemon(config.environment));
      const source = await openDaemonImage(daemon, place.name, { signal });
      return opened(source, source.root, place.name, () => source[Symbol.asyncDispose]());
    }
    case "registry": {
      const { name, tag, digest } = place.reference;
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
    : [root];
  const found = have.filter((d) => d.platform && platformMatches(spec, d.platform));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (have.length === 1 && have[0]?.platform === undefined) return root;
  const list = have.map((d) => d.platform ? formatPlatform(d.platform) : "?").join(", ");
  throw new KodenoError(
    "BAD_PLATFORM",
    `Cannot choose ${platform} of ${where}: it has ${list}` +
      (found.length > 1 ? "; say which one" : ""),
  );
}

async function write(
  request: CopyRequest,
  image: Opened,
  root: Descriptor,
): Promise<CopiedImage> {
  const { signal, emit } = request;
  const config = resolveTransferConfig(request);
  const place = parsePlace(request.to);
  const moved = { blobs: 0, bytes: 0 };
  const onBlob = (d: Descriptor, isMoved: boolean): void => {
    if (!isMoved) return;
    moved.blobs++;
    moved.bytes += d.size;
  };
  const done = (name: string): CopiedImage => ({
    reference: `${name}@${root.digest}`,
    digest: root.digest,
    ...moved,
  });
  switch (place.kind) {
    case "layout": {
      const layout = await openLayout(place.path, { create: true });
      const name = place.ref || image.name || "latest";
      try {
        const options = { signal, onBlob };
        await copy(image.source, root, layout, { ...options, tags: [name] });
        for (const referrer of await referrersOf(request, image, root)) {
          await copy(image.source, referrer, layout, options);
          await layout.change((entries) =>
            Promise.resolve(
              entries.some(({ digest }) => digest === referrer.digest)
                ? entries
                : [...entries, referrer],
            )
          );
        }
      } catch (error) {
        await layout.undo();
        throw error;
      }
      return done(name);
    }
    case "archive": {
      await using archive = new ArchiveTarget(place.path);
      const name = place.ref || image.name || "latest";
      await copy(image.source, root, archive, { signal, onBlob, tags: [name] });
      await archive.close({ signal });
      return done(name);
    }
    case "daemon": {
      const daemon = new Daemon(await findDaemon(config.environment));
      const loaded = await loadImage(daemon, image.source, root, [place.name], {
        signal,
        onBlob: (d) => onBlob(d, true),
      });
      return { ...done(place.name), reference: place.name, digest: loaded.id };
    }
    case "registry": {
      const { name, tag = "latest", digest } = place.reference;
      if (digest !== undefined) {
        throw new KodenoError("BAD_REFERENCE", `Cannot copy to ${request.to}: a digest is no name`);
      }
      const mountFrom = image.source instanceof RegistryStore ? [image.source.name] : [];
      await using registries = openRegistries(config, { named: [name], mountFrom, emit });
      const target = registries.open(name);
      await copy(image.source, root, target, { signal, onBlob, tags: [tag] });
      for (const referrer of await referrersOf(request, image, root)) {
        await copy(image.source, referrer, target, { signal, onBlob });
      }
      return done(`${name}:${tag}`);
    }
  }
}

/** What refers to an image: a registry tells, a layout or archive lists it among its entries. */
async function referrersOf(
  { referrers, signal }: CopyRequest,
  { source }: Opened,
  root: Descriptor,
): Promise<readonly Descriptor[]> {
  if (!referrers) return [];
  if (source instanceof RegistryStore) return await source.referrers(root, { signal });
  if (!("entries" in source)) return [];
  const entries = await (source as Source & { entries(): Promise<readonly Descriptor[]> })
    .entries();
  const found: Descriptor[] = [];
  for (const entry of entries) {
    const bytes = await readDocument(source, entry, { signal });
    const { subject } = JSON.parse(new TextDecoder().decode(bytes)) as { subject?: Descriptor };
    if (subject?.digest === root.digest) found.push(entry);
  }
  return found;
}
