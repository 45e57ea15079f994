/**
 * Whether kodeno.lock says of images what it did at a commit.
 * @module
 */
import { relative } from "node:path";
import { hasCode } from "../errors.ts";
import { asBefore, type Changes } from "../git/changes.ts";
import { findLock } from "./find_lock.ts";
import type { Lock } from "./lock.ts";

/**
 * Gives what tells why an image may be locked to something else than it was, by the name that the file has
 * for it; nothing where it is not.
 */
export async function lockedSince(
  directory: string,
  changes: Changes,
): Promise<(image: string) => string | undefined> {
  const { path, isThere } = findLock(directory);
  const name = relative(directory, path);
  if (isThere && !changes.knows(path)) return () => `${name} is in no commit`;
  if (!changes.changed.has(path)) return () => undefined;
  const { readLock } = await import("./lock.ts");
  const of = (lock: Lock | undefined) => (image: string): string => {
    const { kodeno: _, ...said } = lock?.images[image] ?? { kodeno: "" };
    return JSON.stringify(said);
  };
  try {
    const before = of(await asBefore(changes, path, (file) => readLock(file)));
    const after = of(isThere ? await readLock(path, name) : undefined);
    return (image) => {
      return before(image) === after(image) ? undefined : `${name} says something else of it`;
    };
  } catch (error) {
    if (!hasCode(error, "BAD_CONFIG")) throw error;
    return () => `${name} cannot be read as it was`;
  }
}
