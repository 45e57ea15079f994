/**
 * How `kodeno diff` shows differences: a line each, or two where one has no room.
 * @module
 */
import process from "node:process";
import type { Difference } from "../app/diff.ts";
import { printable } from "../errors.ts";
import { fitting, printResult } from "./output.ts";

/** Where nobody says how wide the terminal is. */
const USUAL_COLUMNS = 80;
/** Of a longer list nobody reads the rest, unless they ask for it. */
const MOST_LINES = 100;

/** Prints differences; all of them, or the first ones of each list. */
export function printDifferences(all: readonly Difference[], isAll = false): void {
  const most = isAll ? Infinity : MOST_LINES;
  const make = (short: (text: string) => string): readonly string[] =>
    linesOf(all, "", most, short);
  fitting(make).forEach(printResult);
}

function linesOf(
  all: readonly Difference[],
  indent: string,
  most: number,
  short: (text: string) => string,
): readonly string[] {
  const shown = all.length > most ? all.slice(0, most) : all;
  const lines = shown.flatMap((one) => [
    ...ownLines(one, indent, short),
    ...linesOf(one.below ?? [], `${indent}  `, most, short),
  ]);
  const left = all.length - shown.length;
  return left > 0 ? [...lines, `${indent}... and ${left} more; -v shows them`] : lines;
}

/** One line, if it has room. */
function ownLines(
  { what, a, b, facts = [] }: Difference,
  indent: string,
  short: (text: string) => string,
): readonly string[] {
  const [name, one, other] = [what, a, b].map((text) => short(printable(text ?? "")));
  const behind = (text = ""): string => text === "" ? "" : `: ${text}`;
  if (a !== undefined && b === undefined) return [`${indent}- ${name}${behind(one)}`];
  if (a === undefined && b !== undefined) return [`${indent}+ ${name}${behind(other)}`];
  const told = a === undefined
    ? facts.map((fact) => short(printable(fact)))
    : [`${one} -> ${other}`];
  const line = `${indent}${name}${behind(told.join(", "))}`;
  if (line.length <= (process.stdout.columns || USUAL_COLUMNS)) return [line];
  const below = a === undefined ? told : [`- ${one}`, `+ ${other}`];
  return [`${indent}${name}:`, ...below.map((text) => `${indent}  ${text}`)];
}
