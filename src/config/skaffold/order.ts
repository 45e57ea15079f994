/**
 * What artifacts require of each other: that all are there, and that none waits for itself.
 * @module
 */
import { didYouMean } from "../../errors.ts";
import type { Fault } from "../yaml/faults.ts";
import { parseName } from "./default_repo.ts";
import type { Origins } from "./origins.ts";
import type { Artifact } from "./schema.ts";

/** Most artifacts that are built at once: git and go are run for each one. */
const MAX_ARTIFACTS = 1000;
/** Most artifacts in a digest of files, with those that are there again: layers of two multiply. */
const MAX_REQUIRED = 1000;

/**
 * Finds everything that is wrong with the images of artifacts and with what they require: names that
 * are none, that hold a tag, or are there twice; requirements that nobody builds, and circles of them.
 */
export function artifactFaults(
  artifacts: readonly Artifact[],
  origins: Origins,
): readonly Fault[] {
  const extra = artifacts[MAX_ARTIFACTS];
  if (extra !== undefined) {
    const said = `found ${artifacts.length} artifacts; at most ${MAX_ARTIFACTS} are allowed`;
    return [origins.fault(extra, ["image"], said)];
  }
  const faults: Fault[] = [];
  const byName = new Map<string, Artifact>();
  for (const artifact of artifacts) {
    const image = JSON.stringify(artifact.image);
    const bad = (why: string): number =>
      faults.push(origins.fault(artifact, ["image"], `image: found ${image}, ${why}`));
    const name = parseName(artifact.image);
    const first = byName.get(artifact.image);
    if (first !== undefined) {
      const { file, line } = origins.place(first, ["image"]);
      bad(`which is there already, in line ${line} of ${file}; once is allowed`);
    } else if (name === undefined) bad("which is no image name");
    else if (name.tag !== "" || name.digest !== "") {
      bad(`which has a ${name.tag === "" ? "digest" : "tag"}; leave it to tagPolicy`);
    }
    if (first === undefined) byName.set(artifact.image, artifact);
  }
  return [...faults, ...requirementFaults(artifacts, byName, origins)];
}

function requirementFaults(
  artifacts: readonly Artifact[],
  byName: ReadonlyMap<string, Artifact>,
  origins: Origins,
): readonly Fault[] {
  const faults: Fault[] = [];
  for (const artifact of artifacts) {
    for (const requirement of artifact.requires ?? []) {
      if (byName.has(requirement.image)) continue;
      const hint = didYouMean(requirement.image, [...byName.keys()]);
      const said = `requires: found ${JSON.stringify(requirement.image)}, which no artifact builds`;
      faults.push(origins.fault(requirement, ["image"], said + hint));
    }
  }
  const done = new Set<string>();
  const visit = (artifact: Artifact, above: readonly string[]): void => {
    const at = above.indexOf(artifact.image);
    if (at >= 0) {
      const circle = [...above.slice(at), artifact.image].join(" -> ");
      const said = `requires: found a circle of images that wait for each other: ${circle}`;
      faults.push(origins.fault(artifact, ["requires"], said, "key"));
    }
    if (at >= 0 || done.has(artifact.image)) return;
    for (const { image } of artifact.requires ?? []) {
      const next = byName.get(image);
      if (next !== undefined) visit(next, [...above, artifact.image]);
    }
    done.add(artifact.image);
  };
  for (const artifact of byName.values()) visit(artifact, []);
  return faults;
}

/**
 * All that an artifact requires, directly and through others, each as often as it is required.
 *
 * @throws {Error} where that is so often that it would not end
 */
export function requiredBy(
  artifact: Artifact,
  byName: ReadonlyMap<string, Artifact>,
): readonly Artifact[] {
  const all: Artifact[] = [];
  const add = ({ requires = [] }: Artifact): void => {
    for (const { image } of requires) {
      const required = byName.get(image);
      if (required === undefined) continue;
      if (all.length === MAX_REQUIRED) {
        throw new Error(`${artifact.image} requires others over ${MAX_REQUIRED} times`);
      }
      all.push(required);
      add(required);
    }
  };
  add(artifact);
  return all;
}

/** Artifacts behind those they require, with their places in the list; there are no circles. */
export function inBuildOrder<T extends { imageName: string; requires: readonly string[] }>(
  artifacts: readonly T[],
): Iterable<readonly [index: number, artifact: T]> {
  const places = new Map(artifacts.map(({ imageName }, i) => [imageName, i]));
  const ordered = new Map<number, T>();
  const add = (artifact: T, i: number): void => {
    // What many require is looked at once.
    if (ordered.has(i)) return;
    for (const name of artifact.requires) {
      const at = places.get(name);
      const required = artifacts[at ?? -1];
      if (at !== undefined && required !== undefined) add(required, at);
    }
    ordered.set(i, artifact);
  };
  artifacts.forEach(add);
  return ordered;
}
