/**
 * Cuts a template into tokens (text, and what stands between `{{` and `}}`), and reads the literals
 * among them as Go does: texts in quotes, characters and numbers.
 * @module
 */
import { Buffer } from "node:buffer";
import type { NumberLiteral } from "./ast.ts";
import { excerpt, TemplateFault } from "./fault.ts";
import { ESCAPES, isRune } from "./format.ts";
import { fromUtf8, MAX_INT64 } from "./value.ts";

/** What a token is; signs are their own kinds, and a `char` has no meaning, such as a comma. */
export type TokenKind =
  | ("text" | "open" | "close" | "identifier" | "field" | "variable" | "dot" | "number")
  | ("character" | "string" | "raw" | "char" | "end of file")
  | Sign;
type Sign = "=" | ":=" | "|" | "(" | ")";

/** A piece of the template. */
export interface Token {
  readonly kind: TokenKind;
  /** As it is written. */
  readonly text: string;
  /** Where it begins, in UTF-16 units. */
  readonly at: number;
  /** Whether there is space before it. */
  readonly isSpaced?: boolean;
}

const WORD = /[\p{L}\p{Nd}_]/u;
/** The ends of an action, with their trim markers and all that these cut. */
const OPEN = /\{\{(?:-[ \t\r\n])?/y;
const CLOSE = /\}\}|[ \t\r\n]-\}\}[ \t\r\n]*/y;
/** What an action consists of; of a number as much as may be one, which is found out later. */
const PATTERNS: readonly (readonly [TokenKind | "space" | "sign", RegExp])[] = [
  ["space", /[ \t\r\n]+/y],
  ["sign", /:=|[=|()]/y],
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

/** What a pattern finds at a place. */
function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** Cuts a template into tokens; space around trim markers and comments are gone. */
export function lex(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    const found = text.indexOf("{{", at);
    const start = found < 0 ? text.length : found;
    const opening = matchAt(OPEN, text, start) ?? "";
    const plain = text.slice(at, start);
    const kept = opening.length > 2 ? plain.replace(/[ \t\r\n]+$/, "") : plain;
    if (kept !== "") tokens.push({ kind: "text", text: kept, at });
    if (found < 0) break;
    at = start + opening.length;
    if (text.startsWith("/*", at)) {
      const end = text.indexOf("*/", at + 2);
      if (end < 0) throw new TemplateFault("the comment has no end", start);
      const closing = matchAt(CLOSE, text, end + 2);
      if (!closing) throw new TemplateFault('after a comment there has to be "}}"', end + 2);
      at = end + 2 + closing.length;
      continue;
    }
    tokens.push({ kind: "open", text: "{{", at: start });
    let [depth, isSpaced] = [0, false];
    let closing = matchAt(CLOSE, text, at);
    for (; closing === undefined; closing = matchAt(CLOSE, text, at)) {
      if (at >= text.length) throw new TemplateFault('it has no "}}"', start);
      const { kind, length } = tokenAt(text, at);
      if (kind === "(") depth++;
      if (kind === ")" && --depth < 0) throw new TemplateFault('a ")" has no "("', at);
      if (kind !== "space") tokens.push({ kind, text: text.slice(at, at + length), at, isSpaced });
      isSpaced = kind === "space";
      // The last space before a trim marker belongs to that marker.
      const isCut = isSpaced && matchAt(CLOSE, text, at + length - 1) !== undefined;
      at += isCut ? length - 1 : length;
    }
    if (depth > 0) throw new TemplateFault('a "(" has no ")"', at);
    tokens.push({ kind: "close", text: "}}", at: at + closing.indexOf("}}"), isSpaced });
    at += closing.length;
  }
  return [...tokens, { kind: "end of file", text: "", at: text.length }];
}

