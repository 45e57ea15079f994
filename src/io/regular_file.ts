/**
 * Opening of files that somebody may replace meanwhile: a link is not followed, and a pipe is not
 * waited for.
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
