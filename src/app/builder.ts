/**
 * The builder: import paths to images. Builds of different platforms and the writing of layers
 * overlap; an image comes out as soon as its last layer is there.
 * @module
 */
import { join } from "node:path";
import { type BuildConfig, resolveBuildConfig } from "../config/build_config.ts";
import { refuseToolexec } from "../config/checks.ts";
import type { BuildOptions } from "../config/options.ts";
import { KodenoError } from "../errors.ts";
import type { Emit, Stage } from "../events.ts";
import { buildGroup, outputDirectory } from "../gobuild/build.ts";
import type { GoCommand } from "../gobuild/command.ts";
import { goEnvironment, listPackages } from "../gobuild/list.ts";
import { groupPatterns } from "../gobuild/patterns.ts";
import { assembleImage, type PlatformImage } from "../image/assemble.ts";
import type { Base, BaseImage } from "../image/base.ts";
import { BuiltImage } from "../image/built_image.ts";
import { ioFailure } from "../io/fail.ts";
import { withLockFile } from "../io/lock.ts";
import { Pool } from "../io/pool.ts";
import { planBinaryLayer } from "../layers/binary_layer.ts";
import { type LayerCache, openLayerCache } from "../layers/cache.ts";
import { planKodataLayer } from "../layers/kodata_layer.ts";
import type { Layer } from "../layers/layer.ts";
import type { LayerPlan } from "../layers/layer_plan.ts";
import { formatPlatform, LINUX_ARCHITECTURES } from "../oci/platform.ts";
import { selectMains } from "../plan/packages.ts";
import { type BuildGroup, type BuildPlan, goVariables, makePlan } from "../plan/plan.ts";
import type { PlannedImage } from "../plan/plan.ts";
import { openBase } from "./bases.ts";

/** How one call of a builder works. */
export interface WorkOptions {
  /** Ends the work early: `go` is stopped and temporary files are removed. */
  readonly signal?: AbortSignal | undefined;
  /** Told what is being done. */
  readonly emit?: Emit | undefined;
}

/** What is to be built, checked: packages are main, platforms are in the base. */
export interface PreparedBuild {
  readonly plan: BuildPlan;
  readonly base: Base;
}

/** Makes images of Go main packages. */
export interface Builder {
  /**
   * Finds the packages and the base, and plans.
   *
   * @param importpaths import paths, folders, or patterns with `...`; none stands for `.`
   * @throws {KodenoError} exit code 2 for patterns, packages or platforms that cannot be built
   */
  prepare(importpaths: readonly string[], options?: WorkOptions): Promise<PreparedBuild>;
  /**
   * Builds what was prepared; images come in the order they are finished.
   *
   * @throws {KodenoError} `GO_FAILED` with the compiler's lines, and what reading and writing gives
   */
  build(prepared: PreparedBuild, options?: WorkOptions): AsyncIterable<BuiltImage>;
  /** Forgets a cached layer whose bytes did not hold. */
  evict(digest: string): Promise<void>;
  /** Ends the use of the builder: temporary layers go, and the cache shrinks to its bound. */
  close(): Promise<void>;
}

/**
 * Makes a builder, as ko's `NewBuilder`.
 *
 * @throws {KodenoError} `BAD_OPTION` for options that cannot be used
 *
 * @example
 * ```ts
 * import { newBuilder } from "../../mod.ts";
 * const builder = newBuilder({ platforms: ["linux/amd64"], labels: { team: "blue" } });
 * await builder.close();
 * ```
 */
export function newBuilder(options: BuildOptions = {}): Builder {
  return new GoBuilder(resolveBuildConfig(options));
}

class GoBuilder implements Builder {
  #cache: Promise<LayerCache> | undefined;

  constructor(readonly config: BuildConfig) {}

  async prepare(importpaths: readonly string[], o: WorkOptions = {}): Promise<PreparedBuild> {
    const { config } = this;
    o.emit?.({ type: "stage", image: "", platform: "", stage: "listing", elapsedMs: 0 });
    const groups = await groupPatterns(config.workingDirectory, importpaths);
    const how = this.#go(o.signal);
    // All three only look; the slowest decides. A failure is told after all have ended.
    let environment: ReturnType<typeof goEnvironment> | undefined;
    const go = () => environment ??= this.#checkedEnvironment(how);
    const [listed, base, checked] = await Promise.allSettled([
      Promise.all(groups.map((group) => listPackages(how, config.go, group))),
      this.#openCache().then((cache) => openBase(config, { cache, go, signal: o.signal })),
      go(),
    ]);
    o.signal?.throwIfAborted();
    const packages = groups.flatMap((group, i) => selectMains(group, valueOf(listed)[i] ?? []));
    valueOf(checked);
    const { images } = valueOf(base);
    const unique = [...new Map(packages.map((p) => [p.importPath, p])).values()];
    return {
      plan: makePlan(config, unique, images.map((image) => image.platform)),
      base: valueOf(base),
    };
  }

