/**
 * The functions that every template of Go has, and the methods of a time. `and` and `or` are the
 * evaluator's own, because they do not look at all of their arguments.
 * @module
 */
import { Buffer } from "node:buffer";
import { display, isPrintable, sprint, sprintf } from "./format.ts";
import { GoTime } from "./go_time.ts";
import {
  compareText,
  fromUtf8,
  type Functions,
  goFunctions,
  GoInt,
  GoList,
  GoMap,
  isNil,
  isTrue,
  typeOf,
  type Value,
} from "./value.ts";

/** As text, where nothing is what a template prints for it. */
const textOf = (values: readonly Value[]): string =>
  sprint(values.map((value) => value ?? "<no value>"));

/** A place in something of a length; the end is one too. */
function position(index: Value, length: number): number {
  if (!(index instanceof GoInt)) throw new Error(`cannot count with a ${typeOf(index)}`);
  const at = Number(index.value);
  if (at < 0 || at > length) throw new Error(`index out of range: ${at}`);
  return at;
}

function index(item: Value, ...indexes: readonly Value[]): Value {
  if (isNil(item)) throw new Error("index of nil");
  return indexes.reduce(at, item);
}

/** What a text, list or map has at one index. */
function at(from: Value, index: Value): Value {
  if (isNil(from)) throw new Error("index of nil");
  if (from instanceof GoMap) {
    if (typeof index !== "string") throw new Error(`the key of a map is no ${typeOf(index)}`);
    if (from.entries.has(index)) return from.entries.get(index);
    return from.elem === "string" ? "" : null;
  }
  if (!(from instanceof GoList) && typeof from !== "string") {
    throw new Error(`a ${typeOf(from)} has no index`);
  }
  const items = typeof from === "string" ? Buffer.from(from) : from.items;
  const place = position(index, items.length);
  const found = items[place];
  if (place === items.length) throw new Error(`index out of range: ${place}`);
  return typeof found === "number" && typeof from === "string" ? new GoInt(found, "uint8") : found;
}

function slice(item: Value, ...indexes: readonly Value[]): Value {
  if (indexes.length > (typeof item === "string" ? 2 : 3)) throw new Error("too many indexes");
  if (typeof item !== "string" && !(item instanceof GoList)) {
    throw new Error(`a ${typeOf(item)} has no slices`);
  }
  const items = typeof item === "string" ? Buffer.from(item) : item.items;
  const { length } = items;
  const [from = 0, to = length, limit = length] = indexes.map((one) => position(one, length));
  if (from > to || to > limit) throw new Error(`index ${from} lies behind ${to}`);
  if (item instanceof GoList) return new GoList(item.items.slice(from, to), item.elem);
  return fromUtf8(Buffer.from(item).subarray(from, to));
}

function len(item: Value): Value {
  if (typeof item === "string") return new GoInt(Buffer.from(item).length);
  if (item instanceof GoList) return new GoInt(item.items.length);
  if (item instanceof GoMap) return new GoInt(item.entries.size);
  throw new Error(`a ${typeOf(item)} has no length`);
}

/** What a value is compared by, of one type for each kind; undefined for what cannot be. */
function comparable(value: Value): string | number | bigint | boolean | undefined {
  if (value instanceof GoInt) return value.value;
  return typeof value === "object" ? undefined : value;
}

const unlike = (one: Value, other: Value): Error =>
  new Error(`a ${typeOf(one)} cannot be compared with a ${typeOf(other)}`);

function eq(one: Value, ...others: readonly Value[]): boolean {
  if (others.length === 0) throw new Error("there is nothing to compare with");
  return others.some((other) => {
    if (isNil(one) || isNil(other)) return isNil(one) && isNil(other);
    const [a, b] = [comparable(one), comparable(other)];
    if (typeof a !== typeof b) throw unlike(one, other);
    if (a === undefined) throw new Error(`a ${typeOf(one)} cannot be compared`);
    return a === b;
  });
}

function lt(one: Value, other: Value): boolean {
  const [a, b] = [one, other].map((value) => {
    const compared = comparable(value);
    if (compared !== undefined) return compared;
    throw new Error(`a ${typeOf(value)} cannot be compared`);
  });
  if (a === undefined || b === undefined || typeof a !== typeof b) throw unlike(one, other);
  if (typeof a === "boolean" || typeof b === "boolean") {
    throw new Error(`a ${typeOf(one)} has no order`);
  }
  return typeof a === "string" || typeof b === "string" ? compareText(`${a}`, `${b}`) < 0 : a < b;
}

// deno-fmt-ignore: one line says it all.
const HTML: Readonly<Record<string, string>> =
  { "\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;" };

function escapeJavaScript(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\0-\x1f\\'"<>&=]|[^\0-\x7f]/gu, (char) => {
    if (/[\\'"]/.test(char)) return `\\${char}`;
    const code = char.codePointAt(0) ?? 0;
    if (code >= 0x80 && isPrintable(char)) return char;
    return `\\u${code.toString(16).toUpperCase().padStart(4, "0")}`;
  });
}

function escapeQuery(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll("%20", "+")
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

const sameOrLess = (one: Value, other: Value): boolean => lt(one, other) || eq(one, other);

/** All of them but `and` and `or`. */
export const builtinFunctions: Functions = goFunctions({
  "any": { len, not: (value) => !isTrue(value) },
  "any any": {
    lt,
    le: sameOrLess,
    gt: (one, other) => !sameOrLess(one, other),
    ge: (one, other) => !lt(one, other),
    ne: (one, other) => !eq(one, other),
  },
  "any ...any": {
    index,
    slice,
    eq,
    call: () => {
      throw new Error("there is nothing in the data that can be called");
    },
  },
  "...any": {
    print: (...values) => sprint(values),
    println: (...values) => `${values.map(display).join(" ")}\n`,
    html: (...values) => textOf(values).replace(/[\0"'&<>]/g, (char) => HTML[char] ?? char),
    js: (...values) => escapeJavaScript(textOf(values)),
    urlquery: (...values) => escapeQuery(textOf(values)),
  },
  "string ...any": { printf: (format, ...values) => sprintf(format, values) },
});

/** The methods of a time by their names, as in `{{now.UTC.Format "20060102"}}`. */
export function timeMethods(time: GoTime): Functions {
  const part = (layout: string) => () => new GoInt(Number(time.format(layout)));
  return goFunctions({
    "string": { Format: (layout) => time.format(layout) },
    "": {
      String: () => time.toString(),
      Unix: () => new GoInt(Math.floor(time.milliseconds / 1000), "int64"),
      UTC: () => new GoTime(time.milliseconds, "UTC"),
      Local: () => new GoTime(time.milliseconds, "Local"),
      Year: part("2006"),
      Day: part("2"),
      YearDay: part("002"),
      Hour: part("15"),
      Minute: part("4"),
      Second: part("5"),
    },
  });
}
