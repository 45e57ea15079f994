/**
 * Files to text: bounded, and nothing but UTF-8.
 * @module
 */
import { KodenoError, messageOf } from "../../errors.ts";
import { readAll } from "../../io/streams.ts";
import { faultsError, Places } from "./faults.ts";

/** Most bytes of a configuration file; those of people have some thousand. */
export const MAX_YAML_BYTES = 2 * 1024 * 1024;

/**
 * Reads a file whole, but never more than a bound of it.
 *
 * @param path the file
 * @param name what errors call it
 * @param maxBytes most bytes it may have
 * @throws {KodenoError} `BAD_CONFIG` when it is not there, no file, too large, or not UTF-8
 */
export async function readText(path: string, name: string, maxBytes: number): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readBounded(path, name, maxBytes);
  } catch (cause) {
    if (cause instanceof KodenoError) throw cause;
    const why = cause instanceof Deno.errors.NotFound ? "there is no such file" : messageOf(cause);
    throw new KodenoError("BAD_CONFIG", `Cannot read ${name}: ${why}`, { file: name }, { cause });
  }
  return decodeText(bytes, name);
}

async function readBounded(path: string, name: string, maxBytes: number): Promise<Uint8Array> {
  using file = await Deno.open(path);
  const { isDirectory, size } = await file.stat();
  const refuse = (why: string): KodenoError =>
    new KodenoError("BAD_CONFIG", `Cannot read ${name}: ${why}`, { file: name });
  if (isDirectory) throw refuse("it is a folder; name a file");
  const tooLarge = (): KodenoError =>
    refuse(`it is larger than ${maxBytes} bytes; a configuration is not that long`);
  if (size > maxBytes) throw tooLarge();
  try {
    // A pipe says nothing of its size, and a file may grow while it is read.
    return await readAll(file.readable, maxBytes, name);
  } catch (error) {
    throw error instanceof KodenoError ? tooLarge() : error;
  }
}

/**
 * Decodes UTF-8, without a byte order mark.
 *
 * @param name what errors call it
 * @throws {KodenoError} `BAD_CONFIG` with the place of the first byte that is not UTF-8
 */
export function decodeText(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const valid = validPrefix(bytes);
    const found = (bytes[valid] ?? 0).toString(16).padStart(2, "0");
    const before = new TextDecoder().decode(bytes.subarray(0, valid));
    const message = `found byte 0x${found}, which is not UTF-8; save the file as UTF-8`;
    throw faultsError([{ file: name, ...new Places(before).of(before.length), message }]);
  }
}

/** How many bytes at the beginning are UTF-8. */
function validPrefix(bytes: Uint8Array): number {
  const decodes = (length: number): boolean => {
    try {
      // A stream may end inside a character, so only wrong bytes fail.
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length), { stream: true });
      return true;
    } catch {
      return false;
    }
  };
  let good = 0;
  let bad = bytes.length + 1;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (decodes(middle)) good = middle;
    else bad = middle;
  }
  // The end is in the middle of a character: its first byte is the wrong one.
  if (good === bytes.length) { do good--; while (((bytes[good] ?? 0) & 0xc0) === 0x80); }
  return good;
}
