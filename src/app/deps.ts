/**
 * The files that shape images: what a file watcher has to look at, image by image.
 * @module
 */
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { type BuildConfig, loadConfig, resolveBuildConfig } from "../config/config.ts";
import type { BuildOptions } from "../config/options.ts";
import { filesOf, type SourcePackage } from "../go/sources.ts";
import { unspeakableName } from "../io/folder.ts";
import { type KodataOptions, planKodataLayer } from "../layers/kodata_layer.ts";
import type { WorkOptions } from "../events.ts";
import { type GlobOptions, listFiles, notIgnored } from "../config/globs.ts";
import { findSources, type ImageSources } from "../watch/source_packages.ts";

/** The files of one image. All paths are absolute. */
export interface ImageFiles {
  readonly importPath: string;
  /** Folder of the main package. */
  readonly packageDirectory: string;
  /** Those that are there, sorted. */
  readonly files: readonly string[];
  /** Those that are not there, and would be read if they were. */
  readonly absent: readonly string[];
  /** Its packages that are the user's own. */
  readonly packages: readonly SourcePackage[];
}

/**
 * Finds the files that shape images: those that go reads of all packages but Go's own and those of
 * the module cache, what they embed, what says which modules there are, kodata with what its links
 * lead to, and `.ko.yaml`. They are those of all platforms that are built together; one that no
 * platform takes is none of them.
 *
 * @param patterns import paths, folders, or patterns with `...`; none stands for `.`
 * @throws {KodenoError} `BAD_PACKAGE`, `BAD_OPTION`, `GO_FAILED`, `BAD_SOURCE_FILE`
 */
export async function findFiles(
  config: BuildConfig,
  patterns: readonly string[],
  work: WorkOptions = {},
): Promise<readonly ImageFiles[]> {
  const images = await findSources(config, patterns, work);
  const { koFile, workingDirectory } = config;
  const said = koFile === undefined ? [] : [resolve(workingDirectory, koFile.path)];
  return await Promise.all(images.map(async (image) => {
    const { importPath, packageDirectory, packages } = image;
    // What go lists is there.
    const listed = packages.flatMap(filesOf);
    await refuseUnspeakable(listed);
    const others = new Set([...image.more, ...said]);
    const [kodata, there] = await Promise.all([
      kodataFiles(packageDirectory, kodataOptions(config, image)),
      Promise.all([...others].map(async (path) => [path, await isFile(path)] as const)),
    ]);
    const more = there.filter(([, is]) => is).map(([path]) => path);
    return {
      importPath,
      packageDirectory,
      files: [...new Set([...listed, ...more, ...kodata])].sort(),
      absent: there.filter(([, is]) => !is).map(([path]) => path),
      packages,
    };
  }));
}

/** What `deps` is asked. */
export interface DepsRequest extends GlobOptions {
  readonly patterns: readonly string[];
  readonly build: BuildOptions;
}

/**
 * The files that shape images, relative to the working directory, with slashes, sorted, each once.
 *
 * With `paths` it is, as in Skaffold, the files of the working directory that these match.
 *
 * @throws {KodenoError} see {@link findFiles} and `listFiles`
 */
export async function deps(
  { patterns, build, paths, ignore }: DepsRequest,
  work: WorkOptions = {},
): Promise<readonly string[]> {
  const root = resolve(build.workingDirectory ?? ".");
  if (paths?.length) return await listFiles(root, { paths, ignore });
  const wanted = notIgnored(ignore ?? []);
  const config = resolveBuildConfig(await loadConfig(build, work));
  const images = await findFiles(config, patterns, work);
  const below = root.endsWith(sep) ? root : root + sep;
  // Most are below it, and there are many of them.
  const relativeTo = (path: string): string =>
    path.startsWith(below) ? path.slice(below.length) : relative(root, path);
  const found = new Set(
    images.flatMap(({ files }) => files.map((path) => relativeTo(path).replaceAll(sep, "/"))),
  );
  return [...found].filter(wanted).sort();
}

function kodataOptions(config: BuildConfig, { windows }: ImageSources): KodataOptions {
  const { kodataAllowedRoot: allowedRoot, cache: { directory: cache } } = config;
  return { os: windows ? "windows" : "linux", allowedRoot, cache };
}

/** Files of kodata as they are called there, and what links among them lead to. */
async function kodataFiles(folder: string, options: KodataOptions): Promise<readonly string[]> {
  const { entries } = await planKodataLayer(folder, options);
  return entries.flatMap(({ entry, content }) => {
    const [, name] = /(?:^|\/)var\/run\/ko\/(.+)$/s.exec(entry.name) ?? [];
    if (name === undefined || typeof content !== "string") return [];
    return [join(folder, "kodata", name), content];
  });
}

/** go says U+FFFD for what is not UTF-8: there is nothing of such a name then. */
async function refuseUnspeakable(paths: readonly string[]): Promise<void> {
  for (const path of paths.filter((one) => one.includes("\ufffd"))) {
    if (await isFile(path)) continue;
    const name = basename(path).replaceAll("\ufffd", "\\x??");
    throw unspeakableName(`list all files of ${dirname(path)}`, { name, isFile: true });
  }
}

function isFile(path: string): Promise<boolean> {
  return Deno.stat(path).then((info) => info.isFile, () => false);
}
