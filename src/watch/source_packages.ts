/**
 * The packages that images are built of: which runs of `go list` it takes to know them, and whose
 * they are.
 * @module
 */
import { type BuildConfig, imageConfigOf } from "../config/config.ts";
import type { ImageConfig } from "../config/image_config.ts";
import { selectListFlags } from "../go/list.ts";
import type { GoCommand } from "../go/command.ts";
import { closureOf, listSources, type SourceList, type SourcePackage } from "../go/sources.ts";
import { goEnvironment } from "../go/list.ts";
import { moduleFiles, profileOf } from "../go/sources.ts";
import { groupPatterns } from "../go/patterns.ts";
import { isBuiltinBase, scratchBase } from "../image/builtin_base.ts";
import type { Platform } from "../oci/platform.ts";
import { selectMains } from "../go/list.ts";
import { goVariables, makePlan } from "../build/plan.ts";
import type { WorkOptions } from "../events.ts";
import { findPackages } from "../build/packages.ts";

/** What an image is built of. */
export interface ImageSources {
  readonly importPath: string;
  /** Folder of the main package; absolute. */
  readonly packageDirectory: string;
  /** The main package and all it depends on, as far as they are the user's own. */
  readonly packages: readonly SourcePackage[];
  /** Other files that go reads; absolute, not all are there. */
  readonly more: readonly string[];
  /** Whether it is for Windows only. */
  readonly windows: boolean;
}

/** One run of `go list`, and the images whose packages it tells. */
interface Run {
  readonly how: GoCommand;
  readonly flags: readonly string[];
  /** All flags of `go build`. */
  readonly allFlags: readonly string[];
  readonly os: string;
  readonly patterns: readonly string[];
}

/**
 * Finds the packages of the images that patterns name, with one run of `go list` for each platform,
 * folder and set of flags.
 *
 * @throws {KodenoError} `BAD_PACKAGE`, `BAD_OPTION`, `BAD_PLATFORM`, `GO_FAILED`
 */
export async function findSources(
  config: BuildConfig,
  patterns: readonly string[],
  work: WorkOptions = {},
): Promise<readonly ImageSources[]> {
  const { image, builds, baseImageOverrides } = config;
  const flags = selectListFlags(image.go.flags);
  // Where all images are built alike, the run that lists everything finds them, too.
  const alike = builds.length + Object.keys(baseImageOverrides).length === 0 &&
    !flags.some((flag) => flag.includes("{{"));
  const runs = alike
    ? await runsOfPatterns(config, patterns, work)
    : await runsOfPackages(config, patterns, work);
  const listed = await Promise.all(runs.map((run) => list(run, !alike)));
  const faults = new Set(listed.flatMap((one) => one.sources.faults));
  for (const fault of faults) {
    const message = `go cannot read all packages: ${fault}`;
    work.emit?.({ type: "note", level: "warning", message });
  }
  return join(listed);
}

/** One run for each folder and platform, with the patterns as they are. */
async function runsOfPatterns(
  config: BuildConfig,
  patterns: readonly string[],
  work: WorkOptions,
): Promise<readonly Run[]> {
  const { image, go, workingDirectory } = config;
  const [groups, platforms] = await Promise.all([
    groupPatterns(workingDirectory, patterns),
    platformsOf(config, image, work),
  ]);
  return groups.flatMap((group) =>
    platforms.map((platform): Run => ({
      how: command(config, group.directory, goVariables(platform, { ...go, ...image.go }), work),
      flags: selectListFlags(image.go.flags),
      allFlags: image.go.flags,
      os: platform.os,
      patterns: group.patterns,
    }))
  );
}

