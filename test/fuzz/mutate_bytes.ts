/**
 * Mutations of bytes and of lines, which know nothing of what they change.
 * @module
 */
import { concat } from "../archive/images.ts";
import type { Dice } from "../support/dice.ts";

const BYTES: readonly number[] = [0, 1, 9, 10, 13, 27, 32, 34, 47, 92, 123, 127, 128, 192, 255];

/** Bytes with some of them changed, gone, twice, elsewhere, or cut off. */
export function mutateBytes(bytes: Uint8Array, dice: Dice): Uint8Array<ArrayBuffer> {
  let now = new Uint8Array(bytes);
  const times = 1 + dice.below(4);
  for (let i = 0; i < times; i++) {
    const at = dice.below(now.length + 1);
    const to = Math.min(now.length, at + 1 + dice.below(dice.pick([1, 4, 64, 600])));
    const random = Uint8Array.from({ length: 1 + dice.below(8) }, () => dice.below(256));
    now = dice.pick<() => Uint8Array<ArrayBuffer>>([
      () => now.map((byte, index) => index === at ? byte ^ (1 << dice.below(8)) : byte),
      () => now.map((byte, index) => index === at ? dice.pick(BYTES) : byte),
      () => concat(now.subarray(0, at), now.subarray(to)),
      () => concat(now.subarray(0, to), now.subarray(at)),
      () => concat(now.subarray(0, at), random, now.subarray(at)),
      () => concat(now.subarray(0, at), random, now.subarray(to)),
      () => new Uint8Array(now.subarray(0, at)),
      () => concat(now, now.subarray(at, to)),
    ])();
  }
  return now;
}

/** Pieces of YAML that change what is around them. */
const SNIPPETS: readonly string[] = [
  "---",
  "...",
  "- ",
  "? ",
  ": ",
  "&a ",
  "*a",
  "<<: *a",
  "!!binary ",
  "!!str ",
  "!x ",
  "!<tag:x> ",
  "|\n",
  "|2\n",
  ">+\n",
  "#",
  " # c",
  "%YAML 1.1\n---\n",
  "%TAG ! x:\n",
  "\t",
  "\r\n",
  "\r",
  "\u2028",
  "\u0085",
  "\ufeff",
  "\0",
  '"',
  "'",
  "{",
  "}",
  "[",
  "]",
  ",",
  "@",
  "`",
  "\\u0000",
  "\\xff",
  "yes",
  "0x1F",
  "1e3",
  ".inf",
  "2001-01-01",
  "{{.X}}",
];

/** A text with lines moved, gone, twice, pushed in or out, or with pieces of YAML put in. */
export function mutateLines(text: string, dice: Dice): string {
  let now = text;
  const times = 1 + dice.below(3);
  for (let i = 0; i < times; i++) {
    const lines = now.split("\n");
    const [a, b] = [dice.below(lines.length), dice.below(lines.length)];
    const line = lines[a] ?? "";
    const at = dice.below(line.length + 1);
    const put = (...texts: readonly string[]) => lines.toSpliced(a, 1, ...texts);
    now = dice.pick<() => readonly string[]>([
      () => put(),
      () => put(line, line),
      () => put(lines[b] ?? ""),
      () => put(` ${line}`),
      () => put(`  ${line}`),
      () => put(line.slice(1)),
      () => put(line.trimStart()),
      () => put(`\t${line}`),
      () => put(dice.pick(SNIPPETS) + line),
      () => put(line + dice.pick(SNIPPETS)),
      () => put(line.slice(0, at) + dice.pick(SNIPPETS) + line.slice(at)),
      () => put(line.slice(0, at) + dice.pick(SNIPPETS) + line.slice(at)),
      () => put(line, dice.pick(SNIPPETS)),
      () => put(...lines.slice(Math.min(a, b), Math.max(a, b) + 1)),
      () => put(line.slice(0, at), line.slice(at)),
      () => put(line.replace(/^(\s*(?:- )?[^:]*: )(.*)$/, "$1&a $2"), `${line} *a`),
    ])().join("\n");
  }
  return now;
}
