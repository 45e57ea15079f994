/**
 * Files that appear whole or not at all: written under a temporary name, synced, then renamed.
 * What a killed process leaves behind is found by its name and removed by the next one.
 * @module
 */
import { join } from "node:path";
import process from "node:process";
import { openPatiently } from "./open_file.ts";
import { writeAll } from "./file_bytes.ts";

/** `.kodeno-HOST-PID-N.tmp`: tells the next process whose file it is. */
const TEMPORARY = /^\.kodeno-(.+)-(\d+)-(\d+)\.tmp$/;
const STALE_MS = 24 * 60 * 60 * 1000;

/** Before it, this process has made nothing: a name of its number that is older is of another one. */
const FIRST = Math.floor(performance.timeOrigin);
let count = FIRST;
let host: string | undefined;

/** What has processes of its own: a host, or a container that may have the name of its host. */
function hostName(): string {
  // Characters that a file name cannot hold, or that would confuse the pattern, are dropped.
  return host ??= `${Deno.hostname()}${processSpace()}`.replaceAll(/[^A-Za-z0-9.-]/g, "") || "host";
}

function processSpace(): string {
  try {
    return Deno.readLinkSync("/proc/self/ns/pid").replace("pid:", ".");
  } catch {
    // Not Linux, or no /proc.
    return "";
  }
}

/** The path of a new temporary file or folder in a folder. */
export function temporaryPath(directory: string): string {
  return join(directory, `.kodeno-${hostName()}-${process.pid}-${++count}.tmp`);
}

/** Whether a name is that of a temporary file or folder of some kodeno process. */
export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name);
}

/** Syncs a folder, so that the renames in it outlive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await openPatiently(path);
  try {
    await directory.sync();
  } finally {
    directory.close();
  }
}

/**
 * Writes a file through a temporary one. It is visible under its name only when `write` has come to
 * its end and the bytes are on disk; otherwise nothing is left. A power cut may take the name away
 * again till its folder is synced: see {@link syncDirectory}.
 *
 * @param path the final name, in a folder that exists
 * @param temporaryDirectory a folder of the same file system
 * @param write gets the open temporary file
 * @param mode of the file, from the beginning; what the process gives others unless named
 */
export async function writeSynced<T>(
  path: string,
  temporaryDirectory: string,
  write: (file: Deno.FsFile) => Promise<T> | T,
  mode = 0o666,
): Promise<T> {
  const temporary = temporaryPath(temporaryDirectory);
  try {
    const file = await openPatiently(temporary, { write: true, createNew: true, mode });
    let result: T;
    try {
      result = await write(file);
      await file.sync();
    } finally {
      file.close();
    }
    await Deno.rename(temporary, path);
    return result;
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/** {@link writeSynced}, whose name is on disk at the end, too. */
export async function writeAtomically<T>(
  path: string,
  temporaryDirectory: string,
  write: (file: Deno.FsFile) => Promise<T> | T,
  mode?: number,
): Promise<T> {
  const result = await writeSynced(path, temporaryDirectory, write, mode);
  await syncDirectory(join(path, ".."));
  return result;
}

/** {@link writeAtomically} for bytes at hand. */
export async function writeFileAtomically(
  path: string,
  temporaryDirectory: string,
  bytes: Uint8Array,
  mode?: number,
): Promise<void> {
  await writeAtomically(path, temporaryDirectory, (file) => writeAll(file, bytes), mode);
}

function isAlive(id: number): boolean {
  try {
    // Signal 0 only asks. A process of somebody else's is alive, too.
    return process.kill(id, 0);
  } catch (error) {
    return (error as { code?: string }).code !== "ESRCH";
  }
}

/**
 * Removes temporary files and folders whose process is gone: one of this host that is not running, or
 * one of another host that was not touched for a day. Never fails: what cannot be removed stays, and
 * keeps nothing else.
 */
export async function removeStaleTemporaries(directory: string): Promise<void> {
  try {
    for await (const { name } of Deno.readDir(directory)) {
      const path = join(directory, name);
      // Another process may be doing the same.
      if (await isStale(name, path).catch(() => false)) await removeWhole(path);
    }
  } catch {
    // Cleaning is a courtesy.
  }
}

async function isStale(name: string, path: string): Promise<boolean> {
  const [, owner, id, n] = TEMPORARY.exec(name) ?? [];
  if (owner === undefined) return false;
  // Numbers of processes come again, in containers soon.
  if (owner === hostName()) {
    return Number(id) === process.pid ? Number(n) < FIRST : !isAlive(Number(id));
  }
  return Date.now() - ((await Deno.lstat(path)).mtime?.getTime() ?? 0) > STALE_MS;
}

async function removeWhole(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    // Somebody else has removed a part of it meanwhile, and may be killed before all of it is gone.
    if (error instanceof Deno.errors.NotFound) {
      await Deno.remove(path, { recursive: true }).catch(() => {});
    }
  }
}