/** The packages are looked for first, then one run for each group of them that go can build. */
async function runsOfPackages(
  config: BuildConfig,
  patterns: readonly string[],
  work: WorkOptions,
): Promise<readonly Run[]> {
  const { go, image, workingDirectory } = config;
  const [platform = HOST] = await platformsOf(config, image, work);
  const variables = goVariables(platform, { ...go, ...image.go });
  const how = command(config, workingDirectory, variables, work);
  const found = await findPackages(config, how, patterns);
  const requests = await Promise.all(found.map(async (one) => {
    const image = imageConfigOf(config, one.importPath, one.entry);
    const flags = image.go.flags.filter((flag) => !flag.includes("{{"));
    const listFlags = selectListFlags(image.go.flags);
    // Templates of other flags may ask for what is there only when images are built.
    const go = { ...image.go, flags: [...listFlags, ...flags], ldflags: [] };
    return {
      ...one,
      image: { ...image, go, templates: [] },
      platforms: await platformsOf(config, image, work),
    };
  }));
  const { expandPlan } = await import("../build/templates.ts");
  const { groups } = await expandPlan(makePlan(go, requests), { config, how, emit: work.emit });
  const runs = new Map<string, Run>();
  for (const { directory, environment, go: { flags }, binaries, platform } of groups) {
    const paths = binaries.map(({ importPath }) => importPath);
    const key = JSON.stringify([directory, environment, flags]);
    // Groups that differ only in the names of their files are one here.
    const patterns = [...runs.get(key)?.patterns ?? [], ...paths];
    runs.set(key, {
      how: command(config, directory, environment, work),
      flags: selectListFlags(flags),
      allFlags: flags,
      os: platform.os,
      patterns,
    });
  }
  return [...runs.values()];
}

const HOST: Platform = { os: "linux", architecture: "amd64" };

function command(
  { go }: BuildConfig,
  directory: string,
  variables: Readonly<Record<string, string>>,
  { signal }: WorkOptions,
): GoCommand {
  // go names folders as PWD does where that is another name of the folder it runs in.
  return { command: go.command, directory, environment: { ...variables, PWD: directory }, signal };
}

/**
 * The platforms of an image. Those that are named in full need no look at the base image; for others
 * a base of a registry may be asked.
 */
async function platformsOf(
  config: BuildConfig,
  image: ImageConfig,
  { signal, emit }: WorkOptions,
): Promise<readonly Platform[]> {
  const { baseImage, platforms } = image;
  if (isBuiltinBase(baseImage)) {
    return scratchBase(platforms).images.map(({ platform }) => platform);
  }
  const named = platforms === "all"
    ? []
    : platforms.flatMap(({ os, architecture, variant }) =>
      architecture === undefined ? [] : [{ os, architecture, variant }]
    );
  if (named.length === platforms.length) return named;
  // What most runs do not need is not loaded for them: this has to be fast.
  const [{ BaseSet }, { openLayers }] = await Promise.all([
    import("../build/bases.ts"),
    import("../build/cache.ts"),
  ]);
  const how = command(config, config.workingDirectory, config.go.environment, { signal });
  const cache = () => openLayers(config.cache);
  const go = () => goEnvironment(how, ["GOROOT"]);
  await using bases = new BaseSet(config, { cache, go, signal, emit });
  return (await bases.open(image)).images.map(({ platform }) => platform);
}

interface Listed {
  readonly run: Run;
  readonly sources: SourceList;
  readonly modules: readonly string[];
  readonly graph: boolean;
}

async function list(run: Run, several: boolean): Promise<Listed> {
  const { how, flags, patterns } = run;
  const graph = several || patterns.length > 1 || patterns.some((one) => one.includes("..."));
  const [sources, modules] = await Promise.all([
    listSources(how, { flags, patterns, graph }),
    moduleFiles(how, flags),
  ]);
  return { run, sources, modules, graph };
}

/** Images of all runs, those of the same import path as one. */
function join(listed: readonly Listed[]): readonly ImageSources[] {
  const images = new Map<string, ImageSources>();
  for (const { run, sources, modules, graph } of listed) {
    const { how, patterns, os, allFlags } = run;
    const all = [...sources.packages.values()];
    for (const main of selectMains({ directory: how.directory, patterns }, all)) {
      const { importPath, packageDirectory } = main;
      const packages = graph ? closureOf(sources.packages, importPath) : all;
      const profile = profileOf(how, allFlags, packageDirectory);
      const before = images.get(importPath);
      images.set(importPath, {
        importPath,
        packageDirectory,
        packages: [...before?.packages ?? [], ...packages],
        more: [...before?.more ?? [], ...modules, ...(profile ? [profile] : [])],
        windows: (before?.windows ?? true) && os === "windows",
      });
    }
  }
  return [...images.values()];
}
