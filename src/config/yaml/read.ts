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
 * Decodes UTF-8.
 *
 * @param name what errors call it
 * @param ignoreBOM whether a byte order mark is part of the text
 * @throws {KodenoError} `BAD_CONFIG` with the place of the first byte that is not UTF-8
 */
export function decodeText(bytes: Uint8Array, name: string, ignoreBOM = false): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM }).decode(bytes);
  } catch {
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    let [at, length] = [-1, 0];
    // What stands for bytes that are none may stand there by itself.
    do {
      const next = text.indexOf("\ufffd", at + 1);
      length += new TextEncoder().encode(text.slice(Math.max(at, 0), next)).length;
      at = next;
    } while (bytes[length] === 0xef && bytes[length + 1] === 0xbf && bytes[length + 2] === 0xbd);
    const found = (bytes[length] ?? 0).toString(16).padStart(2, "0");
    const message = `found byte 0x${found}, which is not UTF-8; save the file as UTF-8`;
    throw faultsError([{ file: name, ...new Places(text).of(at), message }]);
  }
}
