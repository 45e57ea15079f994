/**
 * The recipe of `kodeno affected`: images whose inputs differ from those of a commit.
 * @module
 */
import { relative, resolve } from "node:path";
import { findLock } from "../airgap/find_lock.ts";
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
import type { Lock } from "../airgap/lock.ts";
import { hasCode } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { type Changes, changesSince } from "../git/changes.ts";
import { asFile, findAffected } from "../watch/affected.ts";

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
  const look = (config: BuildConfig, names: readonly string[], given: BuildOptions) =>
    findAffected(config, names, changes, given, work);
  const locked = await lockedSince(directory, changes);
  if (skaffold === undefined) {
    const loaded = await loadConfig(options, work);
    const found = await look(resolveBuildConfig(loaded), patterns, loaded);
    return found.flatMap(({ importPath: image, why = locked(image) }) =>
      why === undefined ? [] : [{ image, why }]
    );
  }
  const { artifacts } = await planArtifacts(skaffold, work, "nothing");
  const configs = await artifactConfigs(artifacts, options, resolveTransferConfig(options), work);
  const found: AffectedImage[] = [];
  for (const [i, { imageName, main, place, source, workingDirectory }] of artifacts.entries()) {
    const config = configs[i] as BuildConfig;
    const file = resolve(directory, place.file);
    const given = { ...options, workingDirectory, artifact: source };
    const isOther = changes.changed.has(file) || !changes.knows(file);
    const [one] = isOther ? [] : await look(config, [main], given);
    const why = isOther ? `${place.file} has changed` : one?.why ?? locked(imageName);
    if (why !== undefined) found.push({ image: imageName, why });
  }
  return found;
}

/** Whether kodeno.lock says of an image what it did. */
async function lockedSince(
  directory: string,
  changes: Changes,
): Promise<(image: string) => string | undefined> {
  const { path, isThere } = findLock(directory);
  const name = relative(directory, path);
  if (isThere && !changes.knows(path)) return () => `${name} is in no commit`;
  if (!changes.changed.has(path)) return () => undefined;
  const bytes = await changes.before(path);
  const { readLock } = await import("../airgap/lock.ts");
  const of = async (read: () => Promise<Pick<Lock, "images">>) => {
    const { images } = await read();
    return (image: string): string => {
      const { kodeno: _, ...said } = images[image] ?? { kodeno: "" };
      return JSON.stringify(said);
    };
  };
  try {
    const none = () => Promise.resolve({ images: {} });
    const before = await of(bytes ? () => asFile(path, bytes, (file) => readLock(file)) : none);
    const after = await of(isThere ? () => readLock(path, name) : none);
    return (image) =>
      before(image) === after(image) ? undefined : `${name} says something else of it`;
  } catch (error) {
    if (!hasCode(error, "BAD_CONFIG")) throw error;
    return () => `${name} cannot be read as it was`;
  }
}
