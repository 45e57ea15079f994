/**
 * Faults of configuration files: where each one is, and one error for all.
 * @module
 */
import { KodenoError } from "../../errors.ts";

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
  const lines = readableLines([...new Set(sorted.map(formatFault))]);
  return new KodenoError("BAD_CONFIG", lines.join("\n"), { faults: sorted });
}

/** As many of some lines as a person reads, and how many more there are. */
export function readableLines(lines: readonly string[]): readonly string[] {
  const more = lines.length - MOST_LINES;
  return more > 0 ? [...lines.slice(0, MOST_LINES), `and ${more} more`] : lines;
}
