/**
 * The recipe of `kodeno affected`: images whose inputs differ from those of a commit.
 * @module
 */
import { artifactConfigs, planArtifacts } from "../build/skaffold.ts";
import { loadConfig, resolveBuildConfig, resolveTransferConfig } from "../config/config.ts";
import type { BuildOptions } from "../config/options.ts";
import type { SkaffoldOptions } from "../config/skaffold/options.ts";
import type { WorkOptions } from "../events.ts";
import { affectedSince } from "../watch/affected.ts";
import { affectedArtifacts } from "../watch/skaffold_changes.ts";

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
  if (skaffold !== undefined) {
    const plan = await planArtifacts(skaffold, work, "nothing");
    const transfer = resolveTransferConfig(options);
    const configs = await artifactConfigs(plan.artifacts, options, transfer, work);
    const found = await affectedArtifacts(plan, configs, { since, options }, work);
    return found.flatMap(({ image, why }) => why === undefined ? [] : [{ image, why }]);
  }
  const loaded = await loadConfig(options, work);
  const config = resolveBuildConfig(loaded);
  const found = await affectedSince(config, patterns, { since, options: loaded }, work);
  return found.flatMap(({ importPath: image, why }) => why === undefined ? [] : [{ image, why }]);
}
