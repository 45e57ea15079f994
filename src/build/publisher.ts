/**
 * The publisher: puts images into all places that were named, under their names and tags, each as soon
 * as a builder has finished it.
 * @module
 */
import { type PublishConfig, resolvePublishConfig } from "../config/config.ts";
import type { PublishOptions } from "../config/options.ts";
import { copy, type CopyOptions } from "../content/copy.ts";
import { copyReferrers } from "../content/referrers.ts";
import type { CallOptions, Source, Target } from "../content/places.ts";
import { summarize } from "../content/reader.ts";
import { hasCode, KodenoError } from "../errors.ts";
import { type Emit, notesTo, type WorkOptions } from "../events.ts";
import type { BuiltImage } from "../image/assemble.ts";
import { abortable, allEnded, forEach, getOrSet, Pool } from "../io/concurrency.ts";
import { DamagedBlob } from "../io/hash.ts";
import { type Descriptor, digestHex, parseDigest } from "../oci/descriptor.ts";
import { parseReference, shortName } from "../oci/reference.ts";
import { checkMarker } from "../place/layout/files.ts";
import {
  openForeign,
  openRegistries,
  openTarget,
  type PlaceName,
  type WritablePlace,
} from "../place/open.ts";
import { type Attachment, keepAttachments } from "../trust/attachment.ts";
import type { MissingSignatures, ToSign } from "../trust/to_sign.ts";
import type { Builder, PreparedBuild, PrepareOptions } from "./builder.ts";
import { planNames } from "./names.ts";
import type { ReusedImage, TakeReused } from "./reuse.ts";

/** How one image is published. */
export interface PublishCallOptions extends WorkOptions {
  /** In the place of the publisher's own. */
  readonly tags?: readonly string[] | undefined;
  /**
   * What refers to the image or its platforms: put beside it in a layout and in a registry; `docker load`
   * would make images of it.
   */
  readonly attachments?: readonly Attachment[] | undefined;
  /** What refers to it in the place that it is read from, and goes along. */
  readonly referrers?: readonly Descriptor[] | undefined;
  /** What is to be signed of it, and put there, too, where the place does not have it of the same key. */
  readonly statements?: readonly ToSign[] | undefined;
}

/** How the use of a publisher ends. */
export interface CloseOptions extends CallOptions {
  /** Takes back what failed work has left, such as a layout that was made for it. */
  readonly failed?: boolean | undefined;
}

/** A place that the caller has opened, and what images are called there. */
export interface NamedTarget {
  /** Where images go. Whoever opened it closes it. */
  readonly target: Target;
  /** What an image is called there, by its name and one of its tags; `NAME:TAG` unless given. */
  readonly as?: ((name: string, tag: string) => string) | undefined;
}

/** What only a caller knows of the places. */
export interface PublishPlaces {
  /** Places beside those of the options, or in their stead: any {@link Target}. */
  readonly targets?: readonly (Target | NamedTarget)[] | undefined;
  /** Repositories whose layers a registry may have already, such as the base image's. */
  readonly mountFrom?: readonly string[] | undefined;
}

