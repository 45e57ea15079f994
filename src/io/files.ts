/**
 * Files: opened where few may be open or somebody may replace them, looked at, read and written without
 * the runtime's threads (to hand a chunk from one processor to the next and back takes longer than to
 * copy it, and ten times what it takes to open a small file), and told apart without reading.
 * @module
 */
import { Buffer } from "node:buffer";
import * as fs from "node:fs";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { KodenoError, messageOf } from "../errors.ts";
import { sleep, yieldToEventLoop } from "./concurrency.ts";

// Windows knows neither.
const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;

/** How long one waits before it tries again, in milliseconds. */
const WAIT_MS = 20;
/** Till whatever holds the others is taken for something that does not end. */
const MOST_WAITS = 250;

/** Whether an error, or the one behind it, says that no more files can be opened. */
export function isOutOfFiles(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  return code === "EMFILE" || code === "ENFILE" || isOutOfFiles(error.cause);
}

/** `Deno.open`, which waits for others to be closed where no more can be opened. */
export async function openWithRetry(path: string, how?: Deno.OpenOptions): Promise<Deno.FsFile> {
  for (let waits = 0;; waits++) {
    try {
      return Deno.openSync(path, how);
    } catch (error) {
      if (waits === MOST_WAITS || !isOutOfFiles(error)) throw error;
      await sleep(WAIT_MS);
    }
  }
}

/** Opens a regular file; gives nothing for what is none: a pipe would be waited for. Links are followed. */
export async function openIfFile(path: string): Promise<Deno.FsFile | undefined> {
  return Deno.statSync(path).isFile ? await openWithRetry(path) : undefined;
}

/**
 * Bytes of a file written at a time. The system takes larger pieces into larger pages, which are
 * farther from the processor than the small ones that were just let go.
 */
const WRITE_BYTES = 64 * 1024;

/** What a file that is open for reading is needed for. */
export interface ReadableFile {
  readSync(memory: Uint8Array): number | null;
  close(): void;
}

/** Fills memory with what comes next in a file (a pipe would stop everything); null at the end. */
export async function readSome(file: ReadableFile, memory: Uint8Array): Promise<number | null> {
  await yieldToEventLoop();
  return file.readSync(memory);
}

/** {@link readSome} from an offset on, whoever else reads the same file meanwhile. */
export async function readSomeAt(file: Deno.FsFile, offset: number, memory: Uint8Array) {
  await yieldToEventLoop();
  file.seekSync(offset, Deno.SeekMode.Start);
  return file.readSync(memory);
}

/** Writes all of a chunk to a file, which may take less at a time. */
export function writeAll(file: Deno.FsFile, chunk: Uint8Array): void {
  for (let offset = 0; offset < chunk.length;) {
    offset += file.writeSync(chunk.subarray(offset, offset + WRITE_BYTES));
  }
}

/**
 * {@link writeAll} by a thread of the runtime, where there is enough to write: what comes next is
 * received and hashed meanwhile. A pull takes a seventh less time.
 */
export async function writeBeside(file: Deno.FsFile, chunk: Uint8Array): Promise<void> {
  if (chunk.length < WRITE_BYTES) return writeAll(file, chunk);
  for (let offset = 0; offset < chunk.length;) offset += await file.write(chunk.subarray(offset));
}

interface RegularFile extends ReadableFile, Disposable {
  stat(): fs.Stats;
}

/** Opens a file; gives nothing for a link, or anything else that is no file. */
export function openRegularFile(path: string): RegularFile | undefined {
  let descriptor: number;
  try {
    descriptor = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    // ENXIO is that of a socket.
    if (/^(?:ELOOP|ENXIO)$/.test(String((error as { code?: string }).code))) return undefined;
    throw error;
  }
  const close = (): void => fs.closeSync(descriptor);
  const file: RegularFile = {
    readSync: (memory) => fs.readSync(descriptor, memory) || null,
    stat: () => fs.fstatSync(descriptor),
    close,
    [Symbol.dispose]: close,
  };
  if (file.stat().isFile()) return file;
  file.close();
  return undefined;
}

/**
 * Reads a text whole, up to a bound. A pipe is refused: it could be read once only. Errors have
 * words for the end of a message, or are `Deno.errors.NotFound` where nothing is there.
 */
export function readSmallText(path: string, maxBytes: number): string {
  using file = openRegularFile(Deno.realPathSync(path));
  if (file === undefined) throw new Error("it is no regular file");
  return readOpenText(file, maxBytes);
}

/**
 * {@link readSmallText} of a file that an option names.
 *
 * @param what `key`
 * @throws {KodenoError} `BAD_OPTION`
 */
