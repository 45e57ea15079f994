/**
 * The debugger of an image: which platforms get one, and its layer, of a program that was built once and is
 * kept with the binaries of the cache, or of a file.
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { BuildConfig } from "../config/config.ts";
import { hasCode, KodenoError } from "../errors.ts";
import type { Emit, WorkOptions } from "../events.ts";
import type { GoCommand } from "../go/command.ts";
import { buildDelve, DELVE_FILE, type DelveVersion, usualDelve } from "../go/delve.ts";
import { elfArchitecture, needsOf } from "../go/elf.ts";
import { goEnvironment } from "../go/list.ts";
import type { Debugger } from "../image/assemble.ts";
import { getOrSet } from "../io/concurrency.ts";
import { ioFailure, isFile } from "../io/files.ts";
import { hashedFile } from "../io/streams.ts";
import { planBinaryLayer } from "../layers/binary_layer.ts";
import type { Layer, LayerPlan } from "../layers/layer.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import { binaryRoot, withBinaryFolder } from "./binaries.ts";
import type { BuildGroup, PlannedImage } from "./plan.ts";

/** The settings of a debugger; images have one where they are there. */
type DebugConfig = NonNullable<BuildConfig["debug"]>;

/** Architectures of Linux that ko gives Delve to. */
const ARCHITECTURES: readonly string[] = ["amd64", "arm64"];
/** Variables beside the platform that shape what go makes of the same module. */
const SHAPING = ["GOAMD64", "GOARM64", "GOEXPERIMENT", "GOFIPS140"] as const;

/** Architectures of Linux whose images get a debugger; of a file, the one that it is for. */
export async function debuggedArchitectures({ file }: DebugConfig): Promise<readonly string[]> {
  if (file === undefined) return ARCHITECTURES;
  const architecture = isFile(file) ? await elfArchitecture(file) : undefined;
  if (architecture !== undefined) return [architecture];
  const why = isFile(file)
    ? "it is no program for Linux (ELF) of an architecture that is known"
    : "there is no such file";
  throw new KodenoError("BAD_OPTION", `Cannot use debugger ${file}: ${why}; name one that dlv is`);
}

/**
 * Refuses platforms that were asked for by name and that the debugger does not run on; of all platforms
 * of a base, those get none.
 *
 * @throws {KodenoError} `BAD_OPTION`
 */
export function checkDebugged(
  images: readonly Pick<PlannedImage, "image" | "importPath" | "platforms">[],
  architectures: readonly string[],
  { file }: DebugConfig,
  emit: Emit | undefined,
): void {
  const what = file === undefined ? "Delve" : `debugger ${file}`;
  const known = architectures.map((one) => `linux/${one}`).join(" and ");
  for (const { importPath, image, platforms } of images) {
    const others = platforms.filter((one) => !runsOn(one, architectures)).map(formatPlatform);
    if (others.length === 0) continue;
    const list = others.join(", ");
    if (image.platforms === "all" && others.length < platforms.length) {
      const message = `Note: ${importPath} gets no debugger for ${list}: ${what} is for ${known}`;
      emit?.({ type: "note", level: "warning", message });
      continue;
    }
    const message = `Cannot build ${importPath} for ${list} with a debugger: ${what} is for ` +
      `${known}; say these platforms, or build without --debug`;
    throw new KodenoError("BAD_OPTION", message);
  }
}

const runsOn = ({ os, architecture }: Platform, architectures: readonly string[]): boolean =>
  os === "linux" && architectures.includes(architecture);

/** What a run of a build does for debuggers. */
interface DebuggerParts extends WorkOptions {
  readonly config: BuildConfig;
  readonly architectures: readonly string[];
  /** What is locked. */
  readonly pinned: DelveVersion | undefined;
  /** Waits till go may run. */
  readonly turn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly write: (plan: LayerPlan) => Promise<Layer>;
}

