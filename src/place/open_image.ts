/**
 * One image of any place, opened for copying: its root, of one platform where that is asked for.
 * @module
 */
import { imagePlatform } from "../content/reader.ts";
import type { ImageStore, Source } from "../content/places.ts";
import { hasSuccessors, readDocument, readGraphDocument } from "../content/walk.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { type Descriptor, isIndexType } from "../oci/descriptor.ts";
import { entryName, imageName, listed, refName } from "../oci/entries.ts";
import { parseIndex } from "../oci/manifest.ts";
import { formatPlatform, parsePlatformSpec, platformMatches } from "../oci/platform.ts";
import { entriesNamed, presentImages, tellPartial } from "./choose_images.ts";
import type { Daemon } from "./daemon/daemon.ts";
import { openSource, type PlaceName } from "./open.ts";
import type { TransferConfig } from "./transfer.ts";

/** An image in its place. */
export interface OpenImage extends AsyncDisposable {
  readonly source: Source;
  readonly root: Descriptor;
  /** `NAME:TAG`, a tag alone, or nothing. */
  readonly name: string | undefined;
  /** What a person is told when it was taken: of images and names that were not. */
  readonly notes: readonly string[];
}

/** What an image is opened for. */
interface OpenOptions extends WorkOptions {
  readonly config: TransferConfig;
  /** The place, as the user wrote it. */
  readonly from: string;
  /** Takes one image of several platforms alone. */
  readonly platform?: string | undefined;
}

/**
 * Opens an image.
 *
 * @returns the image; dispose of it when it was read
 * @throws {KodenoError} `NOT_FOUND`, `BAD_REFERENCE` for a name of several; `BAD_PLATFORM`, `BAD_PLACE`,
 * `BAD_CONTENT`, and what a registry or daemon answers
 */
export async function openImage(place: PlaceName, options: OpenOptions): Promise<OpenImage> {
  const { config, platform, from, signal, emit } = options;
  // deno-lint-ignore no-undef -- the linter does not know it yet
  await using opening = new AsyncDisposableStack();
  const { source, ref } = opening.use(await openSource(place, config, { signal, emit }));
  let root: Descriptor;
  let name: string | undefined;
  let notes: readonly string[] = [];
  if (place.kind === "layout" || place.kind === "archive") {
    const store = source as ImageStore;
    // What is not there of an index does not matter to who chooses what is.
    root = platform === undefined
      ? await presentImages(store, from, options).resolve(ref, { signal })
      : await resolveFor(platform, store, ref, from);
    name = entryName(root);
    if (ref === "") notes = await leftOutBeside(store, root, options);
  } else {
    root = await source.resolve(ref, { signal });
    if (place.kind === "registry") {
      const { name: repository, tag, digest } = place.reference;
      name = digest && !tag ? repository : `${repository}:${tag ?? "latest"}`;
    } else if (!/^(?:sha256:[0-9a-f]{64}|[0-9a-f]{12,64})$/.test(ref)) name = ref;
    const index = "indexOf" in source ? await (source as Daemon).indexOf(ref) : undefined;
    if (index) tellPartial(index, root, from, emit);
  }
  if (platform !== undefined) root = await choosePlatform(source, root, platform, from, signal);
  const opened = opening.move();
  return { source, root, name, notes, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** What is left out where no name was said: images without one, and more names of a named one. */
async function leftOutBeside(
  source: ImageStore,
  root: Descriptor,
  { from, signal }: OpenOptions,
): Promise<readonly string[]> {
  const own = entryName(root);
  if (own === undefined) return [];
  const names = new Set<string>();
  const digests = new Set<string>();
  for (const entry of await source.entries()) {
    const name = entryName(entry);
    if (name !== undefined) names.add(name);
    else if (entry.digest !== root.digest && await isImage(source, entry, signal)) {
      digests.add(entry.digest);
    }
  }
  names.delete(own);
  const tell = (left: ReadonlySet<string>, why: string): readonly string[] => {
    const texts = [...left].map((one) => JSON.stringify(one.slice(0, 300)));
    return left.size === 0 ? [] : [`Left out ${listed(texts)} of ${from}: ${why}`];
  };
  return [
    ...tell(names, `${JSON.stringify(own)} names the same image; say a name to copy it`),
    ...tell(digests, "without a name; copy by digest"),
  ];
}

/** Whether an entry is an image, as far as can be told: what refers to one goes with --referrers. */
async function isImage(
  source: Source,
  entry: Descriptor,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (!hasSuccessors(entry)) return false;
  // One that is damaged does not matter to the one that is copied.
  const document = await readGraphDocument(source, entry, { signal }).catch(() => undefined);
  return document?.subject === undefined;
}

/** One of several entries that differ in the platform alone, as some tools write an index. */
async function resolveFor(
  platform: string,
  source: ImageStore,
  ref: string,
  where: string,
): Promise<Descriptor> {
  const entries = await source.entries();
  const named = ref === "" ? entries : entriesNamed(entries, ref, where);
  const spec = parsePlatformSpec(platform);
  const found = named.filter((d) => d.platform && platformMatches(spec, d.platform));
  const isFlat = named.length > 1 && new Set(named.map(imageName)).size === 1 &&
    new Set(named.map(refName)).size === 1 && named.every((d) => d.platform);
  return isFlat && found.length === 1 && found[0] ? found[0] : await source.resolve(ref);
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