  async *build(prepared: PreparedBuild, o: WorkOptions = {}): AsyncGenerator<BuiltImage> {
    // The first failure ends the other builds, too.
    const failed = new AbortController();
    const signal = o.signal ? AbortSignal.any([o.signal, failed.signal]) : failed.signal;
    const run = new BuildRun(this.config, await this.#openCache(), prepared, { ...o, signal });
    const finished = run.start();
    for (const one of finished) one.catch((error) => failed.abort(error));
    try {
      yield* inOrderOfCompletion(finished);
    } catch (error) {
      throw o.signal?.aborted
        ? o.signal.reason
        : failed.signal.aborted
        ? failed.signal.reason
        : error;
    } finally {
      failed.abort(new KodenoError("INTERRUPTED", "The build was left early"));
      await Promise.allSettled([...finished, run.ended()]);
    }
  }

  async evict(digest: string): Promise<void> {
    await (await this.#openCache()).evict(digest);
  }

  async close(): Promise<void> {
    if (this.#cache === undefined) return;
    const cache = await this.#cache;
    if (cache.wrote && cache.keep) await cache.shrink(this.config.cache.maxBytes);
    await cache.close();
  }

  #openCache(): Promise<LayerCache> {
    const { directory, enabled } = this.config.cache;
    return this.#cache ??= openLayerCache(join(directory, "layers"), enabled);
  }

  /** What go is asked before a platform is chosen: for the first one wanted. */
  #go(signal: AbortSignal | undefined): GoCommand {
    const { go, platforms, workingDirectory } = this.config;
    const { os = "linux", architecture = LINUX_ARCHITECTURES[1] ?? "amd64" } = platforms === "all"
      ? {}
      : platforms[0] ?? {};
    const environment = goVariables({ os, architecture }, go);
    return { command: go.command, environment, directory: workingDirectory, signal };
  }

  /** `go env -w` can set GOFLAGS, too. */
  async #checkedEnvironment(how: GoCommand): ReturnType<typeof goEnvironment> {
    const environment = await goEnvironment(how);
    refuseToolexec("GOFLAGS", environment.GOFLAGS.split(/\s+/));
    return environment;
  }
}

function valueOf<T>(result: PromiseSettledResult<T>): T {
  if (result.status === "fulfilled") return result.value;
  throw result.reason;
}

async function* inOrderOfCompletion<T>(work: readonly Promise<T>[]): AsyncGenerator<T> {
  const open = new Map(work.map((one, i) => [i, one.then((value) => ({ i, value }))]));
  while (open.size > 0) {
    const { i, value } = await Promise.race(open.values());
    open.delete(i);
    yield value;
  }
}

/** One run: all groups of a plan, and the images that become of them. */
class BuildRun {
  readonly #began = performance.now();
  readonly #builds: Pool;
  readonly #layers: Pool;
  readonly #groups: Promise<void>[] = [];
  /** Binary layers by import path and platform, settled by the group that makes them. */
  readonly #binaries = new Map<string, PromiseWithResolvers<Layer>>();

  constructor(
    readonly config: BuildConfig,
    readonly cache: LayerCache,
    readonly prepared: PreparedBuild,
    readonly options: WorkOptions & { readonly signal: AbortSignal },
  ) {
    this.#builds = new Pool(config.jobs);
    this.#layers = new Pool(config.jobs);
  }

