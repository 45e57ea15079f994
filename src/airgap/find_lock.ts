/**
 * Where `kodeno.lock` is, and builds that are kept to it. Nobody who builds without it waits for the
 * code that reads it.
 * @module
 */
import { join, relative, resolve } from "node:path";
import type { BuildLock } from "../build/inputs.ts";
import type { CommandOptions } from "../config/options.ts";
import { hasCode, KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { findUp } from "../io/files.ts";

/** The file by its absolute path, and its name for a person. */
interface LockPath {
  readonly path: string;
  readonly name: string;
  readonly isThere: boolean;
}

/** Finds the file in a folder or above; where there is none, it is to be in the folder. */
export function findLock(directory = ".", file = "kodeno.lock"): LockPath {
  const start = resolve(directory);
  const folder = findUp(start, file);
  const path = join(folder ?? start, file);
  return { path, name: relative(resolve("."), path) || path, isThere: folder !== undefined };
}

/** Refuses what needs a file that is not there. */
export function refuseMissing({ isThere, path }: LockPath): void {
  if (isThere) return;
  const message = `Cannot use ${path}: there is none there or above; write it with "kodeno lock"`;
  throw new KodenoError("BAD_CONFIG", message);
}

/** What builds are kept to. */
interface Locks {
  /** For a build of packages, or of the one artifact of a name; nothing where builds are free. */
  of(artifact?: string): BuildLock | undefined;
  /** Waits for builds of artifacts to be prepared; what several refuse is one failure. */
  all<T>(prepared: readonly Promise<T>[]): Promise<readonly T[]>;
}

/**
 * Reads the file where builds are to be kept to it.
 *
 * @param goesAlong whether the file goes where the images go: where there is one, it has to hold
 */
export async function lockFor(
  options: Pick<CommandOptions, "debug" | "debugger" | "delve" | "locked" | "workingDirectory">,
  { emit }: Pick<WorkOptions, "emit">,
  goesAlong = false,
): Promise<Locks> {
  const { locked = false, workingDirectory, debug, delve, debugger: file } = options;
  const found = findLock(workingDirectory);
  const isKept = locked || (goesAlong && found.isThere);
  const isDelve = debug === true && (delve ?? file) === undefined;
  if (!isKept && !(isDelve && found.isThere)) {
    return { of: () => undefined, all: (prepared) => Promise.all(prepared) };
  }
  refuseMissing(found);
  const { path, name } = found;
  const { keptTo, readLock, refusal } = await import("./lock.ts");
  const lock = await readLock(path, name);
  if (!isKept) {
    return { of: () => delveOnly(lock.delve), all: (prepared) => Promise.all(prepared) };
  }
  if (isDelve && lock.delve === undefined) {
    const message = `Cannot build with a debugger: ${name} locks none; write one into it with ` +
      '"kodeno lock --debug", or say one with --delve';
    throw new KodenoError("LOCK_DIFFERS", message);
  }
  return {
    of: (artifact) => keptTo(lock, { path: name, artifact, emit }),
    all: async (prepared) => {
      const results = await Promise.allSettled(prepared);
      const failures = results.flatMap((one) => one.status === "rejected" ? [one.reason] : []);
      const other = failures.find((error) => !hasCode(error, "LOCK_DIFFERS"));
      if (other !== undefined) throw other;
      const differences = failures.flatMap(({ detail }) => detail.differences);
      const failure = refusal(name, differences, true);
      if (failure !== undefined) throw failure;
      return await Promise.all(prepared);
    },
  };
}

/** What keeps a build to the debugger of a file, and lets it have anything else. */
function delveOnly(delve: BuildLock["delve"]): BuildLock {
  return { delve, baseDigest: () => undefined, checkBase: () => {} };
}
