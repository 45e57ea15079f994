/**
 * Can the cache be written, and is there room for it?
 * @module
 */
import { statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { resolveCacheConfig } from "../../config/config.ts";
import { messageOf } from "../../errors.ts";
import { temporaryPath } from "../../io/atomic.ts";
import { ioFailure } from "../../io/fail.ts";
import { type Finding, ok, type Patient, told, warning, wrong } from "./check.ts";

/** Less than a build of some programs takes, in bytes. */
const LITTLE = 1024 ** 3;
const TOO_LITTLE = 64 * 1024 ** 2;

/** Finds out about the cache. A file is made in it and removed at once; no folder is made. */
export async function checkCache({ environment }: Patient): Promise<readonly Finding[]> {
  let directory: string;
  try {
    ({ directory } = resolveCacheConfig(environment));
  } catch (error) {
    return [told("cache", "wrong", messageOf(error))];
  }
  const mend = "mend it, or set KODENO_CACHE to another folder";
  const { path, isThere } = await nearestFolder(directory);
  const found: Finding[] = [];
  try {
    await tryWriting(path);
    const size = isThere ? `${megabytes(await sizeOf(directory))} MB` : "not there yet";
    found.push(ok("cache", `${directory}, ${size}`));
  } catch (error) {
    const why = ioFailure(`write to ${path}`, error).message.replace(/;.*$/s, "");
    found.push(wrong("cache", `${directory} cannot be used: ${why}`, mend));
  }
  const free = await freeBytes(path);
  if (free !== undefined && free < LITTLE) {
    const text = `${megabytes(free)} MB are free on the disk of ${path}`;
    const bad = free < TOO_LITTLE ? wrong : warning;
    found.push(bad("cache", text, 'free some, or run "kodeno cache clean"'));
  }
  return found;
}

/** The folder, or the nearest above it that is there. */
async function nearestFolder(
  directory: string,
): Promise<{ readonly path: string; readonly isThere: boolean }> {
  for (let path = directory;; path = dirname(path)) {
    const info = await Deno.lstat(path).catch(() => undefined);
    if (info !== undefined || dirname(path) === path) return { path, isThere: path === directory };
  }
}

async function tryWriting(folder: string): Promise<void> {
  const path = temporaryPath(folder);
  (await Deno.open(path, { write: true, createNew: true })).close();
  await Deno.remove(path);
}

async function sizeOf(folder: string): Promise<number> {
  let sum = 0;
  try {
    for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
      const path = join(folder, name);
      if (isDirectory) sum += await sizeOf(path);
      else if (isFile) sum += (await Deno.lstat(path)).size;
    }
  } catch {
    // What another process removes meanwhile counts for nothing.
  }
  return sum;
}

async function freeBytes(path: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
