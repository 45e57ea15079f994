/**
 * Cuts a template into tokens (text, and what stands between `{{` and `}}`), and reads the literals
 * among them as Go does: texts in quotes, characters and numbers.
 * @module
 */
import { excerpt, type NumberLiteral, TemplateFault } from "./tree.ts";

/** What a token is; `char` is a single one that has no other meaning, such as a comma. */
export type TokenKind =
  | ("text" | "open" | "close" | "space" | "identifier" | "field" | "variable" | "dot" | "number")
  | ("character" | "string" | "raw" | "assign" | "declare" | "pipe" | "(" | ")" | "char")
  | "end of file";

/** A piece of the template. */
export interface Token {
  readonly kind: TokenKind;
  /** As it is written. */
  readonly text: string;
  /** Where it begins, in UTF-16 units. */
  readonly at: number;
}

const SPACE = /[ \t\r\n]/;
const WORD = /[\p{L}\p{Nd}_]/u;
/** What an action consists of; of a number as much as may be one, which is found out later. */
const PATTERNS: readonly (readonly [TokenKind, RegExp])[] = [
  ["space", /[ \t\r\n]+/y],
  ["assign", /=/y],
  ["declare", /:=/y],
  ["pipe", /\|/y],
  ["(", /\(/y],
  [")", /\)/y],
  ["string", /"(?:\\[^\n]|[^"\\\n])*"/y],
  ["character", /'(?:\\[^\n]|[^'\\\n])*'/y],
  ["raw", /`[^`]*`/y],
  ["variable", /\$[\p{L}\p{Nd}_]*/uy],
  ["field", /\.(?!\d)[\p{L}\p{Nd}_]*/uy],
  [
    "number",
    /(?=[-+.\d])[+-]?(?:0[xX][\da-fA-F_]*(?:\.[\da-fA-F_]*)?(?:[pP][+-]?[\d_]*)?|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?|[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?[\d_]*)?)i?/y,
  ],
  ["identifier", /[\p{L}\p{Nd}_]+/uy],
  ["char", /[!-~]/y],
];
/** Characters that only stand where a pattern begins, and what is wrong where it does not go on. */
const UNFINISHED: Readonly<Record<string, string>> = {
  ":": 'after ":" there has to be "="',
  '"': 'a text has no second " in its line',
  "'": "a text has no second ' in its line",
  "`": "a text has no second `",
};

/**
 * Cuts a template into tokens; space around trim markers and comments are gone.
 *
 * @throws {TemplateFault} for an action or a text in it that does not end, and unknown characters
 */
export function lex(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const add = (kind: TokenKind, length: number): void => {
    tokens.push({ kind, text: text.slice(at, at + length), at });
    at += length;
  };
  const isSpace = (place: number): boolean => SPACE.test(text[place] ?? "");
  const trimsBefore = (place: number): boolean => text[place] === "-" && isSpace(place + 1);
  /** How long the end of an action is here, with its trim marker; zero when it is not one. */
  const closingAt = (place: number): number => {
    if (text.startsWith("}}", place)) return 2;
    return isSpace(place) && text.startsWith("-}}", place + 1) ? 4 : 0;
  };
  const skipSpaceAfter = (closing: number): void => {
    while (closing > 2 && isSpace(at)) at++;
  };

  while (at < text.length) {
    const found = text.indexOf("{{", at);
    const start = found < 0 ? text.length : found;
    const plain = text.slice(at, start);
    const kept = trimsBefore(start + 2) ? plain.replace(/[ \t\r\n]+$/, "") : plain;
    if (kept !== "") add("text", kept.length);
    at = start;
    if (found < 0) break;
    const inside = start + (trimsBefore(start + 2) ? 4 : 2);
    if (text.startsWith("/*", inside)) {
      const end = text.indexOf("*/", inside + 2);
      if (end < 0) throw new TemplateFault("the comment has no end", start);
      const closing = closingAt(end + 2);
      if (closing === 0) throw new TemplateFault('after a comment there has to be "}}"', end + 2);
      at = end + 2 + closing;
      skipSpaceAfter(closing);
      continue;
    }
    add("open", 2);
    at = inside;
    let depth = 0;
    for (;;) {
      const closing = closingAt(at);
      if (closing > 0) {
        if (depth > 0) throw new TemplateFault('a "(" has no ")"', at);
        at += closing - 2;
        add("close", 2);
        skipSpaceAfter(closing);
        break;
      }
      if (at >= text.length) throw new TemplateFault('it has no "}}"', start);
      const { kind, length } = tokenAt(text, at);
      if (kind === "(") depth++;
      if (kind === ")" && --depth < 0) throw new TemplateFault('a ")" has no "("', at);
      // Space before a trim marker belongs to that marker, but for the first of several.
      const isCut = kind === "space" && closingAt(at + length - 1) > 2;
      add(kind, isCut ? length - 1 : length);
    }
  }
  add("end of file", 0);
  return tokens;
}

function tokenAt(text: string, at: number): { readonly kind: TokenKind; readonly length: number } {
  const runeAt = (place: number): string => String.fromCodePoint(text.codePointAt(place) ?? 0);
  for (const [kind, pattern] of PATTERNS) {
    pattern.lastIndex = at;
    const [found] = pattern.exec(text) ?? [];
    if (found === undefined) continue;
    const { length } = found;
    const after = text[at + length] ?? "";
    if (kind === "number") {
      // An imaginary part, or letters that belong to no number.
      if (length > 0 && !WORD.test(runeAt(at + length)) && !/[-+]/.test(after)) {
        return { kind, length };
      }
      const [word = ""] = /^[^\s|(){}]*/.exec(text.slice(at)) ?? [];
      throw new TemplateFault(`${excerpt(word)} is no number`, at);
    }
    if (kind === "char" && UNFINISHED[found] !== undefined) {
      throw new TemplateFault(UNFINISHED[found], at);
    }
    if (!/^(?:variable|field|identifier)$/.test(kind)) return { kind, length };
    // What may follow a name, beside the end.
    if (/^[ \t\r\n.,|:)(]?$/.test(after) || text.startsWith("}}", at + length)) {
      return { kind: found === "." ? "dot" : kind, length };
    }
    const why = `${excerpt(runeAt(at + length))} cannot follow ${excerpt(found)}`;
    const hint = after === "-" ? `; read a name with a hyphen by {{index . "a-b"}}` : "";
    throw new TemplateFault(why + hint, at + length);
  }
  throw new TemplateFault(`${excerpt(runeAt(at))} has no meaning in an action`, at);
}

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", "\\": "\\" },
};
const ESCAPE = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|([^]))/y;

interface Escape {
  readonly length: number;
  readonly code: number;
  /** Whether it stands for a byte of UTF-8, not for a character. */
  readonly isByte: boolean;
}

function escapeAt(text: string, from: number, quote: string, at: number): Escape {
  ESCAPE.lastIndex = from;
  const found = ESCAPE.exec(text);
  const [whole = "\\", byte, short, long, octal, letter = ""] = found ?? [];
  const length = whole.length;
  if (byte !== undefined) return { length, code: parseInt(byte, 16), isByte: true };
  const octalCode = parseInt(octal ?? "", 8);
  if (octalCode <= 255) return { length, code: octalCode, isByte: true };
  const code = short ?? long;
  const rune = parseInt(code ?? "", 16);
  const isRune = rune <= 0x10ffff && (rune < 0xd800 || rune > 0xdfff);
  if (isRune) return { length, code: rune, isByte: false };
  const simple = (letter === quote ? quote : ESCAPES[letter])?.charCodeAt(0);
  if (simple === undefined || found === null) {
    throw new TemplateFault(`${excerpt(whole)} is no escape that Go knows`, at + from);
  }
  return { length, code: simple, isByte: false };
}

/**
 * Reads `"..."` or a text in backquotes.
 *
 * @param at where it stands, for errors
 * @throws {TemplateFault} for an escape that Go does not know
 */
export function unquote(literal: string, at: number): string {
  const inside = literal.slice(1, -1);
  if (literal.startsWith("`")) return inside.replaceAll("\r", "");
  if (!inside.includes("\\")) return inside;
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  for (let i = 0; i < inside.length;) {
    const end = inside.indexOf("\\", i);
    bytes.push(...encoder.encode(inside.slice(i, end < 0 ? undefined : end)));
    if (end < 0) break;
    const { length, code, isByte } = escapeAt(inside, end, '"', at + 1);
    if (isByte) bytes.push(code);
    else bytes.push(...encoder.encode(String.fromCodePoint(code)));
    i = end + length;
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(new Uint8Array(bytes));
}

