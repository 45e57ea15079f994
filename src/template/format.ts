/**
 * Go's `fmt` and what of `strconv` stands behind it: values, texts in quotes, decimal texts of float64
 * numbers (exact, and halves to even).
 * @module
 */
import { GoTime } from "./go_time.ts";
import { GoInt, GoList, GoMap, typeOf, type Value } from "./value.ts";

/** The value as a template prints it. */
export function display(value: Value): string {
  return typeof value === "string" ? value : formatValue(value, "v", NO_FLAGS);
}

/** Values in a row, with a space between two that are no texts. */
export function sprint(values: readonly Value[]): string {
  return values.map((value, i) => {
    const isApart = i > 0 && typeof value !== "string" && typeof values[i - 1] !== "string";
    return (isApart ? " " : "") + display(value);
  }).join("");
}

/** Values with spaces between them and a newline at the end. */
export function sprintln(values: readonly Value[]): string {
  return `${values.map(display).join(" ")}\n`;
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
    const flags = { ...NO_FLAGS, sharp, zero, plus, minus, space } as Flags;
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
    value === undefined || value === null ? "<nil>" : `${typeOf(value)}=${display(value)}`
  );
  return `${text}%!(EXTRA ${left.join(", ")})`;
}

/** What stands between `%` and the verb. */
interface Flags {
  sharp: boolean;
  zero: boolean;
  plus: boolean;
  minus: boolean;
  space: boolean;
  /** `%#v`: as Go source. */
  source: boolean;
  width: number | undefined;
  precision: number | undefined;
}

const NO_FLAGS: Readonly<Flags> = {
  ...{ sharp: false, zero: false, plus: false, minus: false, space: false, source: false },
  width: undefined,
  precision: undefined,
};

/** Fills a text up to the width. */
function pad(text: string, { width = 0, minus, zero }: Flags): string {
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (minus) return text + " ".repeat(missing);
  return (zero ? "0" : " ").repeat(missing) + text;
}

/** What a verb that does not fit makes: `%!d(string=x)`. */
function badVerb(value: Value, verb: string, flags: Flags): string {
  if (value === undefined || value === null) return `%!${verb}(<nil>)`;
  return `%!${verb}(${typeOf(value)}=${formatValue(value, "v", flags)})`;
}

/**
 * Writes a value for a verb.
 *
 * @param inside whether it is in a list or map, where nil is printed for any verb
 */
