/**
 * One image of any place, opened for copying: its root, of one platform where that is asked for.
 * @module
 */
import { imagesWithPlatform, whyNoImage } from "../content/images.ts";
import { type CallOptions, holdPlace, type ImageStore, type Source } from "../content/places.ts";
import { splitReferrers, subjectsOf, type WithReferrers } from "../content/referrers.ts";
import { hasSuccessors, readDocument, readGraphDocument, whyUnknown } from "../content/walk.ts";
import { hasCode, KodenoError, messageOf } from "../errors.ts";
import type { Emit, WorkOptions } from "../events.ts";
import {
  type Descriptor,
  isDigest,
  isManifestType,
  MediaType,
  ociMediaType,
} from "../oci/descriptor.ts";
import {
  cosignSubject,
  entriesEnding,
  entryName,
  imageName,
  isBase,
  isNameless,
  listed,
  nameOrDigest,
  refName,
  repositoryName,
  taggedName,
} from "../oci/entries.ts";
import { type Manifest, oddity, parseConfig } from "../oci/manifest.ts";
import {
  formatPlatform,
  formatPlatformSpec,
  parsePlatformChoice,
  type PlatformSpec,
} from "../oci/platform.ts";
import { isImageId, shortName } from "../oci/reference.ts";
import { chooseBelow, onlyMatch, type PresentBlobs, presentImage } from "./choose_image.ts";
import type { Daemon } from "./daemon/daemon.ts";
import type { WholeImages } from "./flat_index.ts";
import {
  giveUpNetwork,
  isOnDisk,
  openForeign,
  openImages,
  openSource,
  type PlaceName,
  placeToRead,
} from "./open.ts";
import type { ForeignLayers } from "./registry/foreign.ts";
import type { TransferConfig } from "./registry/transport.ts";

/** An image in its place. */
export interface OpenImage extends AsyncDisposable {
  readonly source: Source;
  readonly root: Descriptor;
  /** What the root is an image of, where one of several platforms was chosen; else the root. */
  readonly whole: Descriptor;
  /** `NAME:TAG`, a tag alone, or nothing. */
  readonly name: string | undefined;
  /** The repository that a tag alone is in. */
  readonly ownName: string | undefined;
  /** What a person is told when it was taken: of images and names that were not. */
  readonly notes: readonly string[];
}

interface OpenOptions extends WorkOptions {
  readonly config: TransferConfig;
  /** The place, as the user wrote it. */
  readonly from: string;
  /** Takes one image of several platforms alone; or `all`. */
  readonly platform?: string | undefined;
  /** Takes an index as it is, though it may be there in part. */
  readonly asItIs?: boolean | undefined;
  /** As of `resolve`. */
  readonly willRead?: boolean | undefined;
}

/** Opens an image; a name of several is `BAD_REFERENCE`. Dispose of it when it was read. */
export async function openImage(place: PlaceName, options: OpenOptions): Promise<OpenImage> {
  const { config, from, signal, emit, asItIs, willRead } = options;
  const platform = onePlatform(options.platform);
  // deno-lint-ignore no-undef -- the linter does not know it yet
  await using opening = new AsyncDisposableStack();
  const { source, ref } = await openSource(place, config, opening, { signal, emit });
  let root: Descriptor;
  let whole: Descriptor | undefined;
  let name: string | undefined;
  let ownName: string | undefined;
  let notes: readonly string[] = [];
  if (place.kind === "layout" || place.kind === "archive") {
    const store = source as WholeImages;
    const entry = await store.resolve(ref, { signal });
    // What is not there of an index does not matter to who chooses what is.
    root = platform === undefined && !asItIs
      ? await presenting(store, from, options)(entry)
      : entry;
    name = taggedName(root);
    ownName = store.ownName;
    if (ref === "") notes = await leftOutBeside(store, entry, options);
  } else {
    root = await source.resolve(ref, { signal, willRead });
    if (place.kind === "registry") {
      const { name: repository, tag, digest } = place.reference;
      name = digest && !tag ? repository : `${repository}:${tag ?? "latest"}`;
    } else if (!isImageId(ref)) name = ref;
    const index = "indexOf" in source ? await (source as Daemon).indexOf(ref) : undefined;
    if (index) tellPartial(index, root, from, emit);
  }
  if (platform !== undefined) {
    whole = root;
    root = await choosePlatform(platform, source, whole, options);
  }
  const opened = opening.move();
  const close = () => opened.disposeAsync();
  const image = { source, root, whole: whole ?? root, name, ownName, notes };
  return { ...image, [Symbol.asyncDispose]: close };
}

