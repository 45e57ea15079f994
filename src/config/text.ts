/**
 * Configuration files as text, bounded and nothing but UTF-8.
 * @module
 */
import { KodenoError, messageOf } from "../errors.ts";
import { isNotFound } from "../io/files.ts";
import { readAll } from "../io/streams.ts";
import { faultsError, Places } from "./yaml/faults.ts";

/** Reads a file whole, but never more than a bound of it; throws `BAD_CONFIG` for any other. */
export async function readText(path: string, name: string, maxBytes: number): Promise<string> {
  const tooLarge = `it is larger than ${maxBytes} bytes; a configuration is not that long`;
  let bytes: Uint8Array;
  try {
    using file = await Deno.open(path);
    const { isDirectory, size } = await file.stat();
    if (isDirectory) throw new Error("it is a folder; name a file");
    if (size > maxBytes) throw new Error(tooLarge);
    // A pipe says nothing of its size, and a file may grow while it is read.
    bytes = await readAll(file.readable, maxBytes, name);
  } catch (cause) {
    const why = cause instanceof KodenoError ? tooLarge : messageOf(cause);
    const message = `Cannot read ${name}: ${isNotFound(cause) ? "there is no such file" : why}`;
    throw new KodenoError("BAD_CONFIG", message, { file: name }, { cause });
  }
  return decodeText(bytes, name);
}

/** Decodes UTF-8, or throws `BAD_CONFIG` with the place of the first byte that is none. */
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
