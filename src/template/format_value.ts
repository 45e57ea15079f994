/**
 * One value as Go's fmt writes it for a verb.
 * @module
 */
import { formatFloat } from "./float.ts";
import { GoTime } from "./go_time.ts";
import { canBackquote, isPrintable, quoteCharacter, quoteText } from "./quote.ts";
import { type GoInt, GoList, GoMap, typeOf, type Value } from "./value.ts";

/** What stands between `%` and the verb. */
export interface Flags {
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

/** No flags. */
export function noFlags(): Flags {
  return {
    sharp: false,
    zero: false,
    plus: false,
    minus: false,
    space: false,
    source: false,
    width: undefined,
    precision: undefined,
  };
}

/** Fills a text up to the width. */
export function pad(text: string, { width = 0, minus, zero }: Flags): string {
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
export function formatValue(value: Value, verb: string, flags: Flags, inside = false): string {
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
