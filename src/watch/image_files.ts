/**
 * The files that shape images: what a file watcher has to look at, image by image. First which runs of
 * `go list` it takes to know the packages, then what beside them is read.
 * @module
 */
import { basename, dirname, join, resolve } from "node:path";
import { findPackages } from "../build/packages.ts";
import { type BuildGroup, goVariables, makePlan } from "../build/plan.ts";
import { Templates } from "../build/templates.ts";
import { isTemplate } from "../config/checks.ts";
import { type BuildConfig, imageConfigOf } from "../config/config.ts";
import type { ImageSettings } from "../config/image_config.ts";
import type { WorkOptions } from "../events.ts";
import type { GoCommand } from "../go/command.ts";
import {
  groupPatterns,
  type ListQuery,
  type MainPackage,
  selectListFlags,
  selectMains,
} from "../go/list.ts";
import { modulesOf, type Toolchain, toolchainOf, type UsedModule } from "../go/modules.ts";
import {
  closureOf,
  filesOf,
  isOwn,
  type ListedModule,
  listSources,
  moduleFiles,
  profileOf,
  type SourcePackage,
} from "../go/sources.ts";
import { withSuggestion } from "../go/suggest.ts";
import { isBuiltinBase, scratchBase } from "../image/builtin_base.ts";
import { isFile } from "../io/files.ts";
import { unspeakableName } from "../io/folder.ts";
import { planKodataLayer } from "../layers/kodata_layer.ts";
import type { Platform } from "../oci/platform.ts";

/** The files of one image; absolute. */
export interface ImageFiles extends Pick<MainPackage, "importPath" | "packageDirectory"> {
  /** The main package and all it depends on, as far as they are the user's own. */
  readonly packages: readonly SourcePackage[];
  /** Those that are there, sorted. */
  readonly files: readonly string[];
  /** Those that are not there, and would be read if they were. */
  readonly absent: readonly string[];
  /** What go reads beside packages: which modules there are, and how the program is optimized. */
  readonly beside: readonly string[];
}

/** The packages of one image, and what go reads beside them. */
export interface ImageSources extends Omit<ImageFiles, "files" | "absent"> {
  /** Folder that go runs in. */
  readonly directory: string;
  /** Where they are asked for, the modules of packages that are not the user's own. */
  readonly modules: readonly ListedModule[];
  /** Where they are asked for, what compiles it, for each platform in its turn. */
  readonly toolchains: readonly Toolchain[];
  /** Whether it is for Windows only. */
  readonly windows: boolean;
}

const USUAL: Platform = { os: "linux", architecture: "amd64" };

/** One run of `go list`: what it asks for, where, and with which variables. */
type Run =
  & Pick<ListQuery, "flags" | "patterns">
  & Pick<GoCommand, "directory" | "environment">
  & Pick<Platform, "os">;

/**
 * Finds the files that shape images: those that go reads of all packages but Go's own and those of
 * the module cache, what they embed, what says which modules there are, kodata with what its links
 * lead to, and `.ko.yaml`. They are those of all platforms that are built together; one that no
 * platform takes is none of them.
 */
export async function findFiles(
  config: BuildConfig,
  patterns: readonly string[],
  work: WorkOptions = {},
): Promise<readonly ImageFiles[]> {
  const images = await findSources(config, patterns, work);
  const { koFile, workingDirectory } = config;
  const koFiles = koFile === undefined ? [] : [resolve(workingDirectory, koFile.path)];
  return await Promise.all(images.map(async ({ windows, ...image }) => {
    // What go lists is there.
    const listed = image.packages.flatMap(filesOf);
    refuseUnspeakable(listed);
    const kodata = await kodataFiles(config, image.packageDirectory, windows);
    const files = new Set([...listed, ...kodata]);
    const absent: string[] = [];
    for (const path of new Set([...image.beside, ...koFiles])) {
      if (isFile(path)) files.add(path);
      else absent.push(path);
    }
    return { ...image, files: [...files].sort(), absent };
  }));
}

/** How sources are looked for. */
interface SourceOptions extends WorkOptions {
  /**
   * Told of each package of the user's own while go lists the others. Modules and toolchains are wanted
   * then, too.
   */
  readonly onOwn?: ((found: SourcePackage) => void) | undefined;
}

