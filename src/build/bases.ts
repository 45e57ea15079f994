/**
 * Where base images come from: the one place that knows what a base image's name can mean. Those of
 * registries are kept in the cache; only what a build needs of them is fetched.
 * @module
 */
import { resolve } from "node:path";
import type { BuildConfig, PublishConfig } from "../config/config.ts";
import type { ImageConfig } from "../config/image_config.ts";
import { cachedSource } from "../content/cached.ts";
import type { Source } from "../content/places.ts";
import type { NoteEvent } from "../events.ts";
import { KodenoError } from "../errors.ts";
import { type Base, readBase } from "../image/base.ts";
import { isBuiltinBase, scratchBase, staticBase } from "../image/builtin_base.ts";
import type { LayerCache } from "../layers/cache.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { imageName } from "../oci/entries.ts";
import type { Reference } from "../oci/reference.ts";
import { type Layout, openLayout } from "../place/layout/layout.ts";
import { openBaseCache } from "./base_cache.ts";
import {
  giveUpNetwork,
  openDaemon,
  openRegistries,
  parsePlace,
  type PlaceName,
} from "../place/open.ts";

/** What opening a base may need. */
export interface BaseContext {
  /** Asked only for the `static` base. */
  readonly cache: () => Promise<LayerCache>;
  /** Asked only for the `static` base. */
  readonly go: () => Promise<{ readonly GOROOT: string }>;
  readonly signal?: AbortSignal | undefined;
  readonly emit?: ((event: NoteEvent) => void) | undefined;
}