  /** Starts everything; one promise for each image. */
  start(): readonly Promise<BuiltImage>[] {
    const { plan } = this.prepared;
    for (const image of plan.images) {
      for (const platform of image.platforms) {
        const awaited = Promise.withResolvers<Layer>();
        awaited.promise.catch(() => {});
        this.#binaries.set(`${image.importPath} ${formatPlatform(platform)}`, awaited);
      }
    }
    const images = new Map(plan.images.map((image) => [image.importPath, image]));
    for (const group of plan.groups) {
      const work = this.#buildGroup(group, images);
      work.catch((error) => {
        for (const { importPath } of group.binaries) this.#binary(importPath, group).reject(error);
      });
      this.#groups.push(work);
    }
    return plan.images.map((image) => this.#image(image));
  }

  /** When nothing goes on any more. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.#groups);
  }

  #binary(importPath: string, { platformName }: BuildGroup): PromiseWithResolvers<Layer> {
    const found = this.#binaries.get(`${importPath} ${platformName}`);
    if (found === undefined) throw new Error(`${importPath} was not planned`);
    return found;
  }

  async #buildGroup(group: BuildGroup, images: ReadonlyMap<string, PlannedImage>): Promise<void> {
    const { config } = this;
    const { signal, emit } = this.options;
    const root = join(config.cache.directory, "bin");
    const output = outputDirectory(root, config.go, group);
    try {
      await Deno.mkdir(output, { recursive: true });
    } catch (error) {
      throw ioFailure(`make folder ${output}`, error);
    }
    // Held until the layers are written: another process may build into the same folder.
    await withLockFile(`${output}.lock`, async () => {
      await this.#builds.run(async () => {
        for (const { importPath } of group.binaries) {
          this.#stage(importPath, group.platformName, "compiling");
        }
        const { command } = config.go;
        const printed = await buildGroup({ command, signal }, config.go, group, output);
        if (printed.trim() !== "") {
          emit?.({ type: "note", level: "info", message: printed.trimEnd() });
        }
      });
      await Promise.all(group.binaries.map(async ({ importPath, file }) => {
        const name = images.get(importPath)?.appName ?? file;
        const plan = await planBinaryLayer(join(output, file), name, group.platform.os);
        const layer = await this.#layer(plan, importPath, group.platformName);
        this.#binary(importPath, group).resolve(layer);
      }));
    });
  }

  async #image(image: PlannedImage): Promise<BuiltImage> {
    const { base } = this.prepared;
    const kodata = new Map<string, Promise<Layer>>();
    for (const { os } of image.platforms) {
      const kind = os === "windows" ? os : "";
      if (!kodata.has(kind)) kodata.set(kind, this.#kodata(image, os));
    }
    const made = await Promise.all(base.images.map(async (one): Promise<PlatformImage> => {
      const { os } = one.platform;
      const layers = await Promise.all([
        kodata.get(os === "windows" ? os : "") ?? this.#kodata(image, os),
        this.#binaries.get(`${image.importPath} ${formatPlatform(one.platform)}`)?.promise,
      ]);
      return this.#assemble(image, one, layers[0], layers[1]);
    }));
    const [first, ...others] = made;
    if (first === undefined) throw new Error("a base has at least one platform");
    return new BuiltImage(image.importPath, [first, ...others], base, this.config);
  }

  #assemble(image: PlannedImage, base: BaseImage, kodata: Layer, binary?: Layer): PlatformImage {
    const { importPath, appName } = image;
    if (binary === undefined) throw new Error(`${importPath} was not planned`);
    const app = { importPath, appName, kodata, binary };
    return assembleImage(base, this.prepared.base.name, app, this.config);
  }

  async #kodata(image: PlannedImage, os: string): Promise<Layer> {
    const plan = await planKodataLayer(image.packageDirectory, {
      os,
      mtime: this.config.kodataTime,
      allowedRoot: this.config.kodataAllowedRoot,
    });
    return await this.#layers.run(() =>
      this.cache.layer(plan, { compression: this.config.compression, signal: this.options.signal })
    );
  }

  async #layer(plan: LayerPlan, image: string, platform: string): Promise<Layer> {
    return await this.#layers.run(async () => {
      this.#stage(image, platform, "layering");
      const { emit, signal } = this.options;
      const { compression } = this.config;
      let told = 0;
      const onBytes = (bytes: number): void => {
        if (bytes - told < TELL_BYTES) return;
        told = bytes;
        emit?.({ type: "bytes", image, platform, stage: "layering", bytes });
      };
      const layer = await this.cache.layer(plan, { compression, signal, onBytes });
      this.#stage(image, platform, "writing", layer.descriptor.size);
      return layer;
    });
  }

  #stage(image: string, platform: string, stage: Stage, bytes?: number): void {
    const elapsedMs = Math.round(performance.now() - this.#began);
    const size = bytes === undefined ? {} : { bytes };
    this.options.emit?.({ type: "stage", image, platform, stage, elapsedMs, ...size });
  }
}

/** Progress within a layer is told every so many bytes. */
const TELL_BYTES = 8 * 1024 * 1024;