/**
 * Finds the packages of the images that patterns name, with one run of `go list` for each platform,
 * folder and set of flags.
 */
export async function findSources(
  config: BuildConfig,
  patterns: readonly string[],
  { onOwn, ...work }: SourceOptions = {},
): Promise<readonly ImageSources[]> {
  const { image, go, workingDirectory } = config;
  try {
    return await listImages(config, patterns, { onOwn, ...work });
  } catch (error) {
    const environment = goVariables(USUAL, { ...go, ...image.go });
    const how = goCommand(config, { directory: workingDirectory, environment }, work);
    const flags = selectListFlags(image.go.flags);
    throw await withSuggestion(
      error,
      how,
      () => Promise.resolve(flags.some(isTemplate) ? [] : flags),
    );
  }
}

async function listImages(
  config: BuildConfig,
  patterns: readonly string[],
  { onOwn, ...work }: SourceOptions,
): Promise<readonly ImageSources[]> {
  const { image, builds, baseImageOverrides } = config;
  // Where all images are built alike, the run that lists everything finds them, too.
  const alike = builds.length + Object.keys(baseImageOverrides).length === 0 &&
    !selectListFlags(image.go.flags).some(isTemplate);
  const runs = await (alike ? runsOfPatterns : runsOfPackages)(config, patterns, work);
  const listed = await Promise.all(runs.map(async ({ flags, patterns, os, ...run }) => {
    const how = goCommand(config, run, work);
    const graph = !alike || patterns.length > 1 || patterns.some((one) => one.includes("..."));
    const [{ packages, faults }, modules, toolchain] = await Promise.all([
      listSources(how, { flags, patterns, graph, onOwn }),
      moduleFiles(how, flags),
      onOwn && toolchainOf(how),
    ]);
    const all = [...packages.values()];
    const mains = () =>
      selectMains({ directory: how.directory, patterns }, all).map((main) => {
        const packagesOf = graph ? closureOf(packages, main.importPath) : all;
        return {
          ...main,
          os,
          packages: onOwn ? packagesOf.filter((one) => isOwn(one) || one.Match) : packagesOf,
          modules: packagesOf.flatMap(({ Module }) =>
            Module === undefined || Module.Main ? [] : Module
          ),
          toolchains: toolchain === undefined ? [] : [toolchain],
          beside: [...modules, ...profileOf(how, flags, main.packageDirectory)],
        };
      });
    return { faults, mains };
  }));
  for (const fault of new Set(listed.flatMap(({ faults }) => faults))) {
    const message = `go cannot read all packages: ${fault}`;
    work.emit?.({ type: "note", level: "warning", message });
  }
  const found = listed.flatMap(({ mains }) => mains());
  // Runs for several platforms tell of one image.
  const images = Map.groupBy(found, ({ importPath }) => importPath);
  return [...images].map(([importPath, runs]) => ({
    importPath,
    packageDirectory: runs[0]?.packageDirectory ?? "",
    directory: runs[0]?.directory ?? "",
    modules: runs.flatMap(({ modules }) => modules),
    toolchains: runs.flatMap(({ toolchains }) => toolchains),
    packages: runs.flatMap(({ packages }) => packages),
    beside: runs.flatMap(({ beside }) => beside),
    windows: runs.every(({ os }) => os === "windows"),
  }));
}