/**
 * Reads `'x'`, which is a number.
 *
 * @throws {TemplateFault} when it is not one character
 */
export function characterLiteral(literal: string, at: number): NumberLiteral {
  const inside = literal.slice(1, -1);
  const { length, code } = inside.startsWith("\\") ? escapeAt(inside, 0, "'", at + 1) : {
    length: String.fromCodePoint(inside.codePointAt(0) ?? 0).length,
    code: inside.codePointAt(0),
  };
  if (code === undefined || length !== inside.length) {
    throw new TemplateFault(`${literal} is not one character; say "..." for a text`, at);
  }
  return { kind: "number", at, int: BigInt(code), float: code, isFloat: false };
}

const MAX_INT = 2n ** 63n - 1n;
const INTEGER = /^[+-]?(?:0[xX][\da-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9]\d*)$/;
const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const HEX_FLOAT = /^([+-]?)0[xX]_?([\da-fA-F]*)\.?([\da-fA-F]*)[pP]([+-]?\d+)$/;

/**
 * Reads a number as Go writes it: `12`, `0x1F`, `0b1`, `017`, `1_000`, `1.5e3`, `0x1p-2`.
 *
 * @throws {TemplateFault} for what is no number, is too large, or is imaginary
 */
export function numberLiteral(literal: string, at: number): NumberLiteral {
  const bad = (why: string) => new TemplateFault(`${excerpt(literal)} ${why}`, at);
  if (literal.endsWith("i")) throw bad("is imaginary, which kodeno does not count with");
  // Only between digits, or after the base.
  if (/(?:^|[^\da-fA-FxXbBoO])_|_(?:$|[^\da-fA-F])|^[+-]?_/.test(literal)) {
    throw bad("is no number");
  }
  const digits = literal.replaceAll("_", "");
  const int = integer(digits);
  if (int !== undefined) {
    if (int > MAX_INT || int < -MAX_INT - 1n) throw bad("is too large");
    return { kind: "number", at, int, float: Number(int), isFloat: false };
  }
  const float = floating(digits);
  if (float === undefined || !Number.isFinite(float)) throw bad("is no number");
  if (!/[.eEpP]/.test(literal)) throw bad("is no number");
  const whole = Number.isInteger(float) && Math.abs(float) < 2 ** 63;
  return { kind: "number", at, int: whole ? BigInt(float) : undefined, float, isFloat: true };
}

function integer(text: string): bigint | undefined {
  if (!INTEGER.test(text)) return undefined;
  const digits = text.replace(/^[-+]/, "");
  // A zero before other digits makes them octal.
  const value = BigInt(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return text.startsWith("-") ? -value : value;
}

function floating(text: string): number | undefined {
  if (FLOAT.test(text)) return Number(text);
  const found = HEX_FLOAT.exec(text);
  if (found === null) return undefined;
  const [, sign, whole = "", part = "", exponent] = found;
  if (whole + part === "") return undefined;
  const value = Number(BigInt(`0x0${whole}${part}`)) * 2 ** (Number(exponent) - 4 * part.length);
  return sign === "-" ? -value : value;
}
