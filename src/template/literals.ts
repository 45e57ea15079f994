/**
 * Literals of Go: texts in quotes, characters and numbers.
 * @module
 */
import { shown, TemplateFault } from "./failure.ts";
import type { NumberLiteral } from "./nodes.ts";

const ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  "\\": 92,
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
  const simple = letter === quote ? quote.charCodeAt(0) : ESCAPES[letter];
  if (simple === undefined || found === null) {
    throw new TemplateFault(`${shown(whole)} is no escape that Go knows`, at + from);
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
const INTEGER = /^([+-]?)(?:0[xX](_?[\da-fA-F]+)|0[bB](_?[01]+)|0[oO]?(_?[0-7]+)|(0|[1-9]\d*))$/;
const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const HEX_FLOAT = /^([+-]?)0[xX]_?([\da-fA-F]*)\.?([\da-fA-F]*)[pP]([+-]?\d+)$/;

/**
 * Reads a number as Go writes it: `12`, `0x1F`, `0b1`, `017`, `1_000`, `1.5e3`, `0x1p-2`.
 *
 * @throws {TemplateFault} for what is no number, is too large, or is imaginary
 */
export function numberLiteral(literal: string, at: number): NumberLiteral {
  const bad = (why: string) => new TemplateFault(`${shown(literal)} ${why}`, at);
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
  const found = INTEGER.exec(text);
  if (found === null) return undefined;
  const [, sign, hex, binary, octal, decimal] = found;
  const value = hex !== undefined
    ? BigInt(`0x${hex}`)
    : binary !== undefined
    ? BigInt(`0b${binary}`)
    : octal !== undefined
    ? BigInt(`0o${octal}`)
    : BigInt(decimal ?? 0);
  return sign === "-" ? -value : value;
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