/** Puts images into places. */
export interface Publisher {
  /**
   * Names for import paths, checked: no two get the same.
   *
   * @throws {KodenoError} `BAD_OPTION`, `BAD_REFERENCE`
   */
  names(importPaths: readonly string[]): ReadonlyMap<string, string>;
  /**
   * Looks at the places before anything is built; makes nothing.
   *
   * @param names of the images, as {@link Publisher.names} says; registries are asked for these
   * @throws {KodenoError} `BAD_PLACE` when one cannot be used, and what a registry or daemon answers
   */
  check(names?: Iterable<string>, options?: CallOptions): Promise<void>;
  /**
   * Copies an image and tags it.
   *
   * @param image what a builder made
   * @param name of the image, without tag
   * @returns its reference, `NAME:TAG@sha256:...`, or `NAME:TAG` with `tagOnly`; `NAME:HEX` of its
   * digest in a daemon and in a kind cluster, which do not find what was loaded by its digest
   * @throws {KodenoError} `BAD_PLACE`, `IO_FAILED`, `BAD_CONTENT`, `NOT_FOUND`, and what a
   * registry or daemon answers
   */
  publish(image: BuiltImage, name: string, options?: PublishCallOptions): Promise<string>;
  /** Makes the layout, and has the archive written, to which no image comes. */
  publishNothing?(options?: WorkOptions): Promise<void>;
  /** Ends the work: archives are written, connections are closed. */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * Makes a publisher, as ko's `NewPublisher`. Images go to every place that is named: the layout,
 * registry, daemon and archive of the options, and the targets of `places`; into the layout `out` when
 * none is.
 *
 * @param places what is open already
 * @throws {KodenoError} `BAD_OPTION`, `BAD_REFERENCE`
 *
 * @example
 * ```ts
 * import { newPublisher } from "@kodeno/kodeno";
 * const publisher = newPublisher({ dockerRepo: "reg.local/team", baseImportPaths: true });
 * const names = publisher.names(["example.com/app/cmd/server"]);
 * if (names.get("example.com/app/cmd/server") !== "reg.local/team/server") throw new Error();
 * ```
 *
 * @example Several places at once; a registry takes tags, since its repository is named already
 * ```ts
 * import { ArchiveTarget, MemoryStore, newBuilder, newPublisher, publishImages } from "@kodeno/kodeno";
 * const dir = await Deno.makeTempDir();
 * const memory = new MemoryStore();
 * await using archive = new ArchiveTarget(`${dir}/images.tar`);
 * const publisher = newPublisher({ ociLayout: `${dir}/layout`, tags: ["v1"] }, {
 *   targets: [archive, { target: memory, as: (name, tag) => `mirror.local/${name}:${tag}` }],
 * });
 * const builder = newBuilder({ workingDirectory: "examples/hello", platforms: ["linux/amd64"] });
 * await publishImages(["."], publisher, builder);
 * await archive.close();
 * await builder.close();
 * if (memory.tags()[0] !== "mirror.local/hello:v1") throw new Error();
 * await Deno.remove(dir, { recursive: true });
 * ```
 */
export function newPublisher(
  options: PublishOptions = {},
  places: PublishPlaces = {},
): Publisher {
  const config = resolvePublishConfig(options);
  // The layout "out" is for who names no place at all.
  const layout = places.targets?.length ? options.ociLayout || undefined : config.layout;
  return new PlacesPublisher({ ...config, layout }, places);
}

/** Whether a registry will not have what was sent, as old ones do that know images alone. */
function refusesContent({ detail }: KodenoError): boolean {
  const status = Number(detail["status"]);
  return status >= 400 && status < 500 && ![401, 408, 429].includes(status);
}

/** A place to be opened; the reference in a registry is that of each image. */
type OwnPlace = Exclude<PlaceName, { kind: "registry" }> | { readonly kind: "registry" };

function placesOf({ layout, push, local, kind, tarball }: PublishConfig): readonly OwnPlace[] {
  const found: OwnPlace[] = [];
  if (layout !== undefined) found.push({ kind: "layout", path: layout, ref: "" });
  if (push) found.push({ kind: "registry" });
  if (local || kind !== undefined) found.push({ kind: local ? "daemon" : "kind", name: "" });
  if (tarball !== undefined) found.push({ kind: "archive", path: tarball, ref: "" });
  return found;
}

/** Names that a registry is asked about side by side. */
const CHECKS_AT_ONCE = 8;

/** {@link newPublisher}, of what is settled already. */
export class PlacesPublisher implements Publisher {
  /** Those of callers, who close them. */
  readonly #given: readonly NamedTarget[];
  readonly #places: readonly OwnPlace[];
  readonly #mountFrom: readonly string[];
  #registries: ReturnType<typeof openRegistries> | undefined;
  #foreign: ReturnType<typeof openForeign> | undefined;
  #signatures: MissingSignatures | undefined;
  /** By kind; of a registry by the name of the image, too. */
  readonly #opened = new Map<string, Promise<WritablePlace>>();
  /** Whether the registry takes nothing that refers to an image. */
  #refuses = false;

