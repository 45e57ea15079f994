/**
 * Files: opened where few may be open or somebody may replace them, read and written without the
 * runtime's threads, and told apart without reading.
 *
 * To hand a chunk from one processor to the next and back takes longer than to copy it; in between,
 * other things have their turn.
 * @module
 */
import * as fs from "node:fs";
import { messageOf } from "../errors.ts";
import { ioFailure } from "./fail.ts";
import { yieldToEventLoop } from "./work.ts";

// Windows knows neither.
const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;

/** How long one waits before it tries again, in milliseconds. */
const WAIT_MS = 20;
/** Till whatever holds the others is taken for something that does not end. */
const MOST_WAITS = 250;

/** `Deno.open`, which waits for others to be closed where no more can be opened. */
export async function openPatiently(path: string, how?: Deno.OpenOptions): Promise<Deno.FsFile> {
  for (let waits = 0;; waits++) {
    try {
      return await Deno.open(path, how);
    } catch (error) {
      if (waits === MOST_WAITS || !/os error 24\b/.test(messageOf(error))) throw error;
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    }
  }
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

/**
 * Fills memory from its beginning with what comes next in a file.
 *
 * @param file a real one: a pipe would stop everything
 * @returns how many bytes there were; null at the end
 */
export async function readSome(file: ReadableFile, memory: Uint8Array): Promise<number | null> {
  await yieldToEventLoop();
  return file.readSync(memory);
}

/** {@link readSome} from an offset on, whoever else reads the same file meanwhile. */
export async function readSomeAt(
  file: Deno.FsFile,
  offset: number,
  memory: Uint8Array,
): Promise<number | null> {
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

/** A file that is open for reading. */
export interface RegularFile extends ReadableFile {
  /** What it is now. */
  stat(): fs.Stats;
}

/**
 * Opens a file.
 *
 * @returns nothing when it is a link, or anything else that is no file
 * @throws an error of the system when it is not there or cannot be read
 */
export function openRegularFile(path: string): RegularFile | undefined {
  let descriptor: number;
  try {
    descriptor = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    // ENXIO is that of a socket.
    if (/^(?:ELOOP|ENXIO)$/.test(String((error as { code?: string }).code))) return undefined;
    throw error;
  }
  const file: RegularFile = {
    readSync: (memory) => fs.readSync(descriptor, memory) || null,
    close: () => fs.closeSync(descriptor),
    stat: () => fs.fstatSync(descriptor),
  };
  if (file.stat().isFile()) return file;
  file.close();
  return undefined;
}

/**
 * Reads a text whole, but never more than a bound of it. A pipe is refused: it would be waited for, and
 * could be read once only.
 *
 * @param path a file, or a link to one
 * @param maxBytes most bytes it may have
 * @throws {Error} with words for the end of a message when it is no file, or too large; else an error
 *   of the system, which is `Deno.errors.NotFound` when nothing is there
 */
export function readSmallText(path: string, maxBytes: number): string {
  const file = openRegularFile(Deno.realPathSync(path));
  if (file === undefined) throw new Error("it is no regular file");
  try {
    return readOpen(file, maxBytes);
  } finally {
    file.close();
  }
}

/** All of an open file, as {@link readSmallText} has it. */
export function readOpen(file: RegularFile, maxBytes: number): string {
  const tooLarge = (): Error => new Error(`it is larger than ${maxBytes} bytes`);
  const { size } = file.stat();
  if (size > maxBytes) throw tooLarge();
  // One more shows the end, and what has grown. Files of the kernel have no size.
  let memory = new Uint8Array(size === 0 ? 4096 : size + 1);
  for (let length = 0;;) {
    const count = file.readSync(memory.subarray(length));
    if (count === null) return new TextDecoder().decode(memory.subarray(0, length));
    length += count;
    if (length > maxBytes) throw tooLarge();
    if (length < memory.length) continue;
    const more = new Uint8Array(2 * length);
    more.set(memory);
    memory = more;
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

/** What {@link identityFrom} needs of a look at a file, by whichever means. */
type Seen = Pick<Deno.FileInfo, "size" | "dev" | "ino" | "mtime" | "ctime">;

/** The identity of a file that was looked at. */
export function identityFrom(path: string, { size, dev, ino, mtime, ctime }: Seen): FileIdentity {
  const [modified, changed] = [mtime?.getTime() ?? 0, ctime?.getTime() ?? 0];
  return { path, size, inode: `${dev}:${ino}`, modified, changed };
}

/**
 * The identity of a file's present state; links are followed.
 *
 * @throws {KodenoError} `IO_FAILED`
 */
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

/** Whether a file has been at rest for so long that its next change will show in its identity. */
export function isSettled(identity: FileIdentity, now: number): boolean {
  return now - Math.max(identity.modified, identity.changed) > SETTLE_MS;
}
