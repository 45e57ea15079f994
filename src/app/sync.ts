/**
 * Rules by which Skaffold copies changed kodata into running containers.
 * @module
 */
import { join, relative, resolve, sep } from "node:path";
import { loadConfig, resolveBuildConfig } from "../config/config.ts";
import { escapeGlob } from "../io/globs.ts";
import type { BuildOptions } from "../config/options.ts";
import type { WorkOptions } from "../events.ts";
import { findSources } from "../watch/image_files.ts";

/** Where kodata is in a container; images say so by `KO_DATA_PATH`. */
const KODATA = "/var/run/ko";

/** A rule of `sync.manual` in a skaffold.yaml. */
interface SyncRule {
  /** Glob of files, relative to the artifact's context. */
  readonly src: string;
  /** Folder in the container. */
  readonly dest: string;
  /** What is taken off the front of a file's path. */
  readonly strip: string;
}

/** The rules of one image. */
interface ImageSync {
  readonly importPath: string;
  /** None for one without kodata. */
  readonly manual: readonly SyncRule[];
}

/**
 * Makes the rules of images. They suit Skaffold's ko builder and its custom builder alike.
 *
 * @param patterns import paths, folders, or patterns with `...`; none stands for `.`
 * @throws {KodenoError} `BAD_PACKAGE`, `BAD_OPTION`, `GO_FAILED`
 */
export async function syncRules(
  patterns: readonly string[],
  build: BuildOptions,
  work: WorkOptions = {},
): Promise<readonly ImageSync[]> {
  const root = resolve(build.workingDirectory ?? ".");
  const config = resolveBuildConfig(await loadConfig(build, work));
  const images = await findSources(config, patterns, work);
  return await Promise.all(images.map(async ({ importPath, packageDirectory }) => {
    const folder = join(packageDirectory, "kodata");
    const info = await Deno.stat(folder).catch(() => undefined);
    return { importPath, manual: info?.isDirectory ? [ruleOf(root, folder)] : [] };
  }));
}

function ruleOf(root: string, folder: string): SyncRule {
  const strip = `${relative(root, folder).replaceAll(sep, "/")}/`;
  return { src: `${escapeGlob(strip)}**/*`, dest: KODATA, strip };
}
