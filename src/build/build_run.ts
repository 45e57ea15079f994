/**
 * One run of a builder: all groups of a plan side by side, bounded by the number of jobs, and the
 * images that become of them. Builds and the writing of layers overlap.
 * @module
 */
import { basename, join } from "node:path";
import type { BuildConfig } from "../config/config.ts";
import { KodenoError, messageOf } from "../errors.ts";
import type { Emit, Stage } from "../events.ts";
import { gitVariables } from "../git/git.ts";
import { findUp } from "../io/files.ts";
import { buildArguments, buildGroup, outputDirectory } from "../go/build.ts";
import {
  assembleImage,
  type BuiltImage,
  builtImage,
  type PlatformImage,
} from "../image/assemble.ts";
import { getOrSet, Pool } from "../io/work.ts";
import { planBinaryLayer } from "../layers/binary_layer.ts";
import type { LayerCache } from "../layers/cache.ts";
import { planKodataLayer } from "../layers/kodata_layer.ts";
import type { Layer, LayerPlan } from "../layers/layer.ts";
import { formatPlatform } from "../oci/platform.ts";
import type { BuildGroup, BuildPlan, PlannedImage } from "./plan.ts";
import type { BaseSet } from "./bases.ts";
import { binaryRoot, buildBinaries, remakeBinaries, withBinaryFolder } from "./binaries.ts";

/** Progress within a layer is told every so many bytes. */
const TELL_BYTES = 8 * 1024 * 1024;

/** A plan with the bases it was made for. */
export class Prepared {
  readonly importPaths: readonly string[];
  readonly platforms: readonly string[];

  constructor(readonly plan: BuildPlan, readonly bases: BaseSet) {
    this.importPaths = plan.images.map(({ importPath }) => importPath);
    const platforms = plan.images.flatMap((image) => image.platforms.map(formatPlatform));
    this.platforms = [...new Set(platforms)];
  }

  only(importPaths: ReadonlySet<string>): Prepared {
    const wanted = (p: { readonly importPath: string }): boolean => importPaths.has(p.importPath);
    const groups = this.plan.groups
      .map((group) => ({ ...group, binaries: group.binaries.filter(wanted) }))
      .filter(({ binaries }) => binaries.length > 0);
    return new Prepared({ images: this.plan.images.filter(wanted), groups }, this.bases);
  }
}

/** One run: all groups of a plan, and the images that become of them. */
export class BuildRun {
  readonly #began = performance.now();
  readonly #builds: Pool;
  readonly #layers: Pool;
  readonly #groups: Promise<void>[] = [];
  readonly #git = new Map<string, Promise<Readonly<Record<string, string>>>>();
  /** Binary layers by import path and platform, settled by the group that makes them. */
  readonly #binaries = new Map<string, PromiseWithResolvers<Layer>>();

