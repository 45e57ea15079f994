/**
 * The builder: import paths to images. Builds of different platforms and the writing of layers
 * overlap; an image comes out as soon as its last layer is there.
 * @module
 */
import { basename, isAbsolute, join } from "node:path";
import { refuseToolexecIn } from "../config/checks.ts";
import { type BuildConfig, imageConfigOf, resolveBuildConfig } from "../config/config.ts";
import type { BuildOptions } from "../config/options.ts";
import { hasCode, KodenoError, messageOf } from "../errors.ts";
import type { Emit, Stage, WorkOptions } from "../events.ts";
import { gitVariables } from "../git/git.ts";
import { type GitSource, gitSource } from "../git/source.ts";
import { buildArguments, buildGroup, outputDirectory } from "../go/build.ts";
import { flagsIn, type GoCommand } from "../go/command.ts";
import type { DelveVersion } from "../go/delve.ts";
import { type Needs, needsOf } from "../go/elf.ts";
import { goEnvironment } from "../go/list.ts";
import {
  assembleImage,
  type BuiltImage,
  builtImage,
  type Debugger,
  type PlatformImage,
} from "../image/assemble.ts";
import type { Base } from "../image/base.ts";
import { abortable, allEnded, getOrSet, Pool } from "../io/concurrency.ts";
import { findUp } from "../io/files.ts";
import { capabilityAttribute, planBinaryLayer } from "../layers/binary_layer.ts";
import type { LayerCache } from "../layers/cache.ts";
import { planKodataLayer } from "../layers/kodata_layer.ts";
import type { Layer, LayerPlan } from "../layers/layer.ts";
import { formatPlatform } from "../oci/platform.ts";
import { uninterruptible } from "../signals.ts";
import type { Attachment } from "../trust/attachment.ts";
import type { ToSign } from "../trust/to_sign.ts";
import { BaseSet } from "./bases.ts";
import { binaryRoot, withBinaryFolder } from "./binaries.ts";
import { evictBaseBlob, openLayers, shrinkCache } from "./cache.ts";
import { ImageDocuments } from "./documents.ts";
import type { Debuggers } from "./debugger.ts";
import type { BuildLock, ImageInputs } from "./inputs.ts";
import { findPackages } from "./packages.ts";
import {
  type BuildGroup,
  type BuildPlan,
  goVariables,
  makePlan,
  type PlannedImage,
} from "./plan.ts";
import type { MadeImage } from "./provenance.ts";
import { warnOfBase } from "./start_check.ts";
import { checkSboms } from "./sboms.ts";
import { Templates } from "./templates.ts";

/** What is to be built, checked: packages are main, platforms are in the base. */
export interface PreparedBuild {
  /** Import path of each package an image is made of. */
  readonly importPaths: readonly string[];
  /** `os/arch[/variant]` each. */
  readonly platforms: readonly string[];
}

/** What {@link Builder.prepare} may be given. */
export interface PrepareOptions extends WorkOptions {
  /** Takes some of the images that were found, by their import paths; default all. */
  readonly choose?: ((importPaths: readonly string[]) => ReadonlySet<string>) | undefined;
}

/** What {@link Builder.build} may be given. */
export interface BuildCallOptions extends WorkOptions {
  /** Import paths of those to build; default all. */
  readonly only?: readonly string[] | undefined;
}

