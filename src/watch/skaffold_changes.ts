/**
 * Whether a skaffold.yaml, with the files that it requires, says of its artifacts what it did at a commit.
 * @module
 */
import { relative, resolve } from "node:path";
import type { BuildConfig } from "../config/config.ts";
import { processEnvironment } from "../config/environment.ts";
import type { BuildOptions } from "../config/options.ts";
import { readSkaffoldFile } from "../config/skaffold/load.ts";
import type { SkaffoldArtifact, SkaffoldPlan } from "../config/skaffold/plan.ts";
import type { SkaffoldConfig } from "../config/skaffold/schema.ts";
import { hasCode } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { asBefore, type Changes, changesSince, inNoCommit } from "../git/changes.ts";
import { findAffected, type MaybeAffected } from "./affected.ts";

/** What shapes no image, of a configuration and of its `build`: where images go and what follows. */
const NO_IMAGE: ReadonlySet<string> = new Set([
  ...["apiVersion", "kind", "deploy", "manifests", "portForward", "test", "verify"],
  ...["customActions", "resourceSelector", "tagPolicy", "insecureRegistries"],
]);

/** What artifacts are compared with. */
interface Since {
  /** A commit as git names it. */
  readonly since: string;
  /** What their configurations were made of. */
  readonly options: BuildOptions;
}

/** An artifact, and whether it is what it was. */
interface MaybeAffectedArtifact extends Partial<Pick<MaybeAffected, "importPath">> {
  readonly image: string;
  /** The first reason that was found; nothing where it is, and its import path is known. */
  readonly why: string | undefined;
}

/** Looks at the artifacts of a plan. */
export async function affectedArtifacts(
  plan: Pick<SkaffoldPlan, "artifacts" | "files" | "hooks">,
  configs: readonly BuildConfig[],
  { since: revision, options }: Since,
  work: WorkOptions,
): Promise<readonly MaybeAffectedArtifact[]> {
  const { environment = processEnvironment() } = options;
  const directory = resolve(options.workingDirectory ?? ".");
  const changes = await changesSince({ directory, environment, signal: work.signal }, revision);
  const says = await saidSince(plan, changes, directory);
  const found: MaybeAffectedArtifact[] = [];
  for (const [i, artifact] of plan.artifacts.entries()) {
    const { imageName: name, main, source, workingDirectory } = artifact;
    const since = { changes, name, options: { ...options, workingDirectory, artifact: source } };
    const other = says(artifact);
    const [one] = other ? [] : await findAffected(configs[i] as BuildConfig, [main], since, work);
    found.push({ image: name, why: other, ...one });
  }
  return found;
}

/** Gives what tells why an artifact may be another one than it was; nothing where it is not. */
async function saidSince(
  { files, hooks }: Pick<SkaffoldPlan, "files" | "hooks">,
  changes: Changes,
  directory: string,
): Promise<(artifact: SkaffoldArtifact) => string | undefined> {
  const other = new Map<string, string>();
  for (const path of files) {
    const name = relative(directory, path);
    if (!changes.knows(path)) {
      return () => inNoCommit(name);
    }
    if (!changes.changed.has(path)) continue;
    const [before, after] = await Promise.all([
      asBefore(changes, path, (file) => readSkaffoldFile(file, name)).catch((error) => {
        if (!hasCode(error, "BAD_CONFIG")) throw error;
        return undefined;
      }),
      readSkaffoldFile(path, name),
    ]);
    if (before === undefined || rest(before.configs) !== rest(after.configs)) {
      return () => `${name} says something else`;
    }
    const [was, is] = [artifactsOf(before.configs), artifactsOf(after.configs)];
    for (const [image, said] of is) {
      if (was.get(image) !== said) other.set(image, `${name} says something else of it`);
    }
  }
  const isMade = hooks.some(({ before }) => before.length > 0);
  return ({ imageName, hooks: { before } }) => {
    const makes = isMade || before.length > 0;
    return other.get(imageName) ?? (makes ? "hooks before its build may make anything" : undefined);
  };
}

/** All but the artifacts. */
function rest(configs: readonly SkaffoldConfig[]): string {
  const shaping = (value: object) => Object.entries(value).filter(([key]) => !NO_IMAGE.has(key));
  return JSON.stringify(configs.map(({ build = {}, ...config }) => {
    return [shaping(config), shaping({ ...build, artifacts: undefined })];
  }));
}

function artifactsOf(configs: readonly SkaffoldConfig[]): ReadonlyMap<string, string> {
  const all = configs.flatMap(({ build }) => build?.artifacts ?? []);
  return new Map(all.map((artifact) => [artifact.image, JSON.stringify(artifact)]));
}
