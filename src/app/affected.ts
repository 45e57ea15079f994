/**
 * The recipe of `kodeno affected`: images whose inputs differ from those of a commit.
 * @module
 */
import { resolve } from "node:path";
import { artifactConfigs, planArtifacts } from "../build/skaffold.ts";
import {
  type BuildConfig,
  loadConfig,
  resolveBuildConfig,
  resolveTransferConfig,
} from "../config/config.ts";
import { processEnvironment } from "../config/environment.ts";
import type { BuildOptions } from "../config/options.ts";
import type { SkaffoldOptions } from "../config/skaffold/options.ts";
import type { WorkOptions } from "../events.ts";
import { changesSince } from "../git/changes.ts";
import { findAffected } from "../watch/affected.ts";
import { saidSince } from "../watch/skaffold_changes.ts";

interface AffectedRequest {
  readonly patterns: readonly string[];
  /** A commit as git names it. */
  readonly since: string;
  readonly options: BuildOptions;
  /** Whose artifacts are looked at in the place of what patterns name. */
  readonly skaffold?: SkaffoldOptions | undefined;
}

/** An image that is not as it was. */
interface AffectedImage {
  /** The import path of its main package, or the name of the artifact. */
  readonly image: string;
  /** The first reason that was found. */
  readonly why: string;
}

/** Finds the images; the others are as they were. */
export async function affected(
  { patterns, since, options, skaffold }: AffectedRequest,
  work: WorkOptions,
): Promise<readonly AffectedImage[]> {
  const directory = resolve(options.workingDirectory ?? ".");
  const environment = options.environment ?? processEnvironment();
  const changes = await changesSince({ directory, environment, signal: work.signal }, since);
  const look = (
    config: BuildConfig,
    names: readonly string[],
    given: BuildOptions,
    name?: string,
  ) => findAffected(config, names, { changes, options: given, name }, work);
  if (skaffold === undefined) {
    const loaded = await loadConfig(options, work);
    const found = await look(resolveBuildConfig(loaded), patterns, loaded);
    return found.flatMap(({ importPath: image, why }) => why === undefined ? [] : [{ image, why }]);
  }
  const plan = await planArtifacts(skaffold, work, "nothing");
  const { artifacts } = plan;
  const configs = await artifactConfigs(artifacts, options, resolveTransferConfig(options), work);
  const says = await saidSince(plan, changes, directory);
  const found: AffectedImage[] = [];
  for (const [i, artifact] of artifacts.entries()) {
    const { imageName, main, source, workingDirectory } = artifact;
    const given = { ...options, workingDirectory, artifact: source };
    const other = says(artifact);
    const [one] = other ? [] : await look(configs[i] as BuildConfig, [main], given, imageName);
    const why = other ?? one?.why;
    if (why !== undefined) found.push({ image: imageName, why });
  }
  return found;
}
