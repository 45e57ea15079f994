/**
 * Configuration files as text, bounded and nothing but UTF-8; and faults of them: where each one is,
 * and one error for all.
 * @module
 */
import { KodenoError, messageOf } from "../../errors.ts";
import { readAll } from "../../io/streams.ts";

/** A place in a text; both count from 1, columns in characters. */
export interface Position {
  readonly line: number;
  readonly column: number;
}
/** A place in a file, as the user named that. */
export interface FilePlace extends Position {
  readonly file: string;
}
/** One thing that is wrong with a file: what was found there and what is allowed. */
export interface Fault extends FilePlace {
  readonly message: string;
}

/** Keys and indexes that lead from the root of a document to a value. */
export type Path = readonly (string | number)[];

/** More lines than a person reads; what is left out is counted. */
const MOST_LINES = 50;
/** Longer messages quote what nobody wants to see whole. */
const MOST_CHARACTERS = 1000;

/** The places of offsets in a text; lines are only counted once somebody asks. */
export class Places {
  #starts: readonly number[] | undefined;
  /** Second halves of characters of two units, which are no columns of their own. */
  #halves: readonly number[] | undefined;

  constructor(readonly text: string) {}

  /** The place of an offset in UTF-16 units. */
  of(offset: number): Position {
    const starts = this.#starts ??= [0, ...this.#behind(/\n/g)];
    const halves = this.#halves ??= this.#behind(/[\ud800-\udbff](?=[\udc00-\udfff])/g);
    const line = countBelow(starts, offset + 1);
    const start = starts[line - 1] ?? 0;
    const units = offset - start;
    return { line, column: units - countBelow(halves, offset) + countBelow(halves, start) + 1 };
  }

  #behind(pattern: RegExp): number[] {
    return Array.from(this.text.matchAll(pattern), ({ index }) => index + 1);
  }
}

/** How many of sorted numbers are smaller than another one. */
function countBelow(sorted: readonly number[], limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Writes a path as a person would: `builds[0].labels["a.b"]`. */
export function formatPath(path: Path): string {
  return path.map((step, i) => {
    if (!/^[\w$-]+$/.test(String(step)) || typeof step === "number") {
      return `[${JSON.stringify(step)}]`;
    }
    return i === 0 ? step : `.${step}`;
  }).join("");
}

/** `FILE:LINE:COLUMN: MESSAGE`, as compilers write it and editors read it. */
export function formatFault({ file, line, column, message }: Fault): string {
  const more = message.length > MOST_CHARACTERS ? "..." : "";
  return `${file}:${line}:${column}: ${message.slice(0, MOST_CHARACTERS)}${more}`;
}

/** One error for all faults of a file (or of several), a line each, in the order of the text. */
export function faultsError(faults: readonly Fault[]): KodenoError {
  const files = [...new Set(faults.map(({ file }) => file))];
  const sorted = [...faults].sort((a, b) =>
    files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column
  );
  const lines = [...new Set(sorted.map(formatFault))];
  const more = lines.length - MOST_LINES;
  const shown = more > 0 ? [...lines.slice(0, MOST_LINES), `and ${more} more`] : lines;
  return new KodenoError("BAD_CONFIG", shown.join("\n"), { faults: sorted });
}

/** Most bytes of a configuration file; those of people have some thousand. */
export const MAX_YAML_BYTES = 2 * 1024 * 1024;

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
    const isAbsent = cause instanceof Deno.errors.NotFound;
    const why = cause instanceof KodenoError ? tooLarge : messageOf(cause);
    const message = `Cannot read ${name}: ${isAbsent ? "there is no such file" : why}`;
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
