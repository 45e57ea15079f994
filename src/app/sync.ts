/**
 * The recipe of `kodeno sync`: rules by which Skaffold copies changed kodata into running containers.
 * @module
 */
import { join, relative, sep } from "node:path";
import { loadConfig, resolveBuildConfig } from "../config/config.ts";
import type { WorkOptions } from "../events.ts";
import { isFolder } from "../io/files.ts";
import { escapeGlob } from "../io/globs.ts";
import { findSources } from "../watch/image_files.ts";

/** Where kodata is in a container; images say so by `KO_DATA_PATH`. */
const KODATA = "/var/run/ko";

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