/**
 * {@link openImage} for who only looks into it: an index stays what it is, what was not taken is told of,
 * and offline nobody dials for what is on disk.
 */
export async function openToRead(
  place: PlaceName,
  options: Omit<OpenOptions, "asItIs">,
): Promise<OpenImage> {
  if (options.config.offline && isOnDisk(place)) await giveUpNetwork();
  const image = await openImage(place, { ...options, asItIs: true });
  for (const message of image.notes) options.emit?.({ type: "note", level: "info", message });
  return image;
}

/**
 * The manifest of an image that was opened; of an index that of a usual platform, linux/amd64, or else
 * the first. `BAD_CONTENT` for what has none.
 */
export async function oneManifest(
  { source, root }: Pick<OpenImage, "source" | "root">,
  { from, signal }: Pick<OpenOptions, "from" | "signal">,
): Promise<Manifest> {
  const one = isManifestType(root.mediaType)
    ? root
    : await chooseBelow(source, root, undefined, { signal });
  const { manifest } = one ? await readGraphDocument(source, one, { signal }) : {};
  if (manifest !== undefined) return manifest;
  const why = hasSuccessors(root) ? "it has no images" : whyUnknown(root);
  throw new KodenoError("BAD_CONTENT", `Cannot look into ${from}: ${why}`, { digest: root.digest });
}

