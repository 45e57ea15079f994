/**
 * Opening of files that somebody may replace meanwhile: a link is not followed, and a pipe is not
 * waited for. And small files as text.
 * @module
 */
import * as fs from "node:fs";
import type { ReadableFile } from "./file_bytes.ts";

// Windows knows neither.
const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;

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
    return textOf(file, maxBytes);
  } finally {
    file.close();
  }
}

/** All of an open file, as {@link readSmallText} has it. */
export function textOf(file: RegularFile, maxBytes: number): string {
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