/** Finds the modules that images are built of, those of all platforms, by their import paths. */
export async function findModules(
  config: BuildConfig,
  patterns: readonly string[],
  work: WorkOptions = {},
): Promise<ReadonlyMap<string, readonly UsedModule[]>> {
  const runs = await runsOfPackages(config, patterns, work);
  const listed = await Promise.all(runs.map(async ({ flags, patterns, ...run }) => {
    return [...await modulesOf(goCommand(config, run, work), { flags, patterns })];
  }));
  const found = Map.groupBy(listed.flat(), ([importPath]) => importPath);
  return new Map([...found].map(([path, runs]) => [path, runs.flatMap(([, modules]) => modules)]));
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
      ...group,
      environment: goVariables(platform, { ...go, ...image.go }),
      flags: image.go.flags,
      os: platform.os,
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
  const [platform = USUAL] = await platformsOf(config, image, work);
  const environment = goVariables(platform, { ...go, ...image.go });
  const how = goCommand(config, { directory: workingDirectory, environment }, work);
  const templates = new Templates(config, how, work.emit);
  const found = await findPackages(templates, patterns);
  const requests = await Promise.all(found.map(async (one) => {
    const image = imageConfigOf(config, one.importPath, one.entry);
    const { flags } = image.go;
    // Templates of other flags may ask for what is there only when images are built.
    const plain = [...selectListFlags(flags), ...flags.filter((flag) => !isTemplate(flag))];
    const go = { ...image.go, flags: plain, ldflags: [] };
    const platforms = await platformsOf(config, image, work);
    return { ...one, image: { ...image, go, templates: [] }, platforms };
  }));
  const { groups } = await templates.expand(makePlan(go, requests));
  // Groups that differ only in the names of their files are one here.
  const runs = Map.groupBy(
    groups,
    ({ directory, environment, go: { flags } }) => JSON.stringify([directory, environment, flags]),
  );
  return [...runs.values()].map((alike): Run => {
    const [{ directory, environment, go: { flags }, platform: { os } }] = alike as [BuildGroup];
    const patterns = alike.flatMap(({ binaries }) => binaries.map(({ importPath }) => importPath));
    return { directory, environment, flags, os, patterns };
  });
}

function goCommand(
  { go: { command } }: BuildConfig,
  { directory, environment }: Pick<Run, "directory" | "environment">,
  { signal }: WorkOptions,
): GoCommand {
  // go names folders as PWD does where that is another name of the folder it runs in.
  return { command, directory, environment: { ...environment, PWD: directory }, signal };
}

/**
 * The platforms of an image. Those that are named in full need no look at the base image; for others
 * a base of a registry may be asked.
 */
export async function platformsOf(
  config: BuildConfig,
  image: ImageSettings,
  work: WorkOptions,
): Promise<readonly Platform[]> {
  const { baseImage, platforms } = image;
  if (isBuiltinBase(baseImage)) {
    return scratchBase(platforms).images.map(({ platform }) => platform);
  }
  const specs = platforms === "all" ? [] : platforms;
  const named = specs.flatMap(({ os, architecture, variant }) =>
    architecture === undefined ? [] : [{ os, architecture, variant }]
  );
  if (named.length === platforms.length) return named;
  // What most runs do not need is not loaded for them: this has to be fast.
  const { BaseSet } = await import("../build/bases.ts");
  const none = () => Promise.reject(new Error("it is no base that is built in"));
  await using bases = new BaseSet(config, work, none);
  return (await bases.open(image)).images.map(({ platform }) => platform);
}

/** The entry of `builds` that is for a package, by the folder that it names. */
export function entryOf(
  { builds }: BuildConfig,
  { packageDirectory }: Pick<ImageFiles, "packageDirectory">,
) {
  return builds.find(({ directory, main }) =>
    resolve(directory, main.replace(/[^/]*\.go$/, "")) === packageDirectory
  );
}

/** Files of kodata as they are called there, and what links among them lead to. */
async function kodataFiles(
  { kodataAllowedRoot: allowedRoot, cache: { directory: cache } }: BuildConfig,
  folder: string,
  windows: boolean,
): Promise<readonly string[]> {
  const os = windows ? "windows" : "linux";
  const { entries } = await planKodataLayer(folder, { os, allowedRoot, cache });
  return entries.flatMap(({ entry, content }) => {
    const [, name] = /(?:^|\/)var\/run\/ko\/(.+)$/s.exec(entry.name) ?? [];
    if (name === undefined || typeof content !== "string") return [];
    return [join(folder, "kodata", name), content];
  });
}

/** go says U+FFFD for what is not UTF-8: there is nothing of such a name then. */
function refuseUnspeakable(paths: readonly string[]): void {
  for (const path of paths.filter((one) => one.includes("\ufffd"))) {
    if (isFile(path)) continue;
    const name = basename(path).replaceAll("\ufffd", "\\x??");
    throw unspeakableName(`list all files of ${dirname(path)}`, { name, isFile: true });
  }
}