/** The layers of one image, with what reading them needs. */
interface OpenLayered extends AsyncDisposable {
  readonly source: Source;
  /** The lowest first. */
  readonly layers: readonly Descriptor[];
  /** Has the foreign layers that the place lacks, where a configuration asks for them. */
  readonly foreign: ForeignLayers | undefined;
  /** Whether what is in drive C: is in a folder `Files` of layers. */
  readonly isWindows: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Opens the layers of an image of a place as `placeToRead` has it; of several platforms as {@link oneManifest}. */
export async function openLayered(
  options: Omit<OpenOptions, "asItIs" | "willRead">,
): Promise<OpenLayered> {
  const { config, from, emit, signal } = options;
  // deno-lint-ignore no-undef -- the linter does not know it yet
  await using opening = new AsyncDisposableStack();
  const image = opening.use(
    await openToRead(await placeToRead(from), { ...options, willRead: true }),
  );
  const { source } = image;
  const manifest = await oneManifest(image, options);
  const { layers } = manifest;
  const isWindows = await isWindowsImage(source, manifest, { signal });
  const foreign = await openForeign(config, { emit });
  if (foreign !== undefined) opening.use(foreign);
  const opened = opening.move();
  const close = () => opened.disposeAsync();
  return { source, layers, foreign, isWindows, signal, [Symbol.asyncDispose]: close };
}

async function isWindowsImage(source: Source, { config }: Manifest, options: CallOptions) {
  if (ociMediaType(config.mediaType) !== MediaType.config) return false;
  const bytes = await readDocument(source, config, options);
  return parseConfig(bytes, `config ${config.digest}`).os === "windows";
}

/**
 * What is left out where no name was said: images without one, as far as can be told, and more names of
 * a named one. What refers to an image goes along with it.
 */
async function leftOutBeside(source: ImageStore, root: Descriptor, options: OpenOptions) {
  const own = entryName(root);
  if (own === undefined) return [];
  const names = new Set<string>();
  const blobs = new Set<string>();
  const digests = new Set<string>();
  const odd = new Set<string>();
  for (const entry of await source.entries()) {
    const name = entryName(entry);
    if (oddity(entry) !== undefined) odd.add(nameOrDigest(entry));
    else if (entry.digest === root.digest) names.add(name ?? own);
    else if (name !== undefined) blobs.add(name);
    else {
      // One that is damaged does not matter to the one that is copied.
      const document = hasSuccessors(entry)
        ? await readGraphDocument(source, entry, options).catch(() => undefined)
        : undefined;
      if (document?.subject === undefined) digests.add(entry.digest);
    }
  }
  names.delete(own);
  const tell = (left: ReadonlySet<string>, why: string): readonly string[] => {
    const texts = [...left].map((one) => JSON.stringify(one.slice(0, 300)));
    return left.size === 0 ? [] : [`Left out ${listed(texts)} of ${options.from}: ${why}`];
  };
  return [
    ...tell(names, `${JSON.stringify(own)} names the same image; say a name to copy it`),
    ...tell(blobs, "no image; say its name to copy it"),
    ...tell(digests, "without a name; copy by digest"),
    ...tell(odd, "it cannot be used, as kodeno ls says"),
  ];
}

/** Tells of a name that is left behind, where an image that has one is called nothing. */
export function tellLostName(
  entry: Descriptor,
  called: string | undefined,
  from: string,
  emit?: Emit,
): void {
  const name = entryName(entry);
  if (name === undefined || called !== undefined) return;
  const what = `the name ${JSON.stringify(name.slice(0, 300))} of ${entry.digest} of ${from}`;
  const message = `Left out ${what}: it is not NAME:TAG`;
  emit?.({ type: "note", level: "warning", message });
}

/** The one platform that is asked for, if it is one. */
function onePlatform(text?: string): PlatformSpec | undefined {
  return text === undefined || text === "all" ? undefined : parsePlatformChoice(text);
}

/** The image of one platform below a root, whatever indexes lie between. */
async function choosePlatform(
  platform: PlatformSpec,
  source: Source,
  root: Descriptor,
  { from, signal }: Pick<OpenOptions, "from" | "signal">,
): Promise<Descriptor> {
  const have = await imagesWithPlatform(source, root, { signal });
  const doing = `choose ${formatPlatformSpec(platform)} of ${from}`;
  const only = onlyMatch(have, platform, doing);
  if (only !== undefined) return only;
  const list = listed(have.map((d) => d.platform ? formatPlatform(d.platform) : "?"));
  throw new KodenoError("BAD_PLATFORM", `Cannot ${doing}: it has ${list || "no images"}`);
}

interface ImageChoice extends WorkOptions {
  /** Names, tags or digests; a name without a tag stands for all its tags. All when none is named. */
  readonly images: readonly string[];
  /** For the message of an empty place: `push`, `load`. */
  readonly verb: string;
  /** Takes one image of several platforms alone (nothing else has to be there), or `all`. */
  readonly platform?: string | undefined;
  /** Takes bases that a bundle has along only where they are named. */
  readonly leaveBases?: boolean | undefined;
  /** Leaves out what runs nowhere. */
  readonly imagesOnly?: boolean | undefined;
  /** Whether what has a tag of cosign's only since it refers to an image is taken, too; default true. */
  readonly referrers?: boolean | undefined;
}

/** Images of a layout or archive, which is open till it is disposed of. */
export interface ChosenImages extends WithReferrers, Disposable {
  readonly source: PresentImages;
  /** What an image of one platform was chosen of. */
  readonly wholes: ReadonlyMap<Descriptor, Descriptor>;
  /** How many of the chosen ones only refer to others of them. */
  readonly leftOut: number;
  /** Those that cannot be read, and are told of instead. */
  readonly damaged: readonly Descriptor[];
}

/** Opens a layout or archive, and chooses of its images: those that are named, or all. */
export async function openChosen(where: string, choice: ImageChoice): Promise<ChosenImages> {
  const { signal } = choice;
  const platform = onePlatform(choice.platform);
  // deno-lint-ignore no-undef -- the linter does not know it yet
  using opening = new DisposableStack();
  const store = opening.use(await openImages(where, choice));
  // What it reads is there to its end, whatever others remove meanwhile.
  opening.use(await holdPlace(store, choice));
  const source = platform === undefined ? presentImages(store, where, choice) : store;
  const entries = await source.entries();
  const { found: chosen, damaged } = await chooseImages(source, entries, where, choice);
  const isTaken = choice.referrers !== false && !choice.imagesOnly;
  const taken = isTaken ? chosen : withoutTagged(chosen);
  let found = await splitReferrers(source, entries, taken, { signal });
  const leftOut = chosen.length - found.images.length;
  const wholes = new Map<Descriptor, Descriptor>();
  if (platform !== undefined) {
    for (const root of found.images) {
      if (cosignSubject(root) !== undefined) continue;
      const from = `${nameOrDigest(root)} of ${where}`;
      const one = await choosePlatform(platform, source, root, { from, signal });
      wholes.set({ ...one, annotations: root.annotations }, root);
    }
    const digests = new Set([...wholes.keys()].map(({ digest }) => digest));
    for (const root of found.images) {
      const subject = cosignSubject(root);
      if (subject !== undefined && digests.has(subject)) wholes.set(root, root);
    }
    const images = [...wholes.keys()];
    // What refers to another platform, or to all of them, stays behind.
    const { referrers } = await splitReferrers(source, entries, images, { signal });
    found = { images, referrers };
  }
  const opened = opening.move();
  return { source, wholes, ...found, leftOut, damaged, [Symbol.dispose]: () => opened.dispose() };
}

/** Images without those that only have a tag of cosign's for what they refer to, unless all are such. */
function withoutTagged(entries: readonly Descriptor[]): readonly Descriptor[] {
  const images = entries.filter((entry) => cosignSubject(entry) === undefined);
  return images.length > 0 ? images : entries;
}

/**
 * The entries that are named, in the order of the place; all of them when none is named, but for those
 * that cannot be moved: what is no image, and what refers to something that is not there.
 */
async function chooseImages(
  source: ImageStore,
  entries: readonly Descriptor[],
  where: string,
  choice: ImageChoice,
): Promise<{ readonly found: readonly Descriptor[]; readonly damaged: readonly Descriptor[] }> {
  const { images, verb, leaveBases, emit } = choice;
  const found: Descriptor[] = [];
  const unreadable = new Map<Descriptor, string>();
  const tell = (entry: Descriptor, why: string): void => {
    const message = `Left out ${nameOrDigest(entry)} of ${where}: ${why}`;
    emit?.({ type: "note", level: "warning", message });
  };
  const named = new Set<Descriptor>();
  for (const image of images) {
    for (const entry of await entriesNamed(source, entries, image)) named.add(entry);
  }
  // A part of an image that was written flat is an image by its digest, and among them by no name.
  const parts = [...named].filter((one) => !entries.includes(one));
  const wanted = [...entries.filter((one) => named.has(one)), ...parts];
  const bases = leaveBases && images.length === 0 ? entries.filter(isBase) : [];
  const all = entries.filter((entry) => !bases.includes(entry));
  if (bases.length > 0) {
    const names = listed(bases.map(nameOrDigest));
    const next = `a base goes along when it is named: ${names}`;
    if (all.length === 0) {
      throw new KodenoError("NOT_FOUND", `Cannot ${verb} ${where}: it has bases alone; ${next}`);
    }
    emit?.({ type: "note", level: "info", message: `Left out bases of ${where}; ${next}` });
  }
  for (const entry of images.length > 0 ? wanted : all) {
    const { why, failure } = await hindrance(source, entry, choice);
    if (why === undefined && (failure === undefined || named.has(entry))) found.push(entry);
    else if (failure !== undefined) unreadable.set(entry, failure);
    else if (named.has(entry)) {
      const message = `Cannot ${verb} ${nameOrDigest(entry)} of ${where}: ${why}`;
      throw new KodenoError("BAD_CONTENT", message, { digest: entry.digest });
    } else tell(entry, why ?? "");
  }
  // One that is damaged does not hinder the others; where there are none, it is the one that is meant.
  if (found.length > 0) {
    for (const [entry, failure] of unreadable) tell(entry, failure);
    return { found, damaged: [...unreadable.keys()] };
  }
  if (unreadable.size > 0) return { found: [...unreadable.keys()], damaged: [] };
  throw new KodenoError("NOT_FOUND", `Cannot ${verb} ${where}: it has no images`);
}

/** All entries that a name, tag or digest means. */
async function entriesNamed(source: ImageStore, entries: readonly Descriptor[], image: string) {
  const name = shortName(image);
  const tries: ((entry: Descriptor) => boolean)[] = [
    (e) => isDigest(image) && e.digest === image,
    (e) => repositoryName(e, source.ownName) === name,
    (e) => imageName(e) === name,
    (e) => refName(e) === image,
  ];
  const found = tries.values().map((isMeant) => entries.filter(isMeant));
  const several = found.find(({ length }) => length > 0);
  if (several !== undefined) return several;
  const ending = entriesEnding(entries, image, source.what ?? "");
  if (ending.length > 0) return ending;
  // What stands in the place of a digest, and is none, is told to be that where nothing is called so.
  const odd = entries.filter((e) => oddity(e) !== undefined && e.digest === image);
  if (odd.length > 0) return odd;
  const one = await source.resolve(image);
  const isSame = (e: Descriptor) => e.digest === one.digest && entryName(e) === entryName(one);
  return [entries.find(isSame) ?? one];
}

/** Why an entry cannot be moved, if it cannot; `failure` where it cannot be read. */
async function hindrance(
  source: ImageStore,
  entry: Descriptor,
  options: Pick<ImageChoice, "imagesOnly" | "signal">,
): Promise<{ readonly why?: string | undefined; readonly failure?: string | undefined }> {
  const why = oddity(entry);
  if (why !== undefined) return { why };
  if (!hasSuccessors(entry)) return { why: whyUnknown(entry) };
  try {
    const { subject } = await readGraphDocument(source, entry, options);
    if (options.imagesOnly && !subject) return { why: await whyNoImage(source, entry, options) };
    if (!isNameless(entry)) return {};
    const { missing } = await subjectsOf(source, entry, options);
    return { why: missing && `it refers to ${missing.digest}, which is not there` };
  } catch (error) {
    if (hasCode(error, "NOT_FOUND", "BAD_CONTENT")) return { failure: messageOf(error) };
    throw error;
  }
}

/** Tells that of an index one platform alone is moved. */
function tellPartial(index: Descriptor, image: Descriptor, where: string, emit?: Emit): void {
  const only = image.platform ? formatPlatform(image.platform) : "one platform";
  const message = `Took ${only} of ${nameOrDigest(index)} alone: ${where} has no other image of ` +
    `index ${index.digest}`;
  emit?.({ type: "note", level: "warning", message });
}

/**
 * What can be moved of the images of a layout or archive, one after the other; each index that has a
 * single platform there is told of.
 */
function presenting(
  store: WholeImages,
  where: string,
  { signal, emit }: WorkOptions,
): (entry: Descriptor) => Promise<Descriptor> {
  // A layout that lacks a blob is damaged.
  if (store.holds === undefined) return (entry) => Promise.resolve(entry);
  const archive = store as WholeImages & PresentBlobs;
  const told = new Set<string>();
  return async (entry) => {
    // One that cannot be read does not hinder the others; whoever needs it is told.
    const found = await presentImage(archive, entry, { signal }).catch((error) => {
      if (hasCode(error, "NOT_FOUND", "BAD_CONTENT")) return entry;
      throw error;
    });
    if (found.digest !== entry.digest && !told.has(entry.digest)) {
      tellPartial(entry, found, where, emit);
      told.add(entry.digest);
    }
    return found;
  };
}

type PresentImages = ImageStore & Pick<WholeImages, "holds">;

/** A layout or archive whose entries are what can be moved of its images. */
export function presentImages(store: WholeImages, where: string, work: WorkOptions): PresentImages {
  const present = presenting(store, where, work);
  let entries: Promise<readonly Descriptor[]> | undefined;
  return {
    what: store.what,
    ownName: store.ownName,
    resolve: async (ref, o) => await present(await store.resolve(ref, o)),
    fetch: (d, o) => store.fetch(d, o),
    holds: store.holds,
    allBlobs: () => store.allBlobs?.() ?? Promise.resolve([]),
    entries: () => entries ??= store.entries().then((all) => Array.fromAsync(all, present)),
  };
}
