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
  const { artifacts } = await planArtifacts(skaffold, work, "nothing");
  const configs = await artifactConfigs(artifacts, options, resolveTransferConfig(options), work);
  const found: AffectedImage[] = [];
  for (const [i, { imageName, main, place, source, workingDirectory }] of artifacts.entries()) {
    const config = configs[i] as BuildConfig;
    const file = resolve(directory, place.file);
    const given = { ...options, workingDirectory, artifact: source };
    const isOther = changes.changed.has(file) || !changes.knows(file);
    const [one] = isOther ? [] : await look(config, [main], given, imageName);
    const why = isOther ? `${place.file} has changed` : one?.why;
    if (why !== undefined) found.push({ image: imageName, why });
  }
  return found;
}