/** The debuggers of one run of a build: one for each platform and version of Go. */
export class Debuggers {
  readonly #made = new Map<string, Promise<Debugger>>();
  /** What go calls itself, by where and how it runs: for the binaries of many images. */
  readonly #versions = new Map<string, ReturnType<typeof goEnvironment<"GOVERSION">>>();

  constructor(readonly parts: DebuggerParts, readonly asked: DebugConfig) {}

  /** That of a binary, by the run of go that has made it; nothing for a platform without. */
  async of({ platform, directory, environment }: BuildGroup): Promise<Debugger | undefined> {
    const { asked: { file }, parts: { architectures, config: { go }, signal } } = this;
    if (!runsOn(platform, architectures)) return undefined;
    if (file !== undefined) return await getOrSet(this.#made, file, () => this.#ofFile(file));
    const how = { command: go.command, directory, environment, signal };
    const key = JSON.stringify([directory, environment]);
    const asking = getOrSet(this.#versions, key, () => goEnvironment(how, ["GOVERSION"]));
    const { GOVERSION: version } = await asking;
    const { os, architecture } = platform;
    return await getOrSet(this.#made, `${version} ${architecture}`, () =>
      this.#delve(version, {
        ...how,
        environment: { ...go.environment, GOOS: os, GOARCH: architecture },
      }));
  }

  async #ofFile(path: string): Promise<Debugger> {
    try {
      const needs = await needsOf(path);
      if (needs !== undefined) {
        const message = `Warning: debugger ${path} starts only on a base image that has ` +
          `${needs.interpreter}; one that is linked statically (CGO_ENABLED=0) starts on any`;
        this.parts.emit?.({ type: "note", level: "warning", message });
      }
      const content = await hashedFile(await Deno.open(path));
      const plan = planBinaryLayer({ path, ...content }, DELVE_FILE, "linux");
      return { layer: await this.parts.write(plan), name: `file:${content.digest}` };
    } catch (error) {
      if (error instanceof KodenoError) throw error;
      throw ioFailure(`read debugger ${path}`, error);
    }
  }

  async #delve(goVersion: string, how: GoCommand): Promise<Debugger> {
    const { asked: { delve }, parts: { pinned, config, turn, write, emit, signal } } = this;
    const version = delve ?? pinned?.version ?? usualDelve(goVersion);
    const wanted = { version, sum: version === pinned?.version ? pinned.sum : undefined };
    const { GOARCH: architecture } = how.environment;
    const shaping = SHAPING.map((name) => how.environment[name] ?? "");
    const key = JSON.stringify([Deno.uid(), wanted, goVersion, architecture, shaping]);
    const name = createHash("sha256").update(key).digest("hex").slice(0, 32);
    const folder = join(binaryRoot(config.cache.directory), name);
    const path = join(folder, DELVE_FILE);
    const build = () =>
      turn(async () => {
        const onBuild = () => {
          const message = `Building Delve ${version} for linux/${architecture}`;
          emit?.({ type: "note", level: "info", message });
        };
        const directory = await Deno.makeTempDir({ prefix: "kodeno-" });
        try {
          await buildDelve({ ...how, directory }, wanted, goVersion, { path, onBuild });
        } finally {
          await Deno.remove(directory, { recursive: true }).catch(() => {});
        }
      });
    const layer = await withBinaryFolder(folder, async (made) => {
      const writeLayer = async (): Promise<Layer> => {
        const record = made.records.get(DELVE_FILE);
        if (record === undefined) throw new Error(`${path} was not made`);
        return await write(planBinaryLayer({ path, ...record }, DELVE_FILE, "linux"));
      };
      // Of one version there is nothing new, so that go is not asked.
      if (made.records.has(DELVE_FILE) && isFile(path)) {
        try {
          return await writeLayer();
        } catch (error) {
          if (!hasCode(error, "BAD_CONTENT")) throw error;
        }
      }
      await made.remake([DELVE_FILE], build);
      return await writeLayer();
    }, signal);
    return { layer, name: `delve@${version}` };
  }
}
