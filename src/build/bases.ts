/**
 * Base images: each is opened once in a build, whatever number of images stand on it. Those of registries
 * are kept in the cache, blobs under their digests beside what names stood for when they were asked for
 * last; only what a build needs of them is fetched.
 * @module
 */
import { join } from "node:path";
import type { BuildConfig } from "../config/config.ts";
import type { ImageSettings } from "../config/image_config.ts";
import type { CallOptions, ImageStore, Source } from "../content/places.ts";
import { ImageReader } from "../content/reader.ts";
import { cachedSource, hasSuccessors } from "../content/walk.ts";
import { hasCode, KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { type Base, type BaseImage, readBase } from "../image/base.ts";
import { isBuiltinBase, scratchBase, staticBase } from "../image/builtin_base.ts";
import { namesNotIn } from "../image/layer_names.ts";
import { getOrSet } from "../io/concurrency.ts";
import { entriesIn, ioFailure, isFile, isFolder, removeIfThere } from "../io/files.ts";
import { recordsIn } from "../io/records.ts";
import type { LayerCache } from "../layers/cache.ts";
import { bareDescriptor, type Descriptor, type Digest, isForeign } from "../oci/descriptor.ts";
import { calledName, imageName } from "../oci/entries.ts";
import { normalizeName, type Reference } from "../oci/reference.ts";
import { takingWhole } from "../place/choose_image.ts";
import { blobPathIn, BLOBS, OTHER_BLOBS } from "../place/layout/files.ts";
import { Layout } from "../place/layout/layout.ts";
import { withoutLeases } from "../place/layout/leases.ts";
import { openRegistries, openSource } from "../place/open.ts";
import { baseFailure, baseText, parseBase } from "./base_names.ts";
import { baseCacheDirectory } from "./cache.ts";

/** What the `static` base is made of. */
interface StaticParts {
  readonly cache: LayerCache;
  /** Go's own folder. */
  readonly goroot: string;
}

/** What decides which base an image stands on, and who has said so. */
interface BaseChoice extends Pick<ImageSettings, "baseImage" | "origins" | "platforms"> {
  /** What its name stands for, where that is settled: the registry is not asked then. */
  readonly baseDigest?: Digest | undefined;
}

/** The base images of one build. */
export class BaseSet implements AsyncDisposable {
  readonly #bases = new Map<string, Promise<Base>>();
  readonly #lacking = new Map<string, Promise<readonly string[]>>();
  // deno-lint-ignore no-undef -- the linter does not know it yet
  readonly #opened = new AsyncDisposableStack();
  #registries: ReturnType<typeof openRegistries> | undefined;
  #trust: ReturnType<typeof openTrust> | undefined;

  constructor(
    readonly config: BuildConfig,
    readonly work: WorkOptions,
    readonly parts: () => Promise<StaticParts>,
  ) {}

  /**
   * Opens the base that an image is to stand on, for the platforms it asks for, or gives the one that
   * is open.
   */
  open(image: BaseChoice): Promise<Base> {
    const key = JSON.stringify([image.baseImage, image.platforms, image.baseDigest]);
    return getOrSet(this.#bases, key, () => this.#told(image));
  }

  /** Those that were opened. */
  async all(): Promise<readonly Base[]> {
    return await Promise.all(this.#bases.values());
  }

  /** As {@link namesNotIn}; what was found out is kept, for it may take all layers to know. */
  async lacking(
    image: BaseImage,
    names: readonly string[],
    options: CallOptions,
  ): Promise<readonly string[]> {
    const key = JSON.stringify([image.manifest.layers.map(({ digest }) => digest), names]);
    return await getOrSet(this.#lacking, key, async () => {
      const cache = await openBaseCache(this.config.cache.directory);
      const known = cache.known(key) as readonly string[] | undefined;
      if (known !== undefined) return known;
      const found = await namesNotIn(image, names, options);
      await cache.remember(key, found);
      return found;
    });
  }

  /** Ends the reading: connections are closed, temporary files go. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#bases.values());
    await this.#opened.disposeAsync();
  }

  /** A base, of which errors tell as {@link baseFailure}, also when its layers are read. */
  async #told(image: BaseChoice): Promise<Base> {
    const telling = (error: unknown) => {
      throw baseFailure(error, image, this.config.workingDirectory);
    };
    const base = await this.#open(image).catch(telling);
    if (isBuiltinBase(image.baseImage)) return base;
    const images = base.images.map((one) => ({
      ...one,
      source: {
        what: baseText(image),
        fetch: (d: Descriptor, o?: CallOptions) => one.source.fetch(d, o).catch(telling),
      },
    }));
    return { ...base, images };
  }

  async #open(image: BaseChoice): Promise<Base> {
    const { baseImage, platforms } = image;
    const { workingDirectory, compression, transfer, pinnedBase } = this.config;
    const { signal, emit } = this.work;
    if (baseImage === "scratch") return scratchBase(platforms);
    if (isBuiltinBase(baseImage)) {
      const level = compression.type === "gzip" ? compression.level : 9;
      return await staticBase(platforms, { ...await this.parts(), level, signal });
    }
    const place = parseBase(image);
    if (place.kind === "registry") return await this.#ofRegistry(image, place.reference);
    const options = { directory: workingDirectory, signal, emit };
    const { source, ref } = await openSource(place, transfer, this.#opened, options);
    const root = await pinnedIn(source, pinnedBase?.digest, { signal }) ??
      await source.resolve(ref, { signal });
    // A path would differ from machine to machine; the image's own name does not.
    const own = place.kind === "daemon" ? undefined : imageName(root);
    const name = pinnedBase ? pinnedBase.name : own;
    const what = `base image ${baseImage}`;
    refuseOther(root, pinnedBase?.digest, what);
    const trust = await (this.#trust ??= openTrust(this.config));
    if (trust !== undefined) {
      const { ownName } = source as Partial<ImageStore>;
      const called = calledName(root, ownName) ?? (place.kind === "daemon" ? ref : undefined);
      const base = { root, name: called, baseImage };
      await trust.refuseBase(source, base, trust.policy, { signal });
    }
    const reading = () => readBase(source, root, platforms, what, { signal, name, emit });
    const base = await takingWhole(source, root, reading);
    if (place.kind === "layout") await checkLayers(source, base, what);
    return base;
  }

  /**
   * A digest that is in the cache is not asked for; a tag is asked for with one request, unless it is
   * settled what it stands for, or the build is offline: then the digest it had the last time counts.
   */
  async #ofRegistry(
    { baseImage, platforms, baseDigest }: BaseChoice,
    { name, tag, digest }: Reference,
  ): Promise<Base> {
    const { cache: { directory }, transfer, offline, pinnedBase } = this.config;
    const { signal, emit } = this.work;
    const fullName = `${name}:${tag ?? "latest"}`;
    const exact = pinnedBase?.digest ?? digest ?? baseDigest;
    const asked = exact ?? baseKey(fullName);
    const cache = await openBaseCache(directory);
    this.#opened.use(await cache.blobs.hold({ signal }));
    const missing = (): Promise<never> =>
      Promise.reject(
        pinnedBase?.unasked !== undefined
          ? notAsked(baseImage, pinnedBase.unasked)
          : new KodenoError(
            "NOT_FOUND",
            `Cannot use base image ${baseImage} offline: the cache does not have all of it; run ` +
              `"kodeno build --base-image ${baseImage}" once with the network, or bring it with ` +
              `"kodeno pull ${baseImage} --oci-layout bases" and use oci:bases`,
          ),
      );
    const opening = async () => this.#opened.use(await openRegistries(transfer, { emit }));
    const isAsked = !offline && pinnedBase?.unasked === undefined;
    const registry = !isAsked ? undefined : (await (this.#registries ??= opening())).open(name);
    const source = registry ?? { resolve: missing, fetch: missing };
    const stood = (key: string) => cache.known(key) as Descriptor | undefined;
    const known = !isAsked || exact !== undefined ? stood(asked) : undefined;
    const root = known ?? await source.resolve(exact ?? tag ?? "latest", { signal });
    // As ko writes it: with the registry, and a digest says all, since a tag beside it may have moved.
    const repository = normalizeName(name).replace(/^docker\.io\//, "index.$&");
    const said = digest === undefined
      ? `${repository}:${tag ?? "latest"}`
      : `${repository}@${digest}`;
    const options = { signal, emit, name: pinnedBase ? pinnedBase.name : said };
    const what = `base image ${baseImage}`;
    const cached = cachedSource(source, cache.blobs);
    const trust = await (this.#trust ??= openTrust(this.config));
    if (trust !== undefined) {
      const called = digest !== undefined && tag === undefined ? name : fullName;
      const base = { root, name: called, baseImage };
      const kept = { registry, records: cache, signal };
      await trust.refuseCachedBase(cached, base, trust.policy, kept);
    }
    const reading = () => readBase(cached, root, platforms, what, options);
    const base = await takingWhole(cached, root, reading);
    // Whoever names it by its digest later need not ask for it again.
    for (const one of new Set([asked, root.digest])) {
      if (stood(one)?.digest !== root.digest) await cache.remember(one, bareDescriptor(root));
    }
    return base;
  }
}

/** What bases have to be signed as. A build that demands no signature does not wait for what reads keys. */
async function openTrust({ baseDemand }: BuildConfig) {
  const { policy: file, verifyKeys } = baseDemand;
  if (file === undefined && verifyKeys.length === 0) return undefined;
  const { openPolicy } = await import("../trust/policy.ts");
  const policy = await openPolicy(baseDemand);
  return policy && { policy, ...await import("./base_trust.ts") };
}

/** An image by its digest, where that is asked for and there; a name may stand for another one now. */
async function pinnedIn(source: Source, digest: string | undefined, options: CallOptions) {
  if (digest === undefined) return undefined;
  return await source.resolve(digest, options).catch((error) => {
    if (hasCode(error, "NOT_FOUND")) return undefined;
    throw error;
  });
}

function notAsked(baseImage: string, why: string): KodenoError {
  return new KodenoError("NOT_TRUSTED", `Cannot use base image ${baseImage}: ${why}`);
}

/** Refuses an image that is not the one which an image is to stand on. */
function refuseOther({ digest }: Descriptor, pinned: string | undefined, what: string): void {
  if (pinned === undefined || pinned === digest) return;
  const why =
    `it is ${digest} now, and has to be ${pinned}; say with --base-image where that one is`;
  throw new KodenoError("NOT_FOUND", `Cannot use ${what}: ${why}`);
}

/** Says before anything is built that a layer of a layout is missing. */
async function checkLayers(layout: Source, base: Base, what: string): Promise<void> {
  const reader = new ImageReader(layout);
  for (const layer of base.images.flatMap((image) => image.manifest.layers)) {
    if (isForeign(layer) || (await reader.blob(layer)).problem === undefined) continue;
    const why = `layer ${layer.digest} is not there, or has another size; make the layout again`;
    throw new KodenoError("NOT_FOUND", `Cannot use ${what}: ${why}`);
  }
}

/** What the name of a base in a registry stood for when it was asked last, as a cache has it. */
export async function keptBase(cacheDirectory: string, name: string) {
  const cache = await openBaseCache(cacheDirectory);
  const root = cache.known(baseKey(name)) as Descriptor | undefined;
  return root && { root, source: cache.blobs };
}

const NAMES = "names";

/** What a name is remembered by, however it is written. */
const baseKey = (name: string): string => normalizeName(name);

/** An image that is to be found without its registry. */
interface KeptBase {
  /** `NAME:TAG`; nothing, or one of a digest, is found by digests alone. */
  readonly name: string | undefined;
  readonly root: Descriptor;
  /** All that it has, the image itself among them, and the file that has each. */
  readonly blobs: readonly { readonly d: Descriptor; readonly file: string }[];
}

/**
 * Brings images to the cache, whose blobs nobody looks for till they are settled: builds find them by
 * their names then, and by the digests of all their manifests. What is not settled goes.
 */
export async function prepareBases(
  cacheDirectory: string,
  bases: readonly KeptBase[],
  options: CallOptions,
) {
  const cache = await openBaseCache(cacheDirectory);
  const { directory } = cache.blobs;
  let adopted: string[] = [];
  // deno-lint-ignore no-undef -- the linter does not know it yet
  await using stack = new AsyncDisposableStack();
  stack.use(await cache.blobs.hold(options));
  stack.defer(async () => {
    for (const path of adopted) await Deno.remove(path).catch(() => {});
  });
  for (const { d, file } of bases.flatMap(({ blobs }) => blobs)) {
    const path = blobPathIn(directory, d);
    if (file === path) continue;
    if (!isFile(path)) adopted.push(path);
    await cache.blobs.adopt(d, file, options);
  }
  const settle = async (): Promise<void> => {
    adopted = [];
    for (const { name, root, blobs } of bases) {
      const documents = blobs.filter(({ d }) => hasSuccessors(d)).map(({ d }) =>
        [d.digest, d] as const
      );
      const named = name === undefined || name.includes("@")
        ? []
        : [[baseKey(name), root] as const];
      for (const [key, d] of [...documents, ...named]) {
        await cache.keep(key, bareDescriptor(d)).catch((error) => {
          throw ioFailure(`write cache of base images ${directory}`, error);
        });
      }
    }
  };
  const made = stack.move();
  return { settle, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

/** Removes all that a cache has of base images, and waits for those who are using it. */
export async function emptyBaseCache(cacheDirectory: string): Promise<void> {
  const directory = baseCacheDirectory(cacheDirectory);
  if (!isFolder(join(directory, BLOBS))) return;
  await withoutLeases(directory, undefined, async () => {
    // The folders stay: whoever waits to come in has them open.
    for (const folder of [BLOBS, OTHER_BLOBS, NAMES]) {
      for (const { name } of await entriesIn(join(directory, folder))) {
        await removeIfThere(join(directory, folder, name));
      }
    }
  });
}

/** Opens the base images of a cache. */
async function openBaseCache(cacheDirectory: string) {
  const directory = baseCacheDirectory(cacheDirectory);
  try {
    await Deno.mkdir(join(directory, BLOBS), { recursive: true });
    await Deno.mkdir(join(directory, NAMES), { recursive: true });
  } catch (error) {
    throw ioFailure(`make cache of base images ${directory}`, error);
  }
  return {
    /** Without entries: who reads a blob has its digest, and checks it. */
    blobs: new Layout(directory),
    /** What a name or digest stood for the last time, or what else was found out. */
    ...recordsIn(join(directory, NAMES), directory),
  };
}