/** A base, open. */
export interface OpenedBase {
  readonly base: Base;
  /** Ends the reading: connections are closed, temporary files go. */
  close(): Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();

/**
 * Settles what builds may dial: offline, and with neither a daemon nor a registry to publish to, the
 * right to use the network is given up for good.
 *
 * @param isFar whether images go to a place beside those of `publish`, which may need the network
 * @returns repositories of base images, whose layers a registry may have already
 * @throws {KodenoError} `BAD_REFERENCE`
 */
export async function settleNetwork(
  builds: readonly BuildConfig[],
  { push, local, kind }: PublishConfig,
  isFar = false,
): Promise<readonly string[]> {
  const bases = builds.flatMap(basesOf);
  const dials = isFar || push || local || kind !== undefined ||
    bases.some(({ kind }) => kind === "daemon");
  if (builds.some(({ offline }) => offline) && !dials) await giveUpNetwork();
  return bases.flatMap((base) => base.kind === "registry" ? [base.reference.name] : []);
}

/** The places of all base images that may be needed. */
function basesOf({ image, builds, baseImageOverrides }: BuildConfig): readonly PlaceName[] {
  const names = [
    image.baseImage,
    ...builds.map((build) => build.image.baseImage),
    ...Object.values(baseImageOverrides),
  ];
  return [...new Set(names)].filter((name) => !isBuiltinBase(name)).map(parsePlace);
}

/**
 * Opens the base image that an image is to stand on, for the platforms it asks for.
 *
 * @throws {KodenoError} `BAD_REFERENCE` for a name of no known kind, and see `readBase`
 */
export async function openBase(
  config: BuildConfig,
  { baseImage, platforms: wanted }: Pick<ImageConfig, "baseImage" | "platforms">,
  context: BaseContext,
): Promise<OpenedBase> {
  const { workingDirectory } = config;
  const { signal } = context;
  if (baseImage === "scratch") return { base: scratchBase(wanted), close: nothing };
  if (isBuiltinBase(baseImage)) {
    const [{ GOROOT }, cache] = await Promise.all([context.go(), context.cache()]);
    const { compression } = config;
    const level = compression.type === "gzip" ? compression.level : 9;
    const options = { cache, level, goroot: GOROOT, signal };
    return { base: await staticBase(wanted, options), close: nothing };
  }
  const what = `base image ${baseImage}`;
  const read = (source: Source, root: Descriptor, name: string | undefined): Promise<Base> =>
    // A path would differ from machine to machine; the image's own name does not.
    readBase(source, root, wanted, what, { signal, name });
  const place = parsePlace(baseImage);
  switch (place.kind) {
    case "layout": {
      const layout = await openLayout(resolve(workingDirectory, place.path), {
        emit: context.emit,
      });
      const holding = await layout.hold({ signal });
      return await closingOnError(() => Promise.resolve(holding[Symbol.dispose]()), async () => {
        const root = await layout.resolve(place.ref, { signal });
        const base = await read(layout, root, imageName(root));
        await checkLayers(layout, base, what);
        return base;
      });
    }
    case "archive": {
      // Few builds stand on an archive or a daemon, and the others do not wait for their code.
      const { openArchive } = await import("../place/archive/archive_source.ts");
      const archive = await openArchive(resolve(workingDirectory, place.path), { signal });
      const root = await archive.resolve(place.ref, { signal });
      return { base: await read(archive, root, imageName(root)), close: nothing };
    }
    case "daemon": {
      const daemon = await openDaemon(config.transfer);
      const { openDaemonImage } = await import("../place/daemon/save.ts");
      const image = await openDaemonImage(daemon, place.name, { signal });
      const close = () => image[Symbol.asyncDispose]();
      return await closingOnError(close, () => read(image, image.root, undefined));
    }
    case "registry":
      return await openRegistryBase(config, context, baseImage, place.reference, read);
  }
}

/** Says before anything is built that a layer of a layout is missing. */
async function checkLayers(layout: Layout, base: Base, what: string): Promise<void> {
  for (const layer of base.images.flatMap((image) => image.manifest.layers)) {
    if (await layout.has(layer)) continue;
    throw new KodenoError(
      "NOT_FOUND",
      `Cannot use ${what}: layer ${layer.digest} is not there, or has another size; ` +
        "make the layout again",
    );
  }
}

/**
 * A digest that is in the cache is not asked for; a tag is asked for with one request, unless the
 * build is offline: then the digest it had the last time counts.
 */
async function openRegistryBase(
  config: BuildConfig,
  context: BaseContext,
  baseImage: string,
  { name, tag, digest }: Reference,
  read: (source: Source, root: Descriptor, name: string) => Promise<Base>,
): Promise<OpenedBase> {
  const { signal, emit } = context;
  const fullName = `${name}:${tag ?? "latest"}`;
  const cache = await openBaseCache(config.cache.directory);
  const known = cache.known(digest ?? fullName);
  const registries = openRegistries(config.transfer, { emit });
  const store = registries.open(name);
  const close = (): Promise<void> => registries[Symbol.asyncDispose]();
  const missing = (): Promise<never> =>
    Promise.reject(
      new KodenoError(
        "NOT_FOUND",
        `Cannot use base image ${baseImage} offline: the cache does not have all of it; run ` +
          `"kodeno build --base-image ${baseImage}" once with the network, or bring it with ` +
          `"kodeno pull ${baseImage} --oci-layout bases" and use oci:bases`,
      ),
    );
  return await closingOnError(close, async () => {
    const source = config.offline ? { resolve: missing, fetch: missing } : store;
    const fixed = config.offline || digest !== undefined ? known : undefined;
    const root = fixed ?? await source.resolve(digest ?? tag ?? "latest", { signal });
    const cached = cachedSource(source, cache.blobs);
    const base = await read(cached, root, digest !== undefined && !tag ? name : fullName);
    // Whoever names it by its digest later need not ask for it again.
    const names = [digest ?? fullName, root.digest];
    for (const one of new Set(names)) {
      if (cache.known(one)?.digest !== root.digest) await cache.remember(one, root);
    }
    return base;
  });
}

async function closingOnError(
  close: () => Promise<void>,
  work: () => Promise<Base>,
): Promise<OpenedBase> {
  try {
    return { base: await work(), close };
  } catch (error) {
    await close();
    throw error;
  }
}
