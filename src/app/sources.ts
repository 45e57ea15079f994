/**
 * The recipes of `kodeno deps` and `kodeno sync`: the files that shape images, and rules by which
 * Skaffold copies changed kodata into running containers.
 * @module
 */
import { join, relative, resolve, sep } from "node:path";
import { loadConfig, resolveBuildConfig } from "../config/config.ts";
import type { BuildOptions } from "../config/options.ts";
import type { WorkOptions } from "../events.ts";
import { isFolder } from "../io/files.ts";
import { escapeGlob, type GlobOptions, listFiles, notIgnored } from "../io/globs.ts";
import { findFiles, findSources } from "../watch/image_files.ts";

/** Where kodata is in a container; images say so by `KO_DATA_PATH`. */
const KODATA = "/var/run/ko";

/** Globs, and the options that the sources of images are looked for with. */
interface DepsOptions extends GlobOptions, BuildOptions {}

/**
 * The files that shape images, relative to the working directory, with slashes, sorted, each once;
 * with `paths`, as in Skaffold, the files of the working directory that these match.
 */
export async function deps(
  patterns: readonly string[],
  { paths, ignore, ...build }: DepsOptions,
  work: WorkOptions,
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

/**
 * Of each image the rules of `sync.manual` in a skaffold.yaml, for Skaffold's ko builder and its custom
 * builder alike; none for one without kodata.
 */
export async function syncRules(patterns: readonly string[], work: WorkOptions) {
  const config = resolveBuildConfig(await loadConfig({}, work));
  const images = await findSources(config, patterns, work);
  return images.map(({ importPath, packageDirectory }) => {
    const folder = join(packageDirectory, "kodata");
    const strip = `${relative(config.workingDirectory, folder).replaceAll(sep, "/")}/`;
    const rule = { src: `${escapeGlob(strip)}**/*`, dest: KODATA, strip };
    return { importPath, manual: isFolder(folder) ? [rule] : [] };
  });
}
