/**
 * Reads scalars that may go on over lines: quoted and plain ones.
 * @module
 */
import { type Cursor, isBlank, isBreak, isGap } from "./cursor.ts";
import { yamlError } from "./failure.ts";

const ESCAPES: Readonly<Record<string, string>> = {
  "0": "\0",
  a: "\x07",
  b: "\b",
  t: "\t",
  "\t": "\t",
  n: "\n",
  v: "\v",
  f: "\f",
  r: "\r",
  e: "\x1b",
  " ": " ",
  '"': '"',
  "'": "'",
  "\\": "\\",
  N: "\x85",
  _: "\xa0",
  L: "\u2028",
  P: "\u2029",
};
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** White space within a scalar: what it stands for. */
interface Gap {
  readonly value: string;
  /** Whether it has a line break. */
  readonly breaks: boolean;
}

/**
 * Passes blanks and line breaks.
 *
 * @param escaped whether a break that was escaped came before: what follows it stands for nothing
 * @param tabIndent column that no tab may stand before after a break; 0 for none
 */
function readGap(cursor: Cursor, escaped: boolean, tabIndent: number): Gap {
  const start = cursor.index;
  let first = "";
  const more: string[] = [];
  let breaks = escaped;
  for (let c = cursor.at(); isBlank(c) || isBreak(c); c = cursor.at()) {
    if (isBreak(c)) {
      if (breaks) more.push(cursor.readBreak());
      else first = cursor.readBreak();
      breaks = true;
    } else {
      if (breaks && c === "\t" && cursor.column < tabIndent) {
        throw yamlError("a tab stands where spaces have to indent", cursor);
      }
      cursor.skip();
    }
  }
  if (!breaks) return { value: cursor.text.slice(start, cursor.index), breaks };
  if (first === "\n") return { value: more.join("") || " ", breaks };
  return { value: first + more.join(""), breaks };
}

/** Reads an escape sequence of a double-quoted scalar. */
function readEscape(cursor: Cursor): string {
  const name = cursor.at(1);
  const digits = HEX_DIGITS[name];
  if (digits === undefined) {
    const value = ESCAPES[name];
    if (value === undefined) throw yamlError(`there is no escape "\\${name}"`, cursor);
    cursor.skip(2);
    return value;
  }
  const hex = cursor.text.slice(cursor.index + 2, cursor.index + 2 + digits);
  const code = /^[0-9a-fA-F]+$/.test(hex) && hex.length === digits ? parseInt(hex, 16) : -1;
  if (code < 0 || code > 0x10ffff || code >= 0xd800 && code <= 0xdfff) {
    throw yamlError(`"\\${name}${hex}" is no character`, cursor);
  }
  cursor.skip(2 + digits);
  return String.fromCodePoint(code);
}

/** Reads a quoted scalar from its first quote to its last; gives its value. */
export function scanQuoted(cursor: Cursor): string {
  const quote = cursor.at();
  const start = cursor.mark();
  cursor.skip();
  const parts: string[] = [];
  for (;;) {
    if (cursor.atDocumentIndicator()) {
      throw yamlError("a document ends within quotes", cursor);
    }
    if (cursor.at() === "") throw yamlError("a quote has no other half", start);
    let escapedBreak = false;
    for (let c = cursor.at(); !isGap(c); c = cursor.at()) {
      if (c === quote) {
        if (quote === '"' || cursor.at(1) !== quote) break;
        cursor.skip(2);
        parts.push(quote);
      } else if (quote === '"' && c === "\\" && isBreak(cursor.at(1))) {
        cursor.skip();
        cursor.readBreak();
        escapedBreak = true;
        break;
      } else if (quote === '"' && c === "\\") {
        parts.push(readEscape(cursor));
      } else {
        const stops = (one: string): boolean => one === quote || one === "\\" && quote === '"';
        parts.push(cursor.readTo(endOfRun(cursor.text, cursor.index, stops)));
      }
    }
    if (cursor.at() === quote) break;
    parts.push(readGap(cursor, escapedBreak, 0).value);
  }
  cursor.skip();
  return parts.join("");
}

/**
 * Where characters of one line end that stand for themselves, blanks between them included.
 *
 * @param stops whether one, by itself and what follows it, does not
 */
function endOfRun(
  text: string,
  from: number,
  stops: (c: string, next: string, afterBlank: boolean) => boolean,
): number {
  let end = from;
  for (let at = from;;) {
    let c = text.charAt(at);
    const start = at;
    while (isBlank(c)) c = text.charAt(++at);
    if (isGap(c) || stops(c, text.charAt(at + 1), at > start)) return end;
    end = ++at;
  }
}

/** Whether a character ends a plain scalar in brackets. */
function endsInFlow(c: string, next: string): boolean {
  if (",[]{}".includes(c)) return true;
  return c === "?" ? isGap(next) : c === ":" && next !== "" && " ,]}".includes(next);
}

/**
 * Reads a plain scalar.
 *
 * @param indent column it has to stand at least at in lines that follow
 * @param flow whether it stands in brackets
 * @returns its value, and whether line breaks were passed after it
 */
export function scanPlain(
  cursor: Cursor,
  indent: number,
  flow: boolean,
): { readonly value: string; readonly breaks: boolean } {
  const ends = (c: string, next: string, afterBlank: boolean): boolean =>
    c === ":" && isGap(next) || c === "#" && afterBlank || flow && endsInFlow(c, next);
  const parts: string[] = [];
  let gap: Gap = { value: "", breaks: false };
  for (;;) {
    if (cursor.atDocumentIndicator() || cursor.at() === "#") break;
    const end = endOfRun(cursor.text, cursor.index, ends);
    if (end > cursor.index) {
      parts.push(gap.value, cursor.readTo(end));
      gap = { value: "", breaks: false };
    }
    const c = cursor.at();
    if (!isBlank(c) && !isBreak(c)) break;
    gap = readGap(cursor, false, indent);
    if (!flow && cursor.column < indent) break;
  }
  return { value: parts.join(""), breaks: gap.breaks };
}