export function readNamedText(what: string, path: string, maxBytes: number): string {
  try {
    return readSmallText(path, maxBytes);
  } catch (cause) {
    const why = isAbsent(cause) ? "there is no such file" : messageOf(cause);
    throw new KodenoError("BAD_OPTION", `Cannot use ${what} ${path}: ${why}`, {}, { cause });
  }
}

/** All of an open file, as {@link readSmallText} has it. */
export function readOpenText(file: RegularFile, maxBytes: number): string {
  const tooLarge = (): Error => new Error(`it is larger than ${maxBytes} bytes`);
  const { size } = file.stat();
  if (size > maxBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  for (let length = 0;;) {
    // One more shows what has grown. Files of the kernel have no size.
    const memory = new Uint8Array(length > 0 || size === 0 ? 4096 : size + 1);
    const count = file.readSync(memory);
    if (count === null) return new TextDecoder().decode(Buffer.concat(chunks, length));
    chunks.push(memory.subarray(0, count));
    length += count;
    if (length > maxBytes) throw tooLarge();
  }
}

/**
 * What tells one state of a file from another without reading it. The kernel sets the change time
 * with every write and rename, and no program can set it back.
 */
export interface FileIdentity {
  /** With links resolved. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly inode: string;
  /** Milliseconds since 1970. */
  readonly modified: number;
  /** Milliseconds since 1970, in whole seconds: the runtime tells no more. */
  readonly changed: number;
}

/** The identity of a file that was looked at, by whichever means. */
export function identityFrom(
  path: string,
  { size, dev, ino, mtime, ctime }: Pick<Deno.FileInfo, "size" | "dev" | "ino" | "mtime" | "ctime">,
): FileIdentity {
  const [modified, changed] = [mtime?.getTime() ?? 0, ctime?.getTime() ?? 0];
  return { path, size, inode: `${dev}:${ino}`, modified, changed };
}

/** The identity of a file's present state; links are followed. */
export async function identityOf(path: string): Promise<FileIdentity> {
  try {
    const real = await Deno.realPath(path);
    return identityFrom(real, await Deno.stat(real));
  } catch (error) {
    throw ioFailure(`read ${path}`, error);
  }
}

/** Longer than the coarsest clock of a file system (FAT: two seconds), in milliseconds. */
const SETTLE_MS = 2500;

/** Whether a file has been at rest for so long that its next change shows in its identity. */
export function isSettled(identity: FileIdentity, now: number): boolean {
  return now - Math.max(identity.modified, identity.changed) > SETTLE_MS;
}

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

/** What failed while `doing` (`write cache DIR`); a {@link KodenoError} comes back as it is. */
export function ioFailure(doing: string, error: unknown): KodenoError {
  if (error instanceof KodenoError) return error;
  const text = messageOf(error);
  const reason = REASONS.find(([pattern]) => pattern.test(text))?.[1] ?? text;
  return new KodenoError("IO_FAILED", `Cannot ${doing}: ${reason}`, {}, { cause: error });
}

export function isNotFound(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound;
}

/** Removes a file or, with `recursive`, a folder; tells whether there was something to remove. */
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

/** Removes a folder and those above it, below `top`, while they are empty; gives the first that stays. */
export async function removeEmptyFolders(folder: string, top: string): Promise<string> {
  let at = folder;
  while (at !== top && isInside(top, at)) {
    if (!(await Deno.remove(at).then(() => true, () => false))) break;
    at = dirname(at);
  }
  return at;
}

/** Whether nothing is at a path, or what is to be a folder on the way there is none. */
export function isAbsent(error: unknown): boolean {
  return isNotFound(error) || error instanceof Deno.errors.NotADirectory;
}

/** Whether something is there; links are followed. What may not be looked at is for its reader. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    return !isAbsent(error);
  }
}

/** Whether something has that name, be it a link that leads nowhere. */
export function isTaken(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Whether there is a regular file; links are followed. */
export function isFile(path: string): boolean {
  return lookAt(path)?.isFile ?? false;
}

/** Whether there is a folder; links are followed. */
export function isFolder(path: string): boolean {
  return lookAt(path)?.isDirectory ?? false;
}

function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}

/** What is in a folder; nothing where it went, or cannot be read. */
export async function entriesIn(folder: string): Promise<readonly Deno.DirEntry[]> {
  return await Array.fromAsync(Deno.readDir(folder)).catch(() => []);
}

/** Whether a path is a folder or leads into it. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** The nearest folder, upwards from a start, that has something of a name in it. */
export function findUp(start: string, name: string): string | undefined {
  for (let folder = resolve(start);; folder = dirname(folder)) {
    if (lookAt(join(folder, name))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}
