/**
 * Go's `fmt` and what of `strconv` stands behind it: values, texts in quotes, decimal texts of
 * float64 numbers (exact, and halves to even).
 * @module
 */
import { GoTime } from "./go_time.ts";
import { GoInt, GoList, GoMap, isNil, typeOf, type Value } from "./value.ts";

/** The value as a template prints it. */
export function display(value: Value): string {
  return typeof value === "string" ? value : formatValue(value, "v", {});
}

/** Values in a row, with a space between two that are no texts. */
export function sprint(values: readonly Value[]): string {
  return values.map((value, i) => {
    const isApart = i > 0 && typeof value !== "string" && typeof values[i - 1] !== "string";
    return (isApart ? " " : "") + display(value);
  }).join("");
}

/** Go writes numbers larger than this neither as width nor as precision. */
const TOO_LARGE = 1_000_000;

/** Values in the places of a format's verbs, such as `%s`, `%05d` and `%-8q`. */
export function sprintf(format: string, values: readonly Value[]): string {
  let text = "";
  let at = 0;
  /** The next value; whether an index has said so, and whether all of those were good. */
  let next = 0;
  let [isReordered, isGood] = [false, true];
  /** Whether the last thing read was an index such as `[1]`. */
  let isAfterIndex = false;

  /** `[3]` before a width, a precision or a verb: which value is next. */
  const readIndex = (): void => {
    isAfterIndex = false;
    if (format[at] !== "[") return;
    isReordered = true;
    const end = format.indexOf("]", at);
    if (end < 0 || format.length - at < 3) {
      isGood = false;
      at++;
      return;
    }
    const number = format.slice(at + 1, end);
    at = end + 1;
    isAfterIndex = /^\d+$/.test(number) && Number(number) <= TOO_LARGE;
    const index = Number(number) - 1;
    if (isAfterIndex && index >= 0 && index < values.length) next = index;
    else isGood = false;
  };
  /** Digits, or the value that `*` stands for. */
  const readNumber = (bad: string): number | undefined => {
    if (format[at] === "*") {
      at++;
      const value = values[next];
      if (next < values.length) next++;
      const number = value instanceof GoInt ? Number(value.value) : NaN;
      isAfterIndex = false;
      if (Math.abs(number) <= TOO_LARGE && (number >= 0 || bad === "BADWIDTH")) return number;
      text += `%!(${bad})`;
      return undefined;
    }
    const [digits = ""] = /^\d*/.exec(format.slice(at)) ?? [];
    if (bad === "BADWIDTH" && digits !== "" && isAfterIndex) isGood = false;
    // Behind a number that is too large Go gives up on the whole rest of the format.
    const isLarge = Number(digits.slice(0, -1)) > TOO_LARGE;
    at = isLarge ? format.length : at + digits.length;
    if (bad === "BADPREC" && (isLarge || digits === "")) return 0;
    return isLarge || digits === "" ? undefined : Number(digits);
  };

  for (let found = format.indexOf("%"); found >= 0; found = format.indexOf("%", at)) {
    text += format.slice(at, found);
    [isGood, isAfterIndex] = [true, false];
    const [marks = ""] = /^[#0+\- ]*/.exec(format.slice(found + 1)) ?? [];
    at = found + 1 + marks.length;
    const [sharp, zero, plus, minus, space] = [..."#0+- "].map((mark) => marks.includes(mark));
    const flags: Flags = { sharp, zero, plus, minus, space };
    readIndex();
    flags.width = readNumber("BADWIDTH");
    if (flags.width !== undefined && flags.width < 0) {
      Object.assign(flags, { width: -flags.width, minus: true, zero: false });
    }
    if (format[at] === "." && at + 1 < format.length) {
      at++;
      if (isAfterIndex) isGood = false;
      readIndex();
      flags.precision = readNumber("BADPREC");
    }
    if (!isAfterIndex) readIndex();
    if (at >= format.length) {
      text += "%!(NOVERB)";
      break;
    }
    const verb = String.fromCodePoint(format.codePointAt(at) ?? 0);
    at += verb.length;
    if (verb === "%") text += "%";
    else if (!isGood) text += `%!${verb}(BADINDEX)`;
    else if (next >= values.length) text += `%!${verb}(MISSING)`;
    else {
      const own = verb === "v" ? { source: flags.sharp, sharp: false, plus: false } : {};
      text += formatValue(values[next++], verb, { ...flags, ...own });
    }
  }
  text += format.slice(at);
  if (isReordered || next >= values.length) return text;
  const left = values.slice(next).map((value) =>
    isNil(value) ? "<nil>" : `${typeOf(value)}=${display(value)}`
  );
  return `${text}%!(EXTRA ${left.join(", ")})`;
}

/** What stands between `%` and the verb. */
interface Flags {
  sharp?: boolean | undefined;
  zero?: boolean | undefined;
  plus?: boolean | undefined;
  minus?: boolean | undefined;
  space?: boolean | undefined;
  /** `%#v`: as Go source. */
  source?: boolean | undefined;
  width?: number | undefined;
  precision?: number | undefined;
}

/** Fills a text up to the width. */
function pad(text: string, { width = 0, minus, zero }: Flags): string {
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (minus) return text + " ".repeat(missing);
  return (zero ? "0" : " ").repeat(missing) + text;
}

/** A value for a verb; `inside` a list or map nil is printed for any verb. */
function formatValue(value: Value, verb: string, flags: Flags, inside = false): string {
  if (isNil(value)) {
    if (inside) return flags.source ? "interface {}(nil)" : "<nil>";
    return verb === "T" || verb === "v" ? pad("<nil>", flags) : `%!${verb}(<nil>)`;
  }
  if (verb === "T" && !inside) return formatText(typeOf(value), "s", flags) ?? "";
  if (value instanceof GoList || value instanceof GoMap) return formatMany(value, verb, flags);
  return formatOne(value, verb, flags) ??
    `%!${verb}(${typeOf(value)}=${formatValue(value, "v", flags)})`;
}

function formatMany(value: GoList | GoMap, verb: string, flags: Flags): string {
  const between = flags.source ? ", " : " ";
  const each = (item: Value): string => formatValue(item, verb, flags, true);
  const [open, close] = flags.source ? [`${typeOf(value)}{`, "}"] : [
    value instanceof GoMap ? "map[" : "[",
    "]",
  ];
  const items = value instanceof GoList
    ? value.items.map(each)
    : value.keys().map((key) => `${each(key)}:${each(value.entries.get(key))}`);
  return open + items.join(between) + close;
}

/** Undefined where the verb is not for such values. */
function formatOne(
  value: string | boolean | number | GoInt | GoTime,
  verb: string,
  flags: Flags,
): string | undefined {
  if (typeof value === "string") return formatText(value, verb, flags);
  if (typeof value === "boolean") {
    return verb === "t" || verb === "v" ? pad(String(value), flags) : undefined;
  }
  if (typeof value === "number") return formatNumber(value, verb, flags);
  if (value instanceof GoTime) return formatText(value.toString(), verb, flags);
  return formatInt(value.value, verb, flags);
}

function formatText(text: string, verb: string, flags: Flags): string | undefined {
  const { precision } = flags;
  if (verb === "x" || verb === "X") return formatHex(text, verb, flags);
  const cut = precision === undefined ? text : [...text].slice(0, precision).join("");
  if (verb === "q" || (verb === "v" && flags.source)) {
    const raw = flags.sharp && !UNQUOTABLE.test(cut);
    return pad(raw ? `\`${cut}\`` : quoteText(cut, flags.plus), flags);
  }
  return verb === "s" || verb === "v" ? pad(cut, flags) : undefined;
}

function formatHex(text: string, verb: string, flags: Flags): string {
  const bytes = [...new TextEncoder().encode(text)].slice(0, flags.precision);
  const prefix = flags.sharp && bytes.length > 0 ? "0x" : "";
  const digits = bytes.map((byte) => byte.toString(16).padStart(2, "0"));
  const hex = prefix + digits.join(flags.space ? ` ${prefix}` : "");
  return pad(verb === "X" ? hex.toUpperCase() : hex, flags);
}

const BASES: Readonly<Record<string, number>> = { v: 10, d: 10, b: 2, o: 8, O: 8, x: 16, X: 16 };
const PREFIXES: Readonly<Record<number, string>> = { 2: "0b", 8: "0", 16: "0x" };

function signOf(isNegative: boolean, { plus, space }: Flags): string {
  if (isNegative) return "-";
  return plus ? "+" : space ? " " : "";
}

/** Whether a number is that of a character. */
export function isRune(code: number | bigint): boolean {
  return code >= 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

function formatInt(value: bigint, verb: string, flags: Flags): string | undefined {
  if (verb === "c" || verb === "q") {
    const character = String.fromCodePoint(isRune(value) ? Number(value) : 0xfffd);
    return pad(verb === "c" ? character : `'${escaped(character, "'", flags.plus)}'`, flags);
  }
  if (verb === "U") return formatUnicode(BigInt.asUintN(64, value), flags);
  const base = BASES[verb];
  if (base === undefined) return undefined;
  const { precision, width = 0, zero, minus, sharp } = flags;
  if (precision === 0 && value === 0n) return " ".repeat(width);
  const sign = signOf(value < 0n, flags);
  const filled = zero && !minus ? width - sign.length : 0;
  let digits = (value < 0n ? -value : value).toString(base).padStart(precision ?? filled, "0");
  const isOctal = base === 8 && digits.startsWith("0");
  if (sharp && !isOctal) digits = (PREFIXES[base] ?? "") + digits;
  if (verb === "O") digits = `0o${digits}`;
  if (verb === "X") digits = digits.toUpperCase();
  return pad(sign + digits, { ...flags, zero: false });
}

function formatUnicode(code: bigint, flags: Flags): string {
  const digits = code.toString(16).toUpperCase().padStart(Math.max(flags.precision ?? 4, 4), "0");
  const character = isRune(code) ? String.fromCodePoint(Number(code)) : "";
  const shown = flags.sharp && isPrintable(character) ? ` '${character}'` : "";
  return pad(`U+${digits}${shown}`, { ...flags, zero: false });
}

/** How the verbs of float64 write: with an exponent (e), without (f), or as is shorter (g). */
const FLOATS: Readonly<Record<string, "e" | "f" | "g">> = {
  v: "g",
  g: "g",
  G: "g",
  e: "e",
  E: "e",
  f: "f",
  F: "f",
};

function formatNumber(value: number, verb: string, flags: Flags): string | undefined {
  const { width = 0, zero, minus, sharp } = flags;
  const kind = FLOATS[verb];
  if (kind === undefined) return undefined;
  const sign = signOf(value < 0 || Object.is(value, -0), flags);
  if (!Number.isFinite(value)) {
    const text = Number.isNaN(value) ? `${sign}NaN` : `${sign || "+"}Inf`;
    return pad(text, { ...flags, zero: false });
  }
  const precision = flags.precision ?? (kind === "g" ? -1 : 6);
  const written = formatFloat(Math.abs(value), kind, precision);
  const marked = sharp ? withPoint(written, kind === "g" ? precision : 0) : written;
  const digits = verb === "E" || verb === "G" ? marked.toUpperCase() : marked;
  const filled = zero && !minus ? digits.padStart(width - sign.length, "0") : digits;
  return pad(sign + filled, flags);
}

/** `%#g` keeps the zeros at the end that the precision asks for, and always has a point. */
function withPoint(text: string, precision: number): string {
  const [, mantissa = text, tail = ""] = /^([^e]*)(e.*)?$/.exec(text) ?? [];
  const significant = mantissa.replace(".", "").replace(/^0+/, "").length;
  const missing = (precision < 0 ? 6 : precision) - significant - (mantissa === "0" ? 1 : 0);
  const pointed = mantissa.includes(".") ? mantissa : `${mantissa}.`;
  return pointed + "0".repeat(Math.max(missing, 0)) + tail;
}

/** What the letters behind a `\` stand for. */
export const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};
const LETTERS = new Map(Object.entries(ESCAPES).map(([letter, one]) => [one, letter]));

/** What Go takes for printable: letters, marks, numbers, punctuation, symbols, and the space. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** Whether a character shows on a screen, by Go's rules. */
export function isPrintable(character: string): boolean {
  return PRINTABLE.test(character);
}

function escaped(character: string, quote: string, ascii = false): string {
  if (character === quote) return `\\${quote}`;
  const short = LETTERS.get(character);
  if (short !== undefined) return `\\${short}`;
  const code = character.codePointAt(0) ?? 0;
  if (isPrintable(character) && (!ascii || code < 0x7f)) return character;
  const hex = code.toString(16);
  if (code < 0x20 || code === 0x7f) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** A text between double quotes; `ascii` escapes every other character. */
export function quoteText(text: string, ascii = false): string {
  return `"${[...text].map((one) => escaped(one, '"', ascii)).join("")}"`;
}

/** What cannot stand between backquotes. */
// deno-lint-ignore no-control-regex
const UNQUOTABLE = /[\x00-\x08\x0a-\x1f`\x7f\ufeff\ufffd]/;

/** Digits of a number that is `0.DIGITS * 10^point`; zero has no digits. */
interface Decimal {
  readonly digits: string;
  readonly point: number;
}

/** All digits that a positive number has, which is a finite count in base ten. */
function exact(value: number): Decimal {
  let [whole, halvings] = [value, 0];
  for (; !Number.isInteger(whole); halvings++) whole *= 2;
  const digits = (BigInt(whole) * 5n ** BigInt(halvings)).toString();
  return trimmed(digits, digits.length - halvings);
}

/** The fewest digits that read back as the same number. */
function shortest(value: number): Decimal {
  const [mantissa = "", exponent = "0"] = value.toExponential().split("e");
  return trimmed(mantissa.replace(".", ""), Number(exponent) + 1);
}

function trimmed(digits: string, point: number): Decimal {
  const kept = digits.replace(/0+$/, "");
  return { digits: kept, point: kept === "" ? 0 : point };
}

/** Keeps the first `count` digits; a count of zero or less may still leave a one by rounding. */
function rounded({ digits, point }: Decimal, count: number): Decimal {
  if (count >= digits.length) return { digits, point };
  if (count < 0) return { digits: "", point: 0 };
  const kept = digits.slice(0, count);
  const rest = digits.slice(count);
  const isOdd = Number(kept.at(-1) ?? 0) % 2 === 1;
  const isUp = rest === "5" ? isOdd : rest >= "5";
  if (!isUp) return trimmed(kept, point);
  const raised = (BigInt(kept || 0) + 1n).toString();
  return trimmed(raised, point + raised.length - kept.length);
}

function fixed({ digits, point }: Decimal, places: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, "0") : "0";
  if (places <= 0) return whole;
  const part = point > 0 ? digits.slice(point) : "0".repeat(Math.min(-point, places)) + digits;
  return `${whole}.${part.slice(0, places).padEnd(places, "0")}`;
}

function exponential({ digits, point }: Decimal, places: number): string {
  const exponent = digits === "" ? 0 : point - 1;
  const part = places > 0 ? `.${digits.slice(1).padEnd(places, "0")}` : "";
  const size = String(Math.abs(exponent)).padStart(2, "0");
  return `${digits[0] ?? "0"}${part}e${exponent < 0 ? "-" : "+"}${size}`;
}

/**
 * Writes a positive number as Go's `strconv.FormatFloat`. The precision counts digits behind the
 * point, or all of them for `g`; -1 is as few as read back as the same number.
 */
function formatFloat(size: number, kind: "e" | "f" | "g", precision: number): string {
  const isShort = precision < 0;
  const all = isShort ? shortest(size) : exact(size);
  const count = Math.max(precision, 1);
  const counts = { f: all.point + precision, e: precision + 1, g: count };
  const few = isShort ? all : rounded(all, counts[kind]);
  const { digits, point } = few;
  if (kind === "f") return fixed(few, isShort ? digits.length - point : precision);
  if (kind === "e") return exponential(few, isShort ? digits.length - 1 : precision);
  // Zero has no digits, and no exponent either.
  if (digits === "") return "0";
  let limit = isShort ? 6 : count;
  if (!isShort && digits.length >= point) limit = Math.min(count, digits.length);
  const isLong = point <= -4 || point > limit;
  return isLong ? exponential(few, digits.length - 1) : fixed(few, digits.length - point);
}