/** Makes images of Go main packages. */
export interface Builder {
  /**
   * Finds the packages and the base, and plans.
   *
   * @param importpaths import paths, folders, or patterns with `...`; none stands for `.`
   * @throws {KodenoError} exit code 2 for patterns, packages or platforms that cannot be built
   */
  prepare(importpaths: readonly string[], options?: PrepareOptions): Promise<PreparedBuild>;
  /**
   * Builds what was prepared; images come in the order they are finished.
   *
   * @throws {KodenoError} `GO_FAILED` with the compiler's lines, and what reading and writing gives
   */
  build(prepared: PreparedBuild, options?: BuildCallOptions): AsyncIterable<BuiltImage>;
  /**
   * What options ask to be put beside an image that this builder has made: its provenance, and SBOMs,
   * which are written to their folder, too.
   *
   * @throws {KodenoError} `BAD_CONTENT` where a layer does not hold, and what writing gives
   */
  attachments?(image: BuiltImage, options?: WorkOptions): Promise<readonly Attachment[]>;
  /**
   * An image that this builder has made with attestations in its index, where options ask for that.
   *
   * @throws {KodenoError} as {@link Builder.attachments}
   */
  attested?(image: BuiltImage, options?: WorkOptions): Promise<BuiltImage>;
  /**
   * What options ask to be signed of an image that this builder has made; who publishes it signs.
   *
   * @param published what {@link Builder.attested} has made of it
   */
  statements?(
    image: BuiltImage,
    published: BuiltImage,
    options?: WorkOptions,
  ): Promise<readonly ToSign[]>;
  /** Forgets a cached blob whose bytes did not hold; tells whether there was one. */
  evict(digest: string): Promise<boolean>;
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
 * import { newBuilder } from "@kodeno/kodeno";
 * const builder = newBuilder({ platforms: ["linux/amd64"], labels: { team: "blue" } });
 * await builder.close();
 * ```
 */
export function newBuilder(options: BuildOptions = {}): Builder {
  return new GoBuilder(uninterruptible(() => resolveBuildConfig(options)));
}

/** What has to be had where images are built, beside their sources. */
interface BuildSupplies {
  readonly bases: readonly Base[];
  /** How go runs. */
  readonly go: GoCommand;
  /** Folders of modules that it runs in. */
  readonly directories: readonly string[];
}

/** {@link newBuilder}, of what is settled already. */
export class GoBuilder implements Builder {
  #cache: Promise<LayerCache> | undefined;
  readonly #bases: BaseSet[] = [];
  readonly #documents: ImageDocuments;
  readonly #made = new WeakMap<BuiltImage, MadeImage>();

  /** @param lock what images may be built from, and nothing else */
  constructor(readonly config: BuildConfig, readonly lock?: BuildLock) {
    this.#documents = new ImageDocuments(config);
  }

  async prepare(importpaths: readonly string[], o: PrepareOptions = {}): Promise<PreparedBuild> {
    const { config, lock } = this;
    await this.#documents.checkKey(o);
    o.emit?.({ type: "stage", image: "", platform: "", stage: "listing", elapsedMs: 0 });
    const how = this.#go(o.signal);
    const templates = new Templates(config, how, o.emit);
    const environment = checkedEnvironment(how);
    const bases = new BaseSet(config, o, async () => {
      const [{ GOROOT: goroot }, cache] = await Promise.all([environment, this.#openCache()]);
      return { goroot, cache };
    });
    this.#bases.push(bases);
    // It is made ready while go lists packages; whoever needs it is told of its failure.
    this.#openCache().catch(() => {});
    // Without a file that names others it is the only one: no need to wait for the packages.
    const one = config.builds.length + Object.keys(config.baseImageOverrides).length === 0 &&
      lock?.check === undefined;
    // All three only look; the slowest decides. A failure is told after all have ended.
    const [found, { GOFLAGS: goFlags }] = await allEnded([
      findPackages(templates, importpaths),
      environment,
      one ? bases.open(config.image) : undefined,
    ]).finally(() => o.signal?.throwIfAborted());
    const chosen = o.choose?.(found.map(({ importPath }) => importPath));
    const packages = found.filter(({ importPath }) => chosen?.has(importPath) ?? true);
    const requests = await Promise.all(packages.map(async (p) => {
      const { importPath } = p;
      const image = imageConfigOf(config, importPath, p.entry);
      // Refused here, before anything is compiled.
      capabilityAttribute(image.linuxCapabilities);
      const baseDigest = lock?.baseDigest(importPath, image.baseImage);
      const { images } = await bases.open({ ...image, baseDigest }).catch((error) => {
        lock?.checkBase(importPath, image.baseImage);
        throw error;
      });
      return { ...p, image, baseDigest, platforms: images.map(({ platform }) => platform) };
    }));
    const plan = await this.#debugged(await templates.expand(makePlan(config.go, requests)), o);
    checkSboms(plan.images.map(({ importPath }) => importPath), config);
    await refuseToolexecOf(plan, how);
    // Before an image is written, which may be into the checkout.
    const sources = config.provenance ? await sourcesOf(plan, how, o.emit) : new Map();
    const prepared = new Prepared(plan, bases, { goFlags, sources });
    if (lock?.check !== undefined) lock.check(await this.inputs(prepared, o));
    return prepared;
  }

  /** A plan whose programs can be debugged, where that is asked for. */
  async #debugged(plan: BuildPlan, { emit }: WorkOptions): Promise<BuildPlan> {
    const { debug } = this.config;
    if (debug === undefined) return plan;
    const { checkDebugged, debuggedArchitectures } = await import("./debugger.ts");
    checkDebugged(plan.images, await debuggedArchitectures(debug), debug, emit);
    for (const { go: { ldflags }, binaries: [one] } of plan.groups) {
      if (!ldflags.some((text) => /(?:^|\s)--?[sw](?:\s|$)/.test(text))) continue;
      const message = `Warning: the linker flags of ${one?.importPath} (-s, -w) leave out what a ` +
        "debugger reads; build without them to debug";
      emit?.({ type: "note", level: "warning", message });
    }
    const groups = plan.groups.map((group) => ({
      ...group,
      go: { ...group.go, disableOptimizations: true },
    }));
    return { ...plan, groups };
  }

  /** What the images that were prepared are built from, beside their sources. */
  async inputs(
    prepared: PreparedBuild,
    { signal }: WorkOptions = {},
  ): Promise<readonly ImageInputs[]> {
    const { plan, bases } = ofThisBuilder(prepared);
    // Most builds do not wait for what only these need.
    const { inputsOf } = await import("./inputs.ts");
    return await inputsOf(plan, { bases, command: this.config.go.command, signal });
  }

  /** The import path of the main package in a folder, as ko's `QualifyImport`. */
  async qualify(folder: string, o: WorkOptions = {}): Promise<string> {
    const templates = new Templates(this.config, this.#go(o.signal), o.emit);
    const [main] = await findPackages(templates, [folder]);
    return main?.importPath ?? folder;
  }

  async *build(prepared: PreparedBuild, o: BuildCallOptions = {}): AsyncGenerator<BuiltImage> {
    const known = ofThisBuilder(prepared);
    const cache = await this.#openCache();
    let keyOpened: Promise<void> | undefined;
    const onCompile = () => {
      keyOpened ??= this.#documents.openKey(o);
      keyOpened.catch((error) => run.abort(error));
    };
    const options = { made: this.#made, onCompile, pinned: this.lock?.delve, ...o };
    const run = new BuildRun(this.config, cache, known, options);
    try {
      for await (const image of inOrderOfCompletion(run.images)) {
        // No image leaves the builder where nobody can sign it.
        await keyOpened;
        yield image;
      }
    } catch (error) {
      o.signal?.throwIfAborted();
      throw run.signal.aborted ? run.signal.reason : error;
    } finally {
      run.abort(new KodenoError("INTERRUPTED", "The build was left early"));
      await Promise.allSettled([...run.images, ...run.groups]);
    }
  }

  async attachments(image: BuiltImage, o: WorkOptions = {}): Promise<readonly Attachment[]> {
    return await this.#documents.of(image, this.#made.get(image), o);
  }

  async attested(image: BuiltImage, o: WorkOptions = {}): Promise<BuiltImage> {
    return await this.#documents.within(image, this.#made.get(image), o);
  }

  /** What prepared images are built from; of nothing it is what go has in the folder. */
  async suppliesOf(
    prepared: PreparedBuild | undefined,
    signal?: AbortSignal,
  ): Promise<BuildSupplies> {
    const go = this.#go(signal);
    if (!(prepared instanceof Prepared)) return { bases: [], go, directories: [go.directory] };
    const directories = new Set(prepared.plan.images.map(({ directory }) => directory));
    return {
      bases: await prepared.bases.all(),
      go,
      directories: [...directories].sort(),
    };
  }

  async statements(
    image: BuiltImage,
    published: BuiltImage,
    o: WorkOptions = {},
  ): Promise<readonly ToSign[]> {
    return await this.#documents.toSign({ image, published }, this.#made.get(image), o);
  }

  async evict(digest: string): Promise<boolean> {
    const cache = await this.#openCache();
    return await cache.evict(digest) || await evictBaseBlob(this.config.cache.directory, digest);
  }

  async close(): Promise<void> {
    for (const bases of this.#bases.splice(0)) await bases[Symbol.asyncDispose]();
    const cache = await this.#cache;
    await cache?.close();
    // Binaries stay even where layers are not to be kept.
    if (cache?.wrote) await shrinkCache(this.config.cache, cache);
  }

  #openCache(): Promise<LayerCache> {
    return this.#cache ??= openLayers(this.config.cache);
  }

  /** What go is asked before a platform is chosen: for the first one wanted. */
  #go(signal: AbortSignal | undefined): GoCommand {
    const { go, image: { platforms, go: { env } }, workingDirectory } = this.config;
    const { os = "linux", architecture = "amd64" } = platforms === "all" ? {} : platforms[0] ?? {};
    const environment = goVariables({ os, architecture }, { ...go, env });
    return { command: go.command, environment, directory: workingDirectory, signal };
  }
}

function ofThisBuilder(prepared: PreparedBuild): Prepared {
  if (prepared instanceof Prepared) return prepared;
  const message = "Cannot build: prepare() of this builder has to say what";
  throw new KodenoError("BAD_OPTION", message);
}

/** What a build needs of `go env`, whose flags name no `-toolexec`: `go env -w` can set GOFLAGS, too. */
async function checkedEnvironment(how: GoCommand) {
  const environment = await goEnvironment(how, ["GOROOT", "GOFLAGS"]);
  refuseToolexecIn(environment.GOFLAGS);
  return environment;
}

/** Variables by which go finds its flags, or settings of its own where `-toolexec` may stand, too. */
const SETTINGS = ["GOFLAGS", "GOENV", "HOME", "XDG_CONFIG_HOME", "AppData", "GOROOT"];

/** Asks go for the flags of each run whose configuration names other settings. */
async function refuseToolexecOf({ groups }: BuildPlan, how: GoCommand): Promise<void> {
  const asked = new Map<string, Promise<unknown>>();
  for (const { directory, environment } of groups) {
    const differs = SETTINGS.some((name) => environment[name] !== how.environment[name]);
    const isRelative = environment["GOENV"] && !isAbsolute(environment["GOENV"]);
    if (!differs && !(isRelative && directory !== how.directory)) continue;
    const key = JSON.stringify([directory, ...SETTINGS.map((name) => environment[name])]);
    getOrSet(asked, key, () => checkedEnvironment({ ...how, directory, environment }));
  }
  await Promise.all(asked.values());
}

/** What git says of the folders that go runs in; where it says nothing, a warning. */
async function sourcesOf(
  { groups }: BuildPlan,
  { environment, signal }: GoCommand,
  emit: Emit | undefined,
): Promise<ReadonlyMap<string, GitSource>> {
  const found = new Map<string, GitSource>();
  for (const directory of new Set(groups.map((group) => group.directory))) {
    const source = await gitSource({ directory, environment, signal });
    if (typeof source !== "string") found.set(directory, source);
    else {
      const message = `Warning: no commit is in the provenance of what is built in ${directory}: ` +
        source;
      emit?.({ type: "note", level: "warning", message });
    }
  }
  return found;
}

async function* inOrderOfCompletion<T>(work: readonly Promise<T>[]): AsyncGenerator<T> {
  const open = new Map(work.map((one, i) => [i, one.then((value) => ({ i, value }))]));
  while (open.size > 0) {
    const { i, value } = await Promise.race(open.values());
    open.delete(i);
    yield value;
  }
}

/** Progress within a layer is told every so many bytes. */
const TELL_BYTES = 8 * 1024 * 1024;
/** Milliseconds between two events about packages that were compiled. */
const TELL_MS = 250;

/** A plan with the bases it was made for. */
class Prepared implements PreparedBuild {
  readonly importPaths: readonly string[];
  readonly platforms: readonly string[];

  constructor(
    readonly plan: BuildPlan,
    readonly bases: BaseSet,
    /** What is told of the build. */
    readonly facts: {
      readonly goFlags: string;
      /** By the folder that go runs in. */
      readonly sources: ReadonlyMap<string, GitSource>;
    },
  ) {
    this.importPaths = plan.images.map(({ importPath }) => importPath);
    const platforms = plan.images.flatMap((image) => image.platforms.map(formatPlatform));
    this.platforms = [...new Set(platforms)];
  }
}

interface RunOptions extends BuildCallOptions {
  /** Gets how each image was made. */
  readonly made: Pick<WeakMap<BuiltImage, MadeImage>, "set">;
  /** The debugger that is locked. */
  readonly pinned: DelveVersion | undefined;
  /** Told of each package that is compiled: something is new. */
  readonly onCompile: () => void;
}

/** One run: all groups of a plan, bounded by the number of jobs, and the images that become of them. */
class BuildRun {
  readonly #began = performance.now();
  readonly #builds: Pool;
  readonly #layers: Pool;
  readonly #git = new Map<string, Promise<Readonly<Record<string, string>>>>();
  /** Packages that were compiled by platform, and when that was told. */
  readonly #packages = new Map<string, { packages: number; told: number }>();
  /** Binaries by import path and platform, settled by the group that makes them. */
  readonly #binaries = new Map<string, PromiseWithResolvers<Binary>>();
  #debuggers: Promise<Debuggers> | undefined;
  readonly groups: readonly Promise<void>[];
  readonly images: readonly Promise<BuiltImage>[];
  /** Ends all that goes on; the first failure does so, too. */
  readonly abort: (reason: unknown) => void;
  readonly signal: AbortSignal;

  /** Starts everything. */
  constructor(
    readonly config: BuildConfig,
    readonly cache: LayerCache,
    readonly prepared: Prepared,
    readonly options: RunOptions,
  ) {
    ({ signal: this.signal, abort: this.abort } = abortable(options.signal));
    this.#builds = new Pool(config.jobs);
    this.#layers = new Pool(config.jobs);
    const { plan, importPaths } = prepared;
    const wanted = new Set(options.only ?? importPaths);
    this.groups = plan.groups.map(async (group) => {
      const binaries = group.binaries.filter(({ importPath }) => wanted.has(importPath));
      if (binaries.length === 0) return;
      await this.#buildGroup({ ...group, binaries }).catch((error) => {
        for (const { importPath } of binaries) {
          this.#binary(importPath, group.platformName).reject(error);
        }
      });
    });
    this.images = plan.images.filter(({ importPath }) => wanted.has(importPath))
      .map((image) => this.#image(image));
    for (const one of this.images) one.catch(this.abort);
  }

  #binary(importPath: string, platform: string): PromiseWithResolvers<Binary> {
    return getOrSet(this.#binaries, `${importPath} ${platform}`, () => {
      const awaited = Promise.withResolvers<Binary>();
      awaited.promise.catch(() => {});
      return awaited;
    });
  }

  async #buildGroup(group: BuildGroup): Promise<void> {
    const { platformName, platform: { os }, binaries } = group;
    const output = outputDirectory(binaryRoot(this.config.cache.directory), group);
    // Its own until the layers are written: another process may build into the same folder.
    await withBinaryFolder(output, async (made) => {
      const build = (files: readonly string[]) => {
        const wanted = binaries.filter(({ file }) => files.includes(file));
        return this.#compile({ ...group, binaries: wanted }, output);
      };
      await made.make(binaries.map(({ file }) => file), build);
      await this.#all(binaries.map(async ({ importPath, file }) => {
        const planned = this.prepared.plan.images.find((one) => one.importPath === importPath);
        const make = async (): Promise<Binary> => {
          const record = made.records.get(file);
          if (record === undefined) throw new Error(`${file} was not made`);
          const binary = { path: join(output, file), ...record };
          const { appName = file, image } = planned ?? {};
          const plan = planBinaryLayer(binary, appName, os, image?.linuxCapabilities);
          const needs = await needsOf(binary.path);
          return { needs, group, layer: await this.#layer(plan, importPath, platformName) };
        };
        const binary = await make().catch(async (error) => {
          if (!hasCode(error, "BAD_CONTENT")) throw error;
          // It was damaged in the cache, which showed when it was read.
          await made.remake([file], build);
          return await make();
        });
        this.#binary(importPath, platformName).resolve(binary);
      }));
    }, this.signal);
  }

  /** Runs go for a group. */
  async #compile(group: BuildGroup, output: string): Promise<void> {
    const { signal, options: { emit }, config: { go: { command } } } = this;
    const { platformName, directory, binaries } = group;
    await this.#builds.run(async () => {
      for (const { importPath } of binaries) this.#stage(importPath, platformName, "compiling");
      const args = buildArguments(group, output).join(" ");
      emit?.({ type: "note", level: "verbose", message: `${basename(command)} ${args}` });
      // One platform after the other is finished, so that the layers of the first are written while
      // the next ones compile; those still use whatever the first leaves idle.
      const niceness = Math.min(19, 10 * this.prepared.platforms.indexOf(platformName));
      // Of all that is said for a build only what the configuration adds can be another for git.
      const key = JSON.stringify([directory, group.go.env]);
      const variables = isStamped(group)
        ? await getOrSet(this.#git, key, () => stampVariables(group, signal))
        : {};
      const how = { command, signal, niceness, variables };
      const printed = await buildGroup(how, group, output, () => this.#compiled(platformName));
      if (printed.trim() === "") return;
      emit?.({ type: "note", level: "info", message: printed.trimEnd() });
    });
  }

  async #image(image: PlannedImage): Promise<BuiltImage> {
    const { importPath, appName } = image;
    const { bases, facts: { goFlags, sources } } = this.prepared;
    const base = await bases.open({ ...image.image, baseDigest: image.baseDigest });
    const options = { ...image.image, kodataTime: this.config.kodataTime };
    const kodata = new Map<string, Promise<Layer>>();
    let debug: Debugger | undefined;
    const made = await this.#all(base.images.map(async (one): Promise<PlatformImage> => {
      const { os } = one.platform;
      const [data, binary] = await this.#all([
        // All but Windows have the same.
        getOrSet(kodata, os === "windows" ? os : "others", () => this.#kodata(image, os)),
        this.#binary(importPath, formatPlatform(one.platform)).promise,
      ]);
      const { group: { environment }, needs } = binary;
      const runner = await this.#debugger(binary.group, importPath);
      debug ??= runner;
      const onBase = { image, base: one, needs, environment };
      await warnOfBase(onBase, bases, { signal: this.signal, emit: this.options.emit });
      const own = { kodata: data, binary: binary.layer, debugger: runner };
      const parts = { importPath, appName, ...own };
      return assembleImage(one, base.name, parts, options);
    }));
    const parts = made as [PlatformImage, ...PlatformImage[]];
    const built = builtImage(importPath, parts, base, options);
    const source = sources.get(image.directory);
    this.options.made.set(built, { planned: image, base, goFlags, source, debugger: debug?.name });
    return built;
  }

  /** The debugger of an image for the platform of a run of go; nothing where it has none. */
  async #debugger(group: BuildGroup, importPath: string): Promise<Debugger | undefined> {
    const { config, signal, options: { emit, pinned } } = this;
    const { debug } = config;
    if (debug === undefined) return undefined;
    this.#debuggers ??= import("./debugger.ts").then(async (code) => {
      const architectures = await code.debuggedArchitectures(debug);
      const turn = <T>(work: () => Promise<T>) => this.#builds.run(work);
      const write = (plan: LayerPlan) => this.#layer(plan, importPath, group.platformName);
      const parts = { config, architectures, pinned, turn, write, emit, signal };
      return new code.Debuggers(parts, debug);
    });
    return await (await this.#debuggers).of(group);
  }

  /**
   * As `Promise.all`; a failure ends the others at once, and is told when they have ended: what is
   * writing a layer has to take it back.
   */
  #all<T extends readonly Promise<unknown>[]>(parts: readonly [...T]) {
    for (const part of parts) part.catch(this.abort);
    return allEnded(parts);
  }

  async #kodata(image: PlannedImage, os: string): Promise<Layer> {
    const { kodataTime: mtime, kodataAllowedRoot: allowedRoot, cache, compression } = this.config;
    const how = { os, mtime, allowedRoot, cache: cache.directory };
    const plan = await planKodataLayer(image.packageDirectory, how);
    const { signal } = this;
    return await this.#layers.run(() => this.cache.layer(plan, { compression, signal }));
  }

  async #layer(plan: LayerPlan, image: string, platform: string): Promise<Layer> {
    const { signal, options: { emit }, config: { compression } } = this;
    return await this.#layers.run(async () => {
      this.#stage(image, platform, "layering");
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

  #compiled(platform: string): void {
    this.options.onCompile();
    const now = performance.now();
    const so = getOrSet(this.#packages, platform, () => ({ packages: 0, told: -Infinity }));
    so.packages++;
    if (now - so.told < TELL_MS) return;
    so.told = now;
    this.options.emit?.({ type: "compiled", platform, packages: so.packages });
  }

  #stage(image: string, platform: string, stage: Stage, bytes?: number): void {
    const elapsedMs = Math.round(performance.now() - this.#began);
    const size = bytes === undefined ? {} : { bytes };
    this.options.emit?.({ type: "stage", image, platform, stage, elapsedMs, ...size });
  }
}

/** A binary as a layer, what it needs to start, and the run of go that made it. */
interface Binary {
  readonly layer: Layer;
  readonly needs: Needs | undefined;
  readonly group: BuildGroup;
}

/** Whether go asks git about the checkout, where there is one. */
function isStamped({ environment, go }: BuildGroup): boolean {
  return !flagsIn(environment, go.flags).findLast((word) => /^--?buildvcs(=|$)/.test(word))
    ?.endsWith("=false");
}

/**
 * Variables for the git that go runs to stamp binaries with the commit of their checkout: it runs none
 * of the programs that the checkout names.
 */
async function stampVariables(
  { directory, environment }: BuildGroup,
  signal: AbortSignal | undefined,
): Promise<Readonly<Record<string, string>>> {
  if (findUp(directory, ".git") === undefined) return {};
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
