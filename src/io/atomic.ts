/**
 * Files that appear whole or not at all: written under a temporary name, synced, then renamed.
 * What a killed process leaves behind is found by its name and removed by the next one.
 * A name is on disk only when the folder it is in was synced.
 *
 * And small records that are kept between runs and never trusted: a checksum over the record and its
 * name finds damage and records that got another's name; those that another user could have written
 * are not read at all.
 * @module
 */
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { exists } from "./fail.ts";
import { openPatiently, openRegularFile, readOpen, type RegularFile, writeAll } from "./files.ts";
import { digestOf } from "./hash.ts";

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
 * Writes a temporary file and settles it under its own name; where either fails, nothing is left.
 *
 * @param settle gets its path when it is closed
 */
async function throughTemporary<T>(
  directory: string,
  write: (file: Deno.FsFile) => Promise<T> | T,
  settle: (temporary: string) => Promise<void>,
  mode = 0o666,
): Promise<T> {
  const temporary = temporaryPath(directory);
  try {
    const file = await openPatiently(temporary, { write: true, createNew: true, mode });
    let result: T;
    try {
      result = await write(file);
    } finally {
      file.close();
    }
    await settle(temporary);
    return result;
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
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
  mode?: number,
): Promise<T> {
  const synced = async (file: Deno.FsFile): Promise<T> => {
    const result = await write(file);
    await file.sync();
    return result;
  };
  const settle = (temporary: string) => Deno.rename(temporary, path);
  return await throughTemporary(temporaryDirectory, synced, settle, mode);
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

/**
 * Syncs the folder that a path is in. One that may only be passed through is left alone: it is
 * somebody else's, and nothing new is in it.
 */
export async function syncParent(path: string): Promise<void> {
  try {
    await syncDirectory(dirname(resolve(path)));
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
  }
}

/**
 * Makes a folder and those above it, where they are not there.
 *
 * @param mode of those that are made
 */
export async function makeFolder(path: string, mode?: number): Promise<void> {
  const made: string[] = [];
  for (let at = resolve(path); !(await exists(at)); at = dirname(at)) made.push(at);
  await Deno.mkdir(path, { recursive: true, ...(mode === undefined ? {} : { mode }) });
  for (const folder of made) await syncParent(folder);
}

/**
 * Writes a file whole, or not at all where there is something of its name, which then stays. Whoever
 * needs the name to outlive a power cut syncs the folder: see {@link syncParent}.
 *
 * @param temporaryDirectory a folder of the same file system
 * @returns whether it was written
 */
export async function linkFile(
  path: string,
  temporaryDirectory: string,
  bytes: Uint8Array,
): Promise<boolean> {
  const write = async (file: Deno.FsFile): Promise<void> => {
    writeAll(file, bytes);
    await file.sync();
  };
  try {
    await throughTemporary(temporaryDirectory, write, async (temporary) => {
      // Unlike a rename, a link replaces nothing that came meanwhile.
      await Deno.link(temporary, path);
      await Deno.remove(temporary).catch(() => {});
    });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

/** More than any record has. */
const MAX_BYTES = 4 * 1024 * 1024;
/** Others may read a record, and nobody else may write it, whatever the umask is. */
const MODE = 0o644;
/** Bits of group and others that allow to write. */
const WRITABLE_BY_OTHERS = 0o022;

/** The text of a record: a checksum, and the value as JSON. */
export function seal(name: string, value: unknown): string {
  const text = JSON.stringify(value);
  return `${digestOf(`${name}\n${text}`)}\n${text}\n`;
}

/** The value in the text of a record; nothing where it is not what was written under that name. */
export function unseal(name: string, sealed: string): unknown {
  const [, sum, text = ""] = /^(\S+)\n(.*)\n$/.exec(sealed) ?? [];
  return sum === digestOf(`${name}\n${text}`) ? JSON.parse(text) : undefined;
}

/**
 * Reads a record; nothing where there is none, or none that can be trusted.
 *
 * @param ofAnyone whether records of other users count, too
 */
export function readSealed(path: string, name: string, ofAnyone = false): unknown {
  let file: RegularFile | undefined;
  try {
    file = openRegularFile(path);
    if (file === undefined || (!ofAnyone && !isOwnFile(file.stat()))) return undefined;
    return unseal(name, readOpen(file, MAX_BYTES));
  } catch {
    return undefined;
  } finally {
    file?.close();
  }
}

/**
 * Writes a record. It is not synced: what a power cut leaves behind has a wrong checksum.
 *
 * @param directory folder of the same file system, for the temporary file
 */
export async function writeSealed(
  path: string,
  directory: string,
  name: string,
  value: unknown,
): Promise<void> {
  const bytes = new TextEncoder().encode(seal(name, value));
  const settle = (temporary: string) => Deno.rename(temporary, path);
  await throughTemporary(directory, (file) => writeAll(file, bytes), settle, MODE);
}

/** Whether only this user, or root, can have written a file or what is in a folder. */
export function isOwnFile({ uid, mode }: Pick<Deno.FileInfo, "uid" | "mode">): boolean {
  // Windows knows neither.
  if (uid === null || mode === null) return true;
  return (uid === 0 || uid === Deno.uid()) && (mode & WRITABLE_BY_OTHERS) === 0;
}