function tokenAt(text: string, at: number): { kind: TokenKind | "space"; length: number } {
  const runeAt = (place: number): string => String.fromCodePoint(text.codePointAt(place) ?? 0);
  for (const [kind, pattern] of PATTERNS) {
    const found = matchAt(pattern, text, at);
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
    if (kind === "sign") return { kind: found as Sign, length };
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

const ESCAPE = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|([^]))/y;

/** What an escape comes to: a character, or a byte of UTF-8. */
function escapeAt(text: string, from: number, quote: string, at: number) {
  ESCAPE.lastIndex = from;
  const [whole = "\\", hex, short, long, octal, letter = ""] = ESCAPE.exec(text) ?? [];
  const { length } = whole;
  const byte = hex === undefined ? parseInt(octal ?? "", 8) : parseInt(hex, 16);
  if (byte <= 255) return { length, code: byte, isByte: true };
  const rune = parseInt(short ?? long ?? "", 16);
  if (isRune(rune)) return { length, code: rune, isByte: false };
  const simple = (letter === quote ? quote : ESCAPES[letter])?.charCodeAt(0);
  if (simple !== undefined) return { length, code: simple, isByte: false };
  throw new TemplateFault(`${excerpt(whole)} is no escape that Go knows`, at + from);
}

/** Reads `"..."` or a text in backquotes, which stands at a place. */
export function unquote(literal: string, at: number): string {
  const inside = literal.slice(1, -1);
  if (literal.startsWith("`")) return inside.replaceAll("\r", "");
  const parts: Uint8Array[] = [];
  for (let i = 0; i < inside.length;) {
    const found = inside.indexOf("\\", i);
    const end = found < 0 ? inside.length : found;
    parts.push(Buffer.from(inside.slice(i, end)));
    i = end;
    if (found < 0) break;
    const { length, code, isByte } = escapeAt(inside, end, '"', at + 1);
    parts.push(isByte ? Uint8Array.of(code) : Buffer.from(String.fromCodePoint(code)));
    i = end + length;
  }
  return fromUtf8(Buffer.concat(parts));
}

/** Reads `'x'`, which is a number. */
export function characterLiteral(literal: string, at: number): NumberLiteral {
  const inside = literal.slice(1, -1);
  const plain = { length: [...inside][0]?.length, code: inside.codePointAt(0) };
  const { length, code } = inside.startsWith("\\") ? escapeAt(inside, 0, "'", at + 1) : plain;
  if (code === undefined || length !== inside.length) {
    throw new TemplateFault(`${literal} is not one character; say "..." for a text`, at);
  }
  return { kind: "number", at, int: BigInt(code), float: code, isFloat: false };
}

const INTEGER = /^(?:0[xX][\da-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9]\d*)$/;
const FLOAT = /^(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const HEX_FLOAT = /^0[xX](?=\.?[\da-fA-F])([\da-fA-F]*)\.?([\da-fA-F]*)[pP]([+-]?\d+)$/;

/** Reads a number as Go writes it: `12`, `0x1F`, `0b1`, `017`, `1_000`, `1.5e3`, `0x1p-2`. */
export function numberLiteral(literal: string, at: number): NumberLiteral {
  const bad = (why: string) => new TemplateFault(`${excerpt(literal)} ${why}`, at);
  if (literal.endsWith("i")) throw bad("is imaginary, which kodeno does not count with");
  // Only between digits, or after the base.
  if (/(?:^|[^\da-fA-FxXbBoO])_|_(?:$|[^\da-fA-F])|^[+-]?_/.test(literal)) {
    throw bad("is no number");
  }
  const digits = literal.replaceAll("_", "").replace(/^[-+]/, "");
  const sign = literal.startsWith("-") ? -1 : 1;
  if (INTEGER.test(digits)) {
    // A zero before other digits makes them octal.
    const int = BigInt(sign) * BigInt(digits.replace(/^0(?=\d)/, "0o"));
    if (int > MAX_INT64 || int < -MAX_INT64 - 1n) throw bad("is too large");
    return { kind: "number", at, int, float: Number(int), isFloat: false };
  }
  const [, whole, part = "", exponent] = HEX_FLOAT.exec(digits) ?? [];
  let float = FLOAT.test(digits) ? sign * Number(digits) : NaN;
  if (whole !== undefined) {
    const size = Number(BigInt(`0x0${whole}${part}`));
    float = sign * size * 2 ** (Number(exponent) - 4 * part.length);
  }
  if (!Number.isFinite(float) || !/[.eEpP]/.test(literal)) throw bad("is no number");
  const isWhole = Number.isInteger(float) && Math.abs(float) < 2 ** 63;
  return { kind: "number", at, int: isWhole ? BigInt(float) : undefined, float, isFloat: true };
}
