/**
 * Faults of configuration files: where each one is, and one error for all of them.
 * @module
 */
import { KodenoError } from "../../errors.ts";

/** A place in a text; both count from 1, columns in characters. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong with a file. */
export interface Fault extends Position {
  /** The file as the user named it. */
  readonly file: string;
  /** What was found there and what is allowed. */
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
  readonly #text: string;
  #starts: readonly number[] | undefined;
  /** Second halves of characters of two units, which are no columns of their own. */
  #halves: readonly number[] | undefined;

  /** @param text what offsets lead into, counted in UTF-16 units */
  constructor(text: string) {
    this.#text = text;
  }

  /** Finds the place of an offset. */
  of(offset: number): Position {
    const starts = this.#starts ??= lineStarts(this.#text);
    const halves = this.#halves ??= [...this.#text.matchAll(SECOND_HALF)].map(({ index }) => index);
    const line = countBelow(starts, offset + 1);
    const start = starts[line - 1] ?? 0;
    const units = offset - start;
    return { line, column: units - countBelow(halves, offset) + countBelow(halves, start) + 1 };
  }
}

const SECOND_HALF = /(?<=[\ud800-\udbff])[\udc00-\udfff]/g;

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

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/**
 * Writes a path as a person would.
 *
 * @example
 * ```ts
 * import { formatPath } from "./faults.ts";
 * const text = formatPath(["builds", 0, "labels", "a.b"]);
 * if (text !== 'builds[0].labels["a.b"]') throw new Error(text);
 * ```
 */
export function formatPath(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (!/^[\w$-]+$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** `FILE:LINE:COLUMN: MESSAGE`, as compilers write it and editors read it. */
export function formatFault({ file, line, column, message }: Fault): string {
  const short = message.length > MOST_CHARACTERS
    ? `${message.slice(0, MOST_CHARACTERS)}...`
    : message;
  return `${file}:${line}:${column}: ${short}`;
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