function formatValue(value: Value, verb: string, flags: Flags, inside = false): string {
  if (value === undefined || value === null) {
    if (inside) return flags.source ? "interface {}(nil)" : "<nil>";
    return verb === "T" || verb === "v" ? pad("<nil>", flags) : badVerb(value, verb, flags);
  }
  if (verb === "T" && !inside) return formatText(typeOf(value), "s", flags) ?? "";
  if (value instanceof GoList || value instanceof GoMap) return formatMany(value, verb, flags);
  return formatOne(value, verb, flags) ?? badVerb(value, verb, flags);
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
  const isQuoted = verb === "q" || (verb === "v" && flags.source);
  if (isQuoted) {
    const raw = flags.sharp && canBackquote(cut);
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

function formatInt(value: bigint, verb: string, flags: Flags): string | undefined {
  if (verb === "c" || verb === "q") {
    const isRune = value >= 0n && value <= 0x10ffffn && (value < 0xd800n || value > 0xdfffn);
    const character = String.fromCodePoint(isRune ? Number(value) : 0xfffd);
    return pad(verb === "c" ? character : quoteCharacter(character, flags.plus), flags);
  }
  if (verb === "U") return formatUnicode(BigInt.asUintN(64, value), flags);
  const base = BASES[verb];
  if (base === undefined) return undefined;
  const { precision, width, zero, minus, plus, space, sharp } = flags;
  if (precision === 0 && value === 0n) return " ".repeat(width ?? 0);
  const sign = value < 0n ? "-" : plus ? "+" : space ? " " : "";
  const filled = zero && !minus && width !== undefined ? width - sign.length : 0;
  let digits = (value < 0n ? -value : value).toString(base).padStart(precision ?? filled, "0");
  if (sharp && base === 2) digits = `0b${digits}`;
  if (sharp && base === 8 && !digits.startsWith("0")) digits = `0${digits}`;
  if (sharp && base === 16) digits = `0x${digits}`;
  if (verb === "O") digits = `0o${digits}`;
  if (verb === "X") digits = digits.toUpperCase();
  return pad(sign + digits, { ...flags, zero: false });
}

function formatUnicode(code: bigint, flags: Flags): string {
  const digits = code.toString(16).toUpperCase().padStart(Math.max(flags.precision ?? 4, 4), "0");
  const isRune = code <= 0x10ffffn && (code < 0xd800n || code > 0xdfffn);
  const character = isRune ? String.fromCodePoint(Number(code)) : "";
  const shown = flags.sharp && isRune && isPrintable(character) ? ` '${character}'` : "";
  return pad(`U+${digits}${shown}`, { ...flags, zero: false });
}

function formatNumber(value: number, verb: string, flags: Flags): string | undefined {
  const { precision, plus, space, width = 0, zero, minus, sharp } = flags;
  const lower = verb === "v" ? "g" : verb.toLowerCase();
  if (!/^[vgGeEfF]$/.test(verb) || (lower !== "g" && lower !== "e" && lower !== "f")) {
    return undefined;
  }
  const wanted = precision ?? (lower === "g" ? -1 : 6);
  const written = formatFloat(value, lower, wanted);
  const unsigned = written.replace(/^[-+]/, "");
  const sign = written.startsWith("-") ? "-" : plus ? "+" : space ? " " : "";
  if (!Number.isFinite(value)) {
    const infinite = written === "+Inf" && sign === "" ? "+Inf" : sign + unsigned;
    return pad(infinite, { ...flags, zero: false });
  }
  const marked = sharp ? withPoint(unsigned, lower === "g" ? wanted : 0) : unsigned;
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

const SHORT: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
};

/** What Go takes for printable: letters, marks, numbers, punctuation, symbols, and the space. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** Whether a character shows on a screen, by Go's rules. */
export function isPrintable(character: string): boolean {
  return PRINTABLE.test(character);
}

function escaped(character: string, quote: string, ascii: boolean): string {
  if (character === quote) return `\\${quote}`;
  const short = SHORT[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  if (code >= 0x20 && code < 0x7f) return character;
  if (!ascii && isPrintable(character)) return character;
  const hex = code.toString(16);
  if (code < 0x20 || code === 0x7f) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** A text between double quotes; `ascii` escapes every other character. */
export function quoteText(text: string, ascii = false): string {
  return `"${[...text].map((one) => escaped(one, '"', ascii)).join("")}"`;
}

/** A character between single quotes. */
function quoteCharacter(character: string, ascii = false): string {
  return `'${escaped(character, "'", ascii)}'`;
}

/** Whether a text can stand between backquotes. */
function canBackquote(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return !/[\x00-\x08\x0a-\x1f`\x7f\ufeff\ufffd]/.test(text);
}

/** Digits of a number that is `0.DIGITS * 10^point`; zero has no digits. */
interface Decimal {
  readonly digits: string;
  readonly point: number;
}

/** All digits that a positive number has, which is a finite count in base ten. */
function exact(value: number): Decimal {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const raw = bits.getBigUint64(0);
  const stored = Number((raw >> 52n) & 0x7ffn);
  const mantissa = (raw & (2n ** 52n - 1n)) | (stored === 0 ? 0n : 2n ** 52n);
  const exponent = Math.max(stored, 1) - 1075;
  const scaled = exponent >= 0 ? mantissa << BigInt(exponent) : mantissa * 5n ** BigInt(-exponent);
  const digits = scaled.toString();
  return trimmed(digits, digits.length + Math.min(exponent, 0));
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
  const half = rest[0] === "5" && rest.length === 1;
  const odd = Number(kept.at(-1) ?? 0) % 2 === 1;
  const up = half ? odd : (rest[0] ?? "0") >= "5";
  if (!up) return trimmed(kept, point);
  const raised = (BigInt(kept || 0) + 1n).toString();
  return trimmed(raised, point + raised.length - Math.max(kept.length, 0));
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
 * Writes a number as Go's `strconv.FormatFloat` does.
 *
 * @param verb `f` without an exponent, `e` with one, `g` whichever is shorter
 * @param precision digits behind the point, or of the whole for `g`; -1 for as few as needed
 */
function formatFloat(value: number, verb: "e" | "f" | "g", precision: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value < 0 ? "-Inf" : "+Inf";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const size = Math.abs(value);
  if (precision < 0) {
    const few = shortest(size);
    const { digits, point } = few;
    if (verb === "f") return sign + fixed(few, digits.length - point);
    if (verb === "e") return sign + exponential(few, digits.length - 1);
    return sign + general(few, 6, digits.length);
  }
  const all = exact(size);
  if (verb === "f") return sign + fixed(rounded(all, all.point + precision), precision);
  if (verb === "e") return sign + exponential(rounded(all, precision + 1), precision);
  const count = precision === 0 ? 1 : precision;
  const few = rounded(all, count);
  const { digits, point } = few;
  const limit = count > digits.length && digits.length >= point ? digits.length : count;
  return sign + general(few, limit, digits.length);
}

function general(decimal: Decimal, limit: number, count: number): string {
  const exponent = decimal.point - 1;
  const isLong = exponent < -4 || exponent >= limit;
  // Zero has no digits, and no exponent either.
  if (decimal.digits === "") return "0";
  if (isLong) return exponential(decimal, count - 1);
  return fixed(decimal, Math.max(count - decimal.point, 0));
}
