/**
 * The builder: import paths to images. Builds of different platforms and the writing of layers
 * overlap; an image comes out as soon as its last layer is there.
 * @module
 */
import { isAbsolute } from "node:path";
import { type BuildConfig, imageConfigOf, resolveBuildConfig } from "../config/config.ts";
import { refuseToolexec } from "../config/checks.ts";
import type { BuildOptions } from "../config/options.ts";
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import type { GoCommand } from "../go/command.ts";
import { goEnvironment } from "../go/list.ts";
import type { BuiltImage } from "../image/assemble.ts";
import type { LayerCache } from "../layers/cache.ts";
import { capabilityAttribute } from "../layers/binary_layer.ts";
import { LINUX_ARCHITECTURES } from "../oci/platform.ts";
import { type BuildGroup, type BuildPlan, goVariables, makePlan } from "./plan.ts";
import { undisturbed } from "../undisturbed.ts";
import { BaseSet, evictBaseBlob } from "./bases.ts";
import { BuildRun, Prepared } from "./build_run.ts";
import { openLayers, shrinkCache } from "./cache.ts";
import { expandPlan } from "./templates.ts";
import { findPackages } from "./packages.ts";

/** What is to be built, checked: packages are main, platforms are in the base. */
export interface PreparedBuild {
  /** Import path of each package an image is made of. */
  readonly importPaths: readonly string[];
  /** `os/arch[/variant]` each. */
  readonly platforms: readonly string[];
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
  prepare(importpaths: readonly string[], options?: WorkOptions): Promise<PreparedBuild>;
  /**
   * Builds what was prepared; images come in the order they are finished.
   *
   * @throws {KodenoError} `GO_FAILED` with the compiler's lines, and what reading and writing gives
   */
  build(prepared: PreparedBuild, options?: BuildCallOptions): AsyncIterable<BuiltImage>;
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
  return openBuilder(undisturbed(() => resolveBuildConfig(options)));
}

/** {@link newBuilder}, of what is settled already. */
export function openBuilder(config: BuildConfig): Builder {
  return new GoBuilder(config);
}

class GoBuilder implements Builder {
  #cache: Promise<LayerCache> | undefined;
  readonly #bases: BaseSet[] = [];

  constructor(readonly config: BuildConfig) {}

  async prepare(importpaths: readonly string[], o: WorkOptions = {}): Promise<PreparedBuild> {
    const { config } = this;
    o.emit?.({ type: "stage", image: "", platform: "", stage: "listing", elapsedMs: 0 });
    const how = this.#go(o.signal);
    // All three only look; the slowest decides. A failure is told after all have ended.
    let environment: Promise<CheckedEnvironment> | undefined;
    const go = () => environment ??= this.#checkedEnvironment(how);
    const cache = () => this.#openCache();
    const bases = new BaseSet(config, { cache, go, signal: o.signal, emit: o.emit });
    this.#bases.push(bases);
    // Without a file that names others it is the only one: no need to wait for the packages.
    const one = config.builds.length + Object.keys(config.baseImageOverrides).length === 0;
    const [found, base, checked] = await Promise.allSettled([
      findPackages(config, how, importpaths),
      one ? bases.open(config.image) : undefined,
      go(),
    ]);
    o.signal?.throwIfAborted();
    const packages = valueOf(found);
    valueOf(checked);
    valueOf(base);
    const requests = await Promise.all(packages.map(async (p) => {
      const image = imageConfigOf(config, p.importPath, p.entry);
      // Refused here, before anything is compiled.
      capabilityAttribute(image.linuxCapabilities);
      const { images } = await bases.open(image);
      return { ...p, image, platforms: images.map(({ platform }) => platform) };
    }));
    const plan = makePlan(config.go, requests);
    const expanded = await expandPlan(plan, { config, how, emit: o.emit });
    await refuseToolexecOf(expanded, how);
    return new Prepared(expanded, bases);
  }

  async *build(prepared: PreparedBuild, o: BuildCallOptions = {}): AsyncGenerator<BuiltImage> {
    if (!(prepared instanceof Prepared)) {
      throw new KodenoError(
        "BAD_OPTION",
        "Cannot build: prepare() of this builder has to say what",
      );
    }
    // The first failure ends the other builds, too.
    const failed = new AbortController();
    const signal = o.signal ? AbortSignal.any([o.signal, failed.signal]) : failed.signal;
    const chosen = o.only ? prepared.only(new Set(o.only)) : prepared;
    const run = new BuildRun(this.config, await this.#openCache(), chosen, { ...o, signal });
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

  async evict(digest: string): Promise<boolean> {
    const cache = await this.#openCache();
    return await cache.evict(digest) || await evictBaseBlob(this.config.cache.directory, digest);
  }

  async close(): Promise<void> {
    for (const bases of this.#bases.splice(0)) await bases[Symbol.asyncDispose]();
    if (this.#cache === undefined) return;
    const cache = await this.#cache;
    await cache.close();
    // Binaries stay even where layers are not to be kept.
    if (cache.wrote) await shrinkCache(this.config.cache, cache);
  }

  #openCache(): Promise<LayerCache> {
    return this.#cache ??= openLayers(this.config.cache);
  }

  /** What go is asked before a platform is chosen: for the first one wanted. */
  #go(signal: AbortSignal | undefined): GoCommand {
    const { go, image: { platforms, go: { env } }, workingDirectory } = this.config;
    const { os = "linux", architecture = LINUX_ARCHITECTURES[1] ?? "amd64" } = platforms === "all"
      ? {}
      : platforms[0] ?? {};
    const environment = goVariables({ os, architecture }, { ...go, env });
    return { command: go.command, environment, directory: workingDirectory, signal };
  }

  /** `go env -w` can set GOFLAGS, too. */
  async #checkedEnvironment(how: GoCommand): Promise<CheckedEnvironment> {
    const environment = await goEnvironment(how, ["GOROOT", "GOFLAGS"]);
    refuseToolexec("GOFLAGS", environment.GOFLAGS.split(/\s+/));
    return environment;
  }
}

/** What a build needs of `go env`; its flags name no `-toolexec`. */
type CheckedEnvironment = Readonly<Record<"GOROOT" | "GOFLAGS", string>>;

/** Variables by which go finds settings of its own, where `-toolexec` may stand, too. */
const SETTINGS = ["GOENV", "HOME", "XDG_CONFIG_HOME", "AppData", "GOROOT"];

/** Asks go for the flags of each run whose configuration names other settings. */
async function refuseToolexecOf({ groups }: BuildPlan, how: GoCommand): Promise<void> {
  const asked = new Map<string, BuildGroup>();
  for (const group of groups) {
    const { directory, environment } = group;
    const differs = SETTINGS.some((name) => environment[name] !== how.environment[name]);
    const isRelative = environment["GOENV"] && !isAbsolute(environment["GOENV"]);
    if (!differs && !(isRelative && directory !== how.directory)) continue;
    asked.set(JSON.stringify([directory, ...SETTINGS.map((name) => environment[name])]), group);
  }
  await Promise.all([...asked.values()].map(async ({ directory, environment }) => {
    const { GOFLAGS } = await goEnvironment({ ...how, directory, environment }, ["GOFLAGS"]);
    refuseToolexec("GOFLAGS", GOFLAGS.split(/\s+/));
  }));
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
