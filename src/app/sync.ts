/**
 * Rules by which Skaffold copies changed kodata into running containers.
 * @module
 */
import { join, relative, resolve, sep } from "node:path";
import { loadConfig, resolveBuildConfig } from "../config/config.ts";
import { isFolder } from "../io/files.ts";
import { escapeGlob } from "../io/globs.ts";
import type { BuildOptions } from "../config/options.ts";
import type { WorkOptions } from "../events.ts";
import { findSources } from "../watch/image_files.ts";

/** Where kodata is in a container; images say so by `KO_DATA_PATH`. */
const KODATA = "/var/run/ko";

/**
 * Makes the rules of images. They suit Skaffold's ko builder and its custom builder alike.
 *
 * @param patterns import paths, folders, or patterns with `...`; none stands for `.`
 * @returns of each image the rules of `sync.manual` in a skaffold.yaml; none for one without kodata
 * @throws {KodenoError} `BAD_PACKAGE`, `BAD_OPTION`, `GO_FAILED`
 */
export async function syncRules(
  patterns: readonly string[],
  build: BuildOptions,
  work: WorkOptions = {},
) {
  const root = resolve(build.workingDirectory ?? ".");
  const config = resolveBuildConfig(await loadConfig(build, work));
  const images = await findSources(config, patterns, work);
  return images.map(({ importPath, packageDirectory }) => {
    const folder = join(packageDirectory, "kodata");
    const strip = `${relative(root, folder).replaceAll(sep, "/")}/`;
    const rule = { src: `${escapeGlob(strip)}**/*`, dest: KODATA, strip };
    return { importPath, manual: isFolder(folder) ? [rule] : [] };
  });
}
