/**
 * What the operating system says about a file: as one line with the next step, or as no failure where
 * a file may be gone already.
 * @module
 */
import { dirname, join, resolve } from "node:path";
import { KodenoError, messageOf } from "../errors.ts";

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/os error 28\b|ENOSPC/, "no space is left on the disk; free some and run it again"],
  [/os error 122\b|EDQUOT/, "the disk quota is used up; free some space and run it again"],
  [/os error 24\b|EMFILE/, 'the process may not open more files; raise the limit ("ulimit -n")'],
  [/os error 30\b|EROFS/, "the file system is read-only; choose another place"],
  [
    /os error 13\b|EACCES|os error 1\b|EPERM/,
    "permission denied; choose another place or mend its mode",
  ],
  [/os error 17\b|EEXIST/, "something else has that name"],
  [/os error 21\b|EISDIR/, "it is a folder"],
  [/os error 20\b|ENOTDIR/, "a part of the path is a file"],
  [/os error 6\b|ENXIO/, "it is a socket, or a device that is not there"],
  [/os error 2\b|ENOENT/, "there is no such file"],
];

/**
 * Wraps an error of a file operation. A {@link KodenoError} comes back as it is.
 *
 * @param doing what was tried, to what: `write layer cache DIR`
 */
export function ioFailure(doing: string, error: unknown): KodenoError {
  if (error instanceof KodenoError) return error;
  const text = messageOf(error);
  const reason = REASONS.find(([pattern]) => pattern.test(text))?.[1] ?? text;
  return new KodenoError("IO_FAILED", `Cannot ${doing}: ${reason}`, {}, { cause: error });
}

/** Whether an error says that a file is not there. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound;
}

/**
 * Removes a file or, with `recursive`, a folder and all in it.
 *
 * @returns whether there was something to remove
 * @throws {KodenoError} `IO_FAILED`
 */
export async function removeIfThere(
  path: string,
  options: Deno.RemoveOptions = {},
): Promise<boolean> {
  try {
    await Deno.remove(path, options);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw ioFailure(`remove ${path}`, error);
  }
}

/** Whether something is there; links are followed. What may not be looked at is for its reader. */
export async function exists(path: string): Promise<boolean> {
  const isAbsent = (error: unknown): boolean =>
    isNotFound(error) || error instanceof Deno.errors.NotADirectory;
  return await Deno.stat(path).then(() => true, (error) => !isAbsent(error));
}

/** Whether there is a regular file; links are followed. */
export async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile, () => false);
}

/** Whether there is a folder; links are followed. */
export function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** The nearest folder, upwards from a start, that has something of a name in it. */
export async function findUp(start: string, name: string): Promise<string | undefined> {
  for (let folder = resolve(start);; folder = dirname(folder)) {
    if (await Deno.stat(join(folder, name)).then(() => true, () => false)) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}
