/**
 * Writes scalars in each style, and breaks long lines where the YAML library that ko prints with
 * breaks them.
 * @module
 */
import { isPrintable } from "./analyze.ts";
import { isBlank, isBreak, isGap } from "./cursor.ts";
import type { Style } from "./node.ts";
import { WIDTH, type Writer } from "./writer.ts";

const ESCAPES: Readonly<Record<string, string>> = {
  "\0": "0",
  "\x07": "a",
  "\b": "b",
  "\t": "t",
  "\n": "n",
  "\v": "v",
  "\f": "f",
  "\r": "r",
  "\x1b": "e",
  '"': '"',
  "\\": "\\",
  "\x85": "N",
  "\xa0": "_",
  "\u2028": "L",
  "\u2029": "P",
};

/**
 * Writes a value.
 *
 * @param mayBreak whether long lines may be broken; not in a key
 * @param lineComment writes the comment that stands behind the indicator of a block scalar, or
 * ends the line
 */
export function writeScalar(
  to: Writer,
  value: string,
  style: Style,
  mayBreak: boolean,
  lineComment: () => void,
): void {
  switch (style) {
    case "single":
      return writeSingle(to, value, mayBreak);
    case "double":
      return writeDouble(to, value, mayBreak);
    case "literal":
      to.sign(`|${hints(value)}`);
      lineComment();
      return writeLiteral(to, value);
    case "folded":
      to.sign(`>${hints(value)}`);
      lineComment();
      return writeFolded(to, value);
    default:
      return writePlain(to, value, mayBreak);
  }
}

/** Whether all of a value fits into its line for sure. */
function fits(to: Writer, value: string): boolean {
  return to.column + value.length < WIDTH || !value.includes(" ");
}

function writePlain(to: Writer, value: string, mayBreak: boolean): void {
  if (value !== "" && !to.afterBlank) to.put(" ");
  if (!mayBreak || fits(to, value)) to.write(value);
  else writeWords(to, value, 0, value.length);
  // Even a value of nothing ends the indentation.
  const blank = to.afterBlank;
  to.endText();
  if (value === "") to.afterBlank = blank;
}

/** Writes one line of text; a single space past the width becomes a line break. */
function writeWords(to: Writer, value: string, from: number, end: number, quoted = false): void {
  let spaces = false;
  for (let i = from; i < end; i++) {
    const c = value.charAt(i);
    if (c === " ") {
      const inside = !quoted || i > 0 && i < value.length - 1;
      if (!spaces && to.column > WIDTH && inside && value.charAt(i + 1) !== " ") to.startLine();
      else to.put(c);
      spaces = true;
    } else {
      let next = value.indexOf(" ", i);
      if (next < 0 || next > end) next = end;
      to.write(value.slice(i, next));
      i = next - 1;
      spaces = false;
    }
  }
}

function writeSingle(to: Writer, value: string, mayBreak: boolean): void {
  to.sign("'");
  const lines = value.split(/(?<=[\n\u2028\u2029])/);
  let breaks = false;
  for (const line of lines) {
    const text = line.replace(/[\n\u2028\u2029]$/, "");
    if (text !== "") {
      if (breaks) to.startLine();
      const doubled = text.replaceAll("'", "''");
      if (!mayBreak || to.column + doubled.length < WIDTH) to.write(doubled);
      else writeQuotedWords(to, value, text, lines, line);
      breaks = false;
    }
    if (text.length === line.length) continue;
    // One break alone would read as a space.
    if (!breaks && line.endsWith("\n")) to.break();
    to.break(line.slice(text.length));
    breaks = true;
  }
  to.closer("'");
}

/** The words of a line in single quotes: at the very edges of the value no space is replaced. */
function writeQuotedWords(
  to: Writer,
  value: string,
  text: string,
  lines: readonly string[],
  line: string,
): void {
  const first = line === lines[0] && value.startsWith(text);
  const last = line === lines.at(-1) && value.endsWith(text);
  let spaces = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (c !== " ") {
      to.write(c === "'" ? "''" : c);
      spaces = false;
      continue;
    }
    const edge = first && i === 0 || last && i === text.length - 1;
    if (!spaces && to.column > WIDTH && !edge && text.charAt(i + 1) !== " ") to.startLine();
    else to.put(c);
    spaces = true;
  }
}

function escaped(c: string): string {
  const short = ESCAPES[c];
  if (short !== undefined) return `\\${short}`;
  const code = c.codePointAt(0) ?? 0;
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

function needsEscape(c: string): boolean {
  return c === '"' || c === "\\" || c.length > 1 || isBreak(c) || !isPrintable(c.charCodeAt(0));
}

function writeDouble(to: Writer, value: string, mayBreak: boolean): void {
  to.sign('"');
  let spaces = false;
  // Behind a byte order mark the library escapes everything.
  const all = value.startsWith("\ufeff");
  let i = 0;
  for (const c of value) {
    const end = i + c.length;
    if (c === " " && !all) {
      const next = value.charAt(end);
      const inside = i > 0 && end < value.length;
      if (mayBreak && !spaces && to.column > WIDTH && inside) {
        to.startLine();
        if (next === " ") to.put("\\");
      } else {
        to.put(c);
      }
      spaces = true;
    } else {
      to.put(all || needsEscape(c) ? escaped(c) : c);
      spaces = false;
    }
    i = end;
  }
  to.closer('"');
}

/** What stands behind `|` or `>`: indentation where the text starts with a space, and the end. */
function hints(value: string): string {
  // ko passes over what stands below empty lines, and loses the spaces before it.
  const indentation = /^\n* /.test(value) ? "2" : "";
  if (!isBreak(value.charAt(value.length - 1))) return `${indentation}-`;
  const many = value.length === 1 || isBreak(value.charAt(value.length - 2));
  return many ? `${indentation}+` : indentation;
}

function writeLiteral(to: Writer, value: string): void {
  to.afterBlank = true;
  for (let start = 0; start < value.length;) {
    let end = start;
    while (end < value.length && !isBreak(value.charAt(end))) end++;
    if (end > start) {
      to.startLine();
      to.write(value.slice(start, end));
    }
    if (end < value.length) to.break(value.charAt(end));
    start = end + 1;
  }
}

function writeFolded(to: Writer, value: string): void {
  to.afterBlank = true;
  const keeps = hints(value).endsWith("+");
  /** Whether a line end at a place needs another one, to be none that only folds. */
  const isFolded = (at: number): boolean => {
    let next = at;
    while (next < value.length && isBreak(value.charAt(next))) next++;
    if (next < value.length) return !isBlank(value.charAt(next));
    // At the end none does; ko writes one where it says nothing, as it looks at the value's start.
    return !keeps && !isGap(value.charAt(value.search(/[^\n]/)));
  };
  let breaks = true;
  let leadingBlank = true;
  for (let i = 0; i < value.length; i++) {
    const c = value.charAt(i);
    if (isBreak(c)) {
      if (!breaks && !leadingBlank && c === "\n" && isFolded(i)) to.break();
      to.break(c);
      breaks = true;
      continue;
    }
    if (breaks) {
      to.startLine();
      leadingBlank = isBlank(c);
    }
    // A line that is indented is never folded.
    const mayFold = !breaks && !leadingBlank && c === " " && !isBlank(value.charAt(i + 1));
    if (mayFold && to.column > WIDTH) to.startLine();
    else to.write(c);
    breaks = false;
  }
}
