/**
 * Files that appear whole or not at all: written under a temporary name, synced, then renamed. A name
 * is on disk only when its folder was synced. Temporary files whose process is gone are removed.
 * @module
 */
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { exists, isNotFound, openWithRetry, writeAll } from "./files.ts";
import { fileStream } from "./streams.ts";

/** `.kodeno-HOST-PID-N.tmp`: tells the next process whose file it is. */
const TEMPORARY = /^\.kodeno-(.+)-(\d+)-(\d+)\.tmp$/;
const STALE_MS = 24 * 60 * 60 * 1000;

/** A temporary of this process's number that is older than this is of another process. */
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
  using directory = await openWithRetry(path);
  await directory.sync();
}

const synced = <T>(write: (file: Deno.FsFile) => Promise<T> | T) => async (file: Deno.FsFile) => {
  const result = await write(file);
  await file.sync();
  return result;
};
export const renameTo = (path: string) => (temporary: string) => Deno.rename(temporary, path);

/** Writes a temporary file and settles it under its name. Where either fails nothing is left. */
export async function throughTemporary<T>(
  directory: string,
  write: (file: Deno.FsFile) => Promise<T> | T,
  settle: (temporary: string, result: T) => Promise<void>,
  mode = 0o666,
): Promise<T> {
  const temporary = temporaryPath(directory);
  try {
    using stack = new globalThis.DisposableStack();
    const file = stack.use(await openWithRetry(temporary, { write: true, createNew: true, mode }));
    const result = await write(file);
    stack.dispose();
    await settle(temporary, result);
    return result;
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/**
 * Writes a file through a temporary one of the same file system. It is visible only when `write`
 * has ended and the bytes are on disk; till its folder is synced a power cut may take it away
 * again.
 */
export async function writeSynced<T>(
  path: string,
  temporaryDirectory: string,
  write: (file: Deno.FsFile) => Promise<T> | T,
  mode?: number,
): Promise<T> {
  return await throughTemporary(temporaryDirectory, synced(write), renameTo(path), mode);
}

/** {@link writeSynced}, whose name is on disk at the end, too. */
export async function writeAtomically<T>(...how: Parameters<typeof writeSynced<T>>): Promise<T> {
  const result = await writeSynced(...how);
  await syncDirectory(dirname(how[0]));
  return result;
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
 * Removes temporary files and folders whose process is gone: one of this host that is not running,
 * or one of another host that was not touched for a day. What cannot be removed stays; never fails.
 */
export async function removeStaleTemporaries(directory: string): Promise<void> {
  try {
    // At once: a folder that is still read when its owner is done with it could not be unmounted.
    for (const { name } of Deno.readDirSync(directory)) {
      const path = join(directory, name);
      // Another process may be doing the same.
      if (!(await isStale(name, path).catch(() => false))) continue;
      const remove = () => Deno.remove(path, { recursive: true });
      // Somebody else removes it, too, and may be killed before all of it is gone.
      await remove().catch((error) => isNotFound(error) ? remove() : undefined).catch(() => {});
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

/** Syncs the folder of a path. One that may only be passed through has nothing new in it. */
export async function syncParent(path: string): Promise<void> {
  await syncDirectory(dirname(resolve(path))).catch((error) => {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
  });
}

/** Makes a folder and those above it, of a mode, where they are not there; tells which it made. */
export async function makeFolder(path: string, mode?: number): Promise<readonly string[]> {
  const made: string[] = [];
  for (let at = resolve(path); !exists(at); at = dirname(at)) made.push(at);
  await Deno.mkdir(path, { recursive: true, ...(mode === undefined ? {} : { mode }) });
  for (const folder of made) await syncParent(folder);
  return made;
}

/**
 * Gives a file that is on disk and changes no more a second name, which replaces what has that; where the
 * file system cannot, or another one is to have it, by a copy.
 */
export async function linkOrCopy(
  from: string,
  to: string,
  temporaryDirectory: string,
): Promise<void> {
  const temporary = temporaryPath(temporaryDirectory);
  try {
    await Deno.link(from, temporary);
  } catch (error) {
    if (isNotFound(error)) throw error;
    return await writeSynced(to, temporaryDirectory, async (file) => {
      for await (const chunk of fileStream(await openWithRetry(from))) writeAll(file, chunk);
    });
  }
  try {
    await Deno.rename(temporary, to);
  } finally {
    // Where both were names of one file already, the system leaves both.
    await Deno.remove(temporary).catch(() => {});
  }
}

/**
 * Writes a file whole, or not at all where something has its name; tells whether it was written. Whoever
 * needs the name to outlive a power cut syncs the folder: see {@link syncParent}.
 */
export async function linkFile(
  path: string,
  temporaryDirectory: string,
  bytes: Uint8Array,
): Promise<boolean> {
  const write = synced((file) => writeAll(file, bytes));
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