  constructor(readonly config: PublishConfig, { targets = [], mountFrom = [] }: PublishPlaces) {
    this.#mountFrom = mountFrom;
    this.#given = targets.map((one) => "target" in one ? one : { target: one });
    this.#places = placesOf(config);
  }

  names(importPaths: readonly string[]): ReadonlyMap<string, string> {
    return planNames(importPaths, this.config);
  }

  async check(names: Iterable<string> = [], options: CallOptions = {}): Promise<void> {
    for (const { target } of this.#given) await (target as WritablePlace).check?.(options);
    for (const place of this.#places) {
      if (place.kind === "layout") await checkMarker(place.path, true);
      else {
        const each = place.kind === "registry" ? [...new Set(names)] : [""];
        // What a registry was asked is taken back there: one that fails does not cut the others off.
        const check = async (name: string) => await (await this.#open(place, name)).check(options);
        await forEach(each, new Pool(CHECKS_AT_ONCE), check, options.signal);
      }
    }
  }

  async publish(
    image: BuiltImage,
    name: string,
    options: PublishCallOptions = {},
  ): Promise<string> {
    const { tags = this.config.tags, attachments = [], statements = [], emit, signal } = options;
    const { referrers = [] } = options;
    const { root } = image;
    const whole = tags.map((tag) => `${name}:${tag}`);
    const foreign = await (this.#foreign ??= openForeign(this.config.transfer, { emit }));
    const told = { emit, image: name, foreign };
    // How far it is on its way to a disk is not told.
    const quiet = { ...told, emit: notesTo(emit) };
    const put = async (place: Target & Partial<WritablePlace>, how: CopyOptions) => {
      const chosen = await place.prepare?.(image, root, { signal }) ?? root;
      await copy(image, chosen, place, { signal, ...how });
    };
    for (const { target, as } of this.#given) {
      await put(target, { ...told, tags: as ? tags.map((tag) => as(name, tag)) : whole });
    }
    // As ko names images that no registry has: by a tag that is the digest, since neither a daemon
    // nor Kubernetes finds what was loaded there by its digest; then by the tags.
    const byDigest = ({ digest }: { readonly digest: string }): string =>
      `${name}:${digestHex(parseDigest(digest))}`;
    let local: string | undefined;
    for (const one of this.#places) {
      const place = await this.#open(one, name, emit);
      // Made before the image is there, which is not to be there unsigned.
      const signed = place.load ? [] : await this.#sign(place, root, statements, { signal });
      if (place.load) {
        const all = (chosen: Descriptor) => [byDigest(chosen), ...whole];
        local = byDigest(await place.load(image, root, all, { signal, ...told }));
      } else if (one.kind === "registry") await put(place, { ...told, tags });
      else await put(place, { ...quiet, tags: whole });
      const beside = [...attachments, ...signed];
      if (one.kind === "registry") await this.#attach(beside, place, { emit, signal });
      // Who loads an archive has no use for documents; what is to be verified takes its proof along.
      else if (one.kind === "layout" || signed.length > 0) {
        await keepAttachments(beside, place, { signal });
      }
      if (referrers.length === 0 || !["registry", "layout"].includes(one.kind)) continue;
      await copyReferrers(image, referrers, place, quiet);
      await place.keep?.(referrers, { signal });
    }
    const [first = name] = whole;
    // A registry is told where its images are; elsewhere they are shown as ls does.
    const reference = this.config.push ? first : shortName(first);
    return this.config.tagOnly ? reference : local ?? `${reference}@${root.digest}`;
  }

  async publishNothing({ emit }: WorkOptions = {}): Promise<void> {
    for (const place of this.#places) {
      if (place.kind === "layout" || place.kind === "archive") await this.#open(place, "", emit);
    }
  }

  /** Puts what refers to an image beside it; what nobody has asked for is no reason to fail. */
  async #attach(
    attachments: readonly Attachment[],
    place: WritablePlace,
    { emit, signal }: WorkOptions,
  ): Promise<void> {
    const [optional, asked] = [true, false].map((is) =>
      attachments.filter(({ isOptional = false }) => isOptional === is)
    ) as [Attachment[], Attachment[]];
    try {
      if (!this.#refuses) await keepAttachments(optional, place, { signal });
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof KodenoError) || !refusesContent(error)) throw error;
      // It is told of once: all images go to one registry, which will take no other one, either.
      const message = `Warning: images are pushed without SBOMs, which nobody has asked for: ` +
        `${error.message}; say --sbom none, or --sbom spdx to fail`;
      if (!this.#refuses) emit?.({ type: "note", level: "warning", message });
      this.#refuses = true;
    }
    await keepAttachments(asked, place, { signal });
  }

  /** Signs what a place lacks. */
  async #sign(
    place: WritablePlace,
    root: Descriptor,
    statements: readonly ToSign[],
    options: CallOptions,
  ): Promise<readonly Attachment[]> {
    if (statements.length === 0) return [];
    const { MissingSignatures } = await import("../trust/to_sign.ts");
    this.#signatures ??= new MissingSignatures();
    // A layout, an archive and a registry can all be read.
    return await this.#signatures.of(place as WritablePlace & Source, root, statements, options);
  }

  async close({ failed = false, signal }: CloseOptions = {}): Promise<void> {
    await (await this.#foreign)?.[Symbol.asyncDispose]();
    this.#foreign = undefined;
    const opened = await Promise.allSettled(this.#opened.values());
    const places = opened.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
    if (failed) await allEnded(places.map((place) => place.undo()));
    else for (const place of places) await place.close({ signal });
  }

  #open(place: OwnPlace, name: string, emit?: Emit): Promise<WritablePlace> {
    const isRegistry = place.kind === "registry";
    const own = isRegistry ? { ...place, reference: parseReference(name) } : place;
    const { transfer, repository } = this.config;
    const open = async () => {
      const use = { named: [`${repository}/x`], mountFrom: this.#mountFrom };
      // All images of one registry share its connections.
      const registries = isRegistry
        ? this.#registries ??= openRegistries(transfer, use)
        : undefined;
      return await openTarget(own, transfer, { registries: await registries, emit });
    };
    return getOrSet(this.#opened, isRegistry ? `registry ${name}` : place.kind, open);
  }
}

/**
 * Builds main packages and publishes their images.
 *
 * @param importpaths import paths, folders, or patterns with `...`; none stands for `.`
 * @returns the reference of each image by the import path of its package, in the order of the plan
 * @throws {KodenoError} what builder and publisher throw; nothing half-made is left then
 *
 * @example
 * ```ts
 * import { newBuilder, newPublisher, publishImages } from "@kodeno/kodeno";
 * const out = await Deno.makeTempDir();
 * const builder = newBuilder({ workingDirectory: "examples/hello", platforms: ["linux/arm64"] });
 * const publisher = newPublisher({ ociLayout: `${out}/layout` });
 * const images = await publishImages(["."], publisher, builder);
 * if (!images.get("example.com/hello")?.startsWith("hello:latest@sha256:")) throw new Error();
 * await builder.close();
 * await Deno.remove(out, { recursive: true });
 * ```
 */
export async function publishImages(
  importpaths: readonly string[],
  publisher: Publisher,
  builder: Builder,
  options: PublishImagesOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const { signal, naming = publisher, checkNames, affected, take } = options;
  return await publishing(publisher, signal, async () => {
    let all: readonly string[] | undefined;
    let unchanged: readonly string[] = [];
    const choose = (found: readonly string[]) => {
      all = found;
      const part = options.choose?.(found) ?? new Set(found);
      unchanged = found.filter((path) => part.has(path) && affected?.has(path) === false);
      return new Set(part).difference(new Set(unchanged));
    };
    const prepared = await builder.prepare(importpaths, { ...options, choose });
    // Names and places are checked before anything is built. They are those that all images get, whoever
    // builds them.
    const names = naming.names(all ?? prepared.importPaths);
    checkNames?.(names);
    const namesOf = (paths: readonly string[]) => paths.map((path) => names.get(path) ?? path);
    const old = unchanged.map((path) => [path, names.get(path) ?? path] as const);
    const reused = old.length === 0 ? [] : await take?.(new Map(old)) ?? [];
    tellUnchanged(old.length, names.size, take !== undefined, options.emit);
    if (prepared.importPaths.length + reused.length === 0) {
      const message = `Note: none of ${names.size} images is in this part`;
      if (old.length === 0) options.emit?.({ type: "note", level: "info", message });
      await publisher.publishNothing?.(options);
      return new Map();
    }
    const paths = [...prepared.importPaths, ...reused.map(({ image }) => image.importPath)];
    await publisher.check(namesOf(paths), { signal });
    return await publishPrepared({ builder, prepared, names, reused }, publisher, options);
  });
}

/** How images are built and published. */
export interface PublishImagesOptions extends PrepareOptions {
  /** Names them in the place of the publisher. */
  readonly naming?: Pick<Publisher, "names"> | undefined;
  /** Those that have to be built, by their import paths; default all. */
  readonly affected?: ReadonlySet<string> | undefined;
  /** Takes the others from where they are; unless given, they are left out. */
  readonly take?: TakeReused | undefined;
  /** Told of the names of all images that were found, chosen or not, before anything is built. */
  readonly checkNames?: ((names: ReadonlyMap<string, string>) => void) | undefined;
  /** Gets each image when it is in all places. */
  readonly onImage?: ((image: PublishedImage) => Promise<void>) | undefined;
}

/** Closes a publisher well when all work has succeeded; else what that has left is taken back. */
export async function publishing<T>(
  publisher: Publisher,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    const result = await work();
    await publisher.close({ signal });
    return result;
  } catch (error) {
    // What cannot be taken back matters less than why it was to be.
    await publisher.close({ failed: true }).catch(() => {});
    throw error;
  }
}

/** Tells how many images are not built since nothing has changed that they are built from. */
export function tellUnchanged(
  count: number,
  all: number,
  isReused: boolean,
  emit: Emit | undefined,
): void {
  if (count === 0) return;
  const what = isReused ? "taken as they are" : "left out";
  const message = `Note: ${count} of ${all} images are not affected, and ${what}`;
  emit?.({ type: "note", level: "info", message });
}

/** Tells that images which are named for a registry are not there. */
export function tellKept(
  { isKept, layout }: PublishConfig,
  repository: string | undefined,
  emit: Emit | undefined,
): void {
  if (!isKept || !repository) return;
  const message = `Note: kept in the layout "${layout}", not pushed; add --push to push to ` +
    repository;
  emit?.({ type: "note", level: "info", message });
}

/** Images to build, and what they are called. */
export interface NamedBuild {
  readonly builder: Builder;
  readonly prepared: PreparedBuild;
  /** Names by import path. */
  readonly names: ReadonlyMap<string, string>;
  /** In the place of the publisher's own tags. */
  readonly tags?: readonly string[] | undefined;
  /** Images that go the same way, and are not built. */
  readonly reused?: readonly ReusedImage[] | undefined;
}

/** An image that is in all its places. */
export interface PublishedImage {
  /** As it was published. */
  readonly image: BuiltImage;
  /** Without tag. */
  readonly name: string;
  /** In the place of the publisher's own. */
  readonly tags?: readonly string[] | undefined;
  /** As {@link Publisher.publish} gives it. */
  readonly reference: string;
}

/** Builds what was prepared, and puts the images into the places of a publisher, which stays in use. */
export async function publishPrepared(
  build: NamedBuild,
  publisher: Publisher,
  { onImage, ...options }: Pick<PublishImagesOptions, "onImage"> & WorkOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const { builder, prepared, names, tags, reused = [] } = build;
  const began = performance.now();
  const references = new Map<string, string>();
  const running: Promise<void>[] = [];
  // Each copy moves several blobs at once by itself.
  const places = new Pool(2);
  const { signal, abort } = abortable(options.signal);
  const work = { ...options, signal, tags };

  const publish = async (image: BuiltImage, referrers?: ReusedImage["referrers"]) => {
    const { importPath, platforms } = image;
    const name = names.get(importPath) ?? importPath;
    const { reference, published } = referrers === undefined
      ? await publishChecked(image, name, publisher, build, work)
      : await publishReused({ image, referrers }, name, publisher, build, work);
    references.set(importPath, reference);
    await onImage?.({ image: published, name, tags, reference });
    const { emit } = options;
    if (emit === undefined) return;
    const elapsedMs = Math.round(performance.now() - began);
    for (const platform of platforms) {
      emit({ type: "stage", stage: "done", elapsedMs, image: importPath, platform });
    }
    const { root } = published;
    const { size } = await summarize(published, root, { signal });
    const what = { name: reference.replace(/@.*$/, ""), digest: root.digest, size, platforms };
    emit({ type: "image", importPath, ...what, references: [reference] });
  };

  const start = (...given: Parameters<typeof publish>): void => {
    const one = places.run(() => publish(...given));
    one.catch(abort);
    running.push(one);
  };
  for (const { image, referrers } of reused) start(image, referrers);
  try {
    // Copying the first images goes on while the others are built.
    if (prepared.importPaths.length > 0) {
      for await (const image of builder.build(prepared, work)) start(image);
    }
  } catch (error) {
    abort(error);
  }
  await Promise.allSettled(running);
  options.signal?.throwIfAborted();
  signal.throwIfAborted();
  const made = [...prepared.importPaths, ...reused.map(({ image }) => image.importPath)];
  const order = [...names.keys()];
  if (reused.length > 0) made.sort((a, b) => order.indexOf(a) - order.indexOf(b));
  return new Map(made.map((path) => [path, references.get(path) ?? ""]));
}

/** Publishes an image that is not built, with what refers to it; it is signed where it is to be. */
async function publishReused(
  { image, referrers }: ReusedImage,
  name: string,
  publisher: Publisher,
  { builder }: NamedBuild,
  work: PublishCallOptions,
): Promise<{ readonly reference: string; readonly published: BuiltImage }> {
  const statements = await builder.statements?.(image, image, work);
  const reference = await publisher.publish(image, name, { ...work, statements, referrers });
  return { reference, published: image };
}

/**
 * Publishes an image; when a layer of the cache turns out to be damaged or gone, it is forgotten and
 * the image is built once more. Each layer gets one such chance.
 */
async function publishChecked(
  image: BuiltImage,
  name: string,
  publisher: Publisher,
  { builder, prepared }: NamedBuild,
  work: PublishCallOptions,
): Promise<{ readonly reference: string; readonly published: BuiltImage }> {
  const evicted = new Set<string>();
  for (let current = image;;) {
    try {
      // Layers are read for them, too, and one may be damaged.
      const attachments = await builder.attachments?.(current, work);
      const published = await builder.attested?.(current, work) ?? current;
      const statements = await builder.statements?.(current, published, work);
      const how = { ...work, attachments, statements };
      return { reference: await publisher.publish(published, name, how), published };
    } catch (error) {
      const digest = error instanceof KodenoError ? String(error.detail["digest"]) : "";
      const isOwn = current.ownLayers.includes(digest);
      const told = error instanceof DamagedBlob && !isOwn
        ? new DamagedBlob(error.blob, error.why, current.base)
        : error;
      if (evicted.has(digest)) throw told;
      // Those of a base that kodeno makes are in the cache, too. One that was only missed stays: it
      // may be there again, for another image.
      const cached = hasCode(error, "BAD_CONTENT") && await builder.evict(digest);
      if (!cached && !isOwn) throw told;
      evicted.add(digest);
      const only = { ...work, only: [image.importPath] };
      for await (const again of builder.build(prepared, only)) current = again;
    }
  }
}
