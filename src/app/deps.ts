/**
 * The recipe of `kodeno deps`: the files that shape images.
 * @module
 */
import { relative, resolve, sep } from "node:path";
import { loadConfig, resolveBuildConfig } from "../config/config.ts";
import type { BuildOptions } from "../config/options.ts";
import type { WorkOptions } from "../events.ts";
import { type GlobOptions, listFiles, notIgnored } from "../io/globs.ts";
import { findFiles } from "../watch/image_files.ts";

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