  constructor(
    readonly config: BuildConfig,
    readonly cache: LayerCache,
    readonly prepared: Prepared,
    readonly options: { readonly signal: AbortSignal; readonly emit?: Emit | undefined },
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
        for (const { importPath } of group.binaries) {
          this.#binary(importPath, group.platformName).reject(error);
        }
      });
      this.#groups.push(work);
    }
    return plan.images.map((image) => this.#image(image));
  }

  /** When nothing goes on any more. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.#groups);
  }

  #binary(importPath: string, platform: string): PromiseWithResolvers<Layer> {
    const found = this.#binaries.get(`${importPath} ${platform}`);
    if (found === undefined) throw new Error(`${importPath} was not planned`);
    return found;
  }

  async #buildGroup(group: BuildGroup, images: ReadonlyMap<string, PlannedImage>): Promise<void> {
    const { config } = this;
    const { signal } = this.options;
    const output = outputDirectory(binaryRoot(config.cache.directory), group);
    // Its own until the layers are written: another process may build into the same folder.
    await withBinaryFolder(output, async (records) => {
      const files = group.binaries.map(({ file }) => file);
      const build = (wanted: readonly string[]) => this.#compile(group, output, wanted);
      await buildBinaries(output, records, files, build);
      await Promise.all(group.binaries.map(async ({ importPath, file }) => {
        const { appName = file, image } = images.get(importPath) ?? {};
        const { os } = group.platform;
        const make = (): Promise<Layer> => {
          const record = records.get(file);
          if (record === undefined) throw new Error(`${file} was not made`);
          const binary = { path: join(output, file), ...record };
          const plan = planBinaryLayer(binary, appName, os, image?.linuxCapabilities);
          return this.#layer(plan, importPath, group.platformName);
        };
        const layer = await make().catch(async (error) => {
          if (!(error instanceof KodenoError) || error.code !== "BAD_CONTENT") throw error;
          // It was damaged in the cache, which showed when it was read.
          await remakeBinaries(output, records, [file], build);
          return await make();
        });
        this.#binary(importPath, group.platformName).resolve(layer);
      }));
    }, signal);
  }

  /** Runs go for those of a group's binaries that are wanted. */
  async #compile(group: BuildGroup, output: string, files: readonly string[]): Promise<void> {
    const { emit, signal } = this.options;
    const wanted = group.binaries.filter(({ file }) => files.includes(file));
    await this.#builds.run(async () => {
      for (const { importPath } of wanted) {
        this.#stage(importPath, group.platformName, "compiling");
      }
      const { command } = this.config.go;
      const part = { ...group, binaries: wanted };
      const args = buildArguments(part, output).join(" ");
      emit?.({ type: "note", level: "verbose", message: `${basename(command)} ${args}` });
      // One platform after the other is finished, so that the layers of the first are written while
      // the next ones compile; those still use whatever the first leaves idle.
      const niceness = Math.min(19, 10 * this.prepared.platforms.indexOf(group.platformName));
      const stamp = () => stampVariables(group, signal);
      const variables = await getOrSet(this.#git, group.directory, stamp);
      const printed = await buildGroup({ command, signal, niceness, variables }, part, output);
      if (printed.trim() !== "") {
        emit?.({ type: "note", level: "info", message: printed.trimEnd() });
      }
    });
  }

  async #image(image: PlannedImage): Promise<BuiltImage> {
    const { importPath, appName } = image;
    const base = await this.prepared.bases.open(image.image);
    const options = { ...image.image, kodataTime: this.config.kodataTime };
    // All but Windows have the same.
    const layers = new Map<string, Promise<Layer>>();
    const made = await Promise.all(base.images.map(async (one): Promise<PlatformImage> => {
      const { os } = one.platform;
      const kind = os === "windows" ? os : "";
      const [kodata, binary] = await Promise.all([
        getOrSet(layers, kind, () => this.#kodata(image, os)),
        this.#binary(importPath, formatPlatform(one.platform)).promise,
      ]);
      return assembleImage(one, base.name, { importPath, appName, kodata, binary }, options);
    }));
    const [first, ...others] = made;
    if (first === undefined) throw new Error("a base has at least one platform");
    return builtImage(importPath, [first, ...others], base, options);
  }

  async #kodata(image: PlannedImage, os: string): Promise<Layer> {
    const plan = await planKodataLayer(image.packageDirectory, {
      os,
      mtime: this.config.kodataTime,
      allowedRoot: this.config.kodataAllowedRoot,
      cache: this.config.cache.directory,
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

/**
 * Variables for the git that go runs to stamp binaries with the commit of their checkout: it runs none
 * of the programs that the checkout names.
 *
 * @throws {KodenoError} `GIT_FAILED` where that cannot be said
 */
async function stampVariables(
  { directory, environment, go }: BuildGroup,
  signal: AbortSignal | undefined,
): Promise<Readonly<Record<string, string>>> {
  const words = [...(environment["GOFLAGS"] ?? "").split(/\s+/), ...go.flags];
  const stamps = words.findLast((word) => /^--?buildvcs(=|$)/.test(word));
  if (stamps?.endsWith("=false") || await findUp(directory, ".git") === undefined) return {};
  try {
    return await gitVariables({ directory, environment, signal });
  } catch (error) {
    signal?.throwIfAborted();
    // go says by itself that there is no git.
    if (error instanceof KodenoError) return {};
    throw new KodenoError(
      "GIT_FAILED",
      `Cannot have go ask git about ${directory}: ${messageOf(error)}; ` +
        "say GOFLAGS=-buildvcs=false to build without",
    );
  }
}
