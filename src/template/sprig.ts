/**
 * The functions of sprig 2.22 that depend on their arguments alone: texts, values, lists and maps
 * (but for those that change a map), regular expressions (those of Go, RE2: none of them takes
 * long), paths.
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { posix } from "node:path";
import { messageOf } from "../errors.ts";
import { RE2JS } from "../npm/re2js.ts";
import { display, quoteText } from "./format.ts";
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
  MAX_INT64,
  typeOf,
  type Value,
} from "./value.ts";

/** How long a repeated text may become, in characters; how many numbers `until` gives at most. */
const MAX_REPEATED = 1 << 20;
const MAX_COUNT = 100_000;

/** What Go takes for space; JavaScript has one character more and one less. */
const SPACE = "\\t\\n\\v\\f\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const AROUND = new RegExp(`^[${SPACE}]+|(?<![${SPACE}])[${SPACE}]+$`, "g");
const SPACES = new RegExp(`[${SPACE}]`, "g");
/** What a word of `title` begins behind. */
const SEPARATOR = new RegExp(`^(?:[\\x00-\\x2f:-@[-^\`{-\\x7f]|[${SPACE}])$`);

const texts = (items: readonly string[]): GoList => new GoList(items, "string");
const int64 = (value: bigint): GoInt => new GoInt(value, "int64");
const thereOf = (values: readonly Value[]): Value[] => values.filter((value) => !isNil(value));

/** Go changes each character by itself, and only to one other. */
function mapCase(text: string, change: (character: string) => string): string {
  return [...text].map((one) => {
    const changed = change(one);
    return [...changed].length === 1 ? changed : one;
  }).join("");
}

const upper = (text: string) => mapCase(text, (one) => one.toUpperCase());
const lower = (text: string) => mapCase(text, (one) => one.toLowerCase());

function title(text: string): string {
  const all = [...text];
  return all.map((one, i) => SEPARATOR.test(all[i - 1] ?? " ") ? upper(one) : one).join("");
}

const untitle = (text: string): string =>
  text.replace(/\S+/gu, (word) => word.replace(/^./u, lower));

/** Part of a text, counted in bytes of UTF-8. */
function bytes(text: string, from: number, to: number | undefined): string {
  const all = Buffer.from(text);
  const end = to ?? all.length;
  if (from < 0 || end > all.length || from > end) {
    throw new Error(`a text of ${all.length} bytes has none from ${from} to ${end}`);
  }
  return fromUtf8(all.subarray(from, end));
}

function substr(start: number, end: number, text: string): string {
  if (start < 0) return bytes(text, 0, end);
  return bytes(text, start, end < 0 || end > Buffer.from(text).length ? undefined : end);
}

function repeat(count: number, text: string): string {
  if (count < 0) throw new Error("a text cannot be repeated less than 0 times");
  if (count * text.length > MAX_REPEATED) throw new Error("the text becomes too long");
  return text.repeat(count);
}

function trimAll(cut: string, text: string): string {
  const all = [...text];
  const isKept = (one: string): boolean => ![...cut].includes(one);
  const first = all.findIndex(isKept);
  return first < 0 ? "" : all.slice(first, all.findLastIndex(isKept) + 1).join("");
}

function indent(count: number, text: string): string {
  const space = repeat(count, " ");
  return space + text.replaceAll("\n", `\n${space}`);
}

/** The parts of a text, at most `count`; without a separator, its characters. */
function split(separator: string, text: string, count = Infinity): string[] {
  if (count === 0) return [];
  const parts = separator === "" ? [...text] : text.split(separator);
  if (count < 0 || parts.length <= count) return parts;
  return [...parts.slice(0, count - 1), parts.slice(count - 1).join(separator)];
}

function splitMap(parts: readonly string[]): GoMap {
  return new GoMap(new Map(parts.map((part, i) => [`_${i}`, part])), "string");
}

/** The items of a list as texts, without nil; one text of anything else. */
function textsOf(value: Value): string[] {
  return thereOf(value instanceof GoList ? value.items : [value]).map(display);
}

function adler32(text: string): string {
  let [low, high] = [1, 0];
  for (const byte of Buffer.from(text)) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  return String(high * 65536 + low);
}

const hash = (name: string) => (text: string) => createHash(name).update(text).digest("hex");

function decode64(text: string): string {
  const compact = text.replace(/[\r\n]/g, "");
  const padded = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(compact);
  if (!padded) throw new Error("this is no base64");
  return fromUtf8(Buffer.from(compact, "base64"));
}

/** Any value as a whole number; what is none is 0. */
function toInt(value: Value): bigint {
  if (value instanceof GoInt) return value.value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "string") {
    const number = /^[-+]?\d+$/.test(value) ? BigInt(value.replace(/^\+/, "")) : 0n;
    return number > MAX_INT64 || number < -MAX_INT64 - 1n ? 0n : number;
  }
  if (typeof value !== "number") return 0n;
  // What Go does with numbers that are too large depends on the machine: this is amd64.
  if (!(Math.abs(value) < 2 ** 63)) return -MAX_INT64 - 1n;
  return BigInt(Math.trunc(value));
}

function toFloat(value: Value): number {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return Number(toInt(value));
  const isNumber = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(value);
  return isNumber && Number.isFinite(Number(value)) ? Number(value) : 0;
}

function octal(value: Value): GoInt {
  const text = display(value);
  if (!/^[-+]?[0-7]+$/.test(text)) return int64(0n);
  const size = BigInt(`0o${text.replace(/^[-+]/, "")}`);
  return int64(size > MAX_INT64 ? 0n : text.startsWith("-") ? -size : size);
}

/** A function of two values as whole numbers that divides by the second. */
const divide = (by: (a: bigint, b: bigint) => bigint) => (a: Value, b: Value): GoInt => {
  if (toInt(b) === 0n) throw new Error("a number cannot be divided by 0");
  return int64(by(toInt(a), toInt(b)));
};

/** A function of values as whole numbers, taken together from left to right. */
const fold =
  (combine: (a: bigint, b: bigint) => bigint) => (first: Value, ...more: readonly Value[]) =>
    int64(more.map(toInt).reduce(combine, toInt(first)));

function round(value: Value, places: number, limit = 0.5): number {
  const power = 10 ** places;
  const shifted = power * toFloat(value);
  const part = shifted - Math.trunc(shifted);
  return (part >= limit ? Math.ceil(shifted) : Math.floor(shifted)) / power;
}

function count(start: number, stop: number, step: number): GoList {
  const length = step === 0 ? 0 : Math.max(Math.ceil((stop - start) / step), 0);
  if (length > MAX_COUNT) throw new Error(`these are more than ${MAX_COUNT} numbers`);
  return new GoList(Array.from({ length }, (_, i) => new GoInt(start + i * step)), "int");
}

function reflectKind(value: Value): string {
  if (value instanceof GoList) return "slice";
  if (value instanceof GoMap) return "map";
  if (value instanceof GoTime) return "struct";
  return isNil(value) ? "invalid" : typeOf(value);
}

/** Whether two values are the same in type and content, as `reflect.DeepEqual`. */
function deepEqual(a: Value, b: Value): boolean {
  if (typeOf(a) !== typeOf(b)) return false;
  if (a instanceof GoInt && b instanceof GoInt) return a.value === b.value;
  if (a instanceof GoTime && b instanceof GoTime) return a.milliseconds === b.milliseconds;
  if (a instanceof GoList && b instanceof GoList) {
    return a.items.length === b.items.length &&
      a.items.every((one, i) => deepEqual(one, b.items[i]));
  }
  if (a instanceof GoMap && b instanceof GoMap) {
    const has = (key: string): boolean =>
      b.entries.has(key) && deepEqual(a.entries.get(key), b.entries.get(key));
    return a.entries.size === b.entries.size && a.entries.keys().every(has);
  }
  return a === b || isNil(a);
}

/** A text as encoding/json writes it, safe in HTML. */
function jsonText(text: string): string {
  return JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Writes a value as encoding/json does, each level moved in by `indent`, or all in one line. */
function encodeJson(value: Value, indent = "", before = "\n"): string {
  if (isNil(value)) return "null";
  if (typeof value === "string") return jsonText(value);
  if (typeof value === "boolean") return String(value);
  if (value instanceof GoInt) return String(value.value);
  if (value instanceof GoTime) return jsonText(value.format("2006-01-02T15:04:05.999999999Z07:00"));
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new Error("JSON has no such number");
    return Object.is(value, -0) ? "-0" : String(value);
  }
  const inside = before + indent;
  const encode = (item: Value): string => encodeJson(item, indent, inside);
  const colon = indent === "" ? ":" : ": ";
  const [open, items, close] = value instanceof GoList
    ? ["[", value.items.map(encode), "]"] as const
    : ["{", value.keys().map((key) => jsonText(key) + colon + encode(value.entries.get(key))), "}"];
  if (items.length === 0 || indent === "") return open + items.join() + close;
  return open + inside + items.join(`,${inside}`) + before + close;
}

/** The items of a list; nothing else has any. */
function itemsOf(value: Value): readonly Value[] {
  if (value instanceof GoList) return value.items;
  throw new Error(`a ${typeOf(value)} is no list`);
}

const isIn = (items: readonly Value[], value: Value): boolean =>
  items.some((item) => deepEqual(item, value));

function unique(items: readonly Value[]): readonly Value[] {
  const found: Value[] = [];
  for (const item of items) if (!isIn(found, item)) found.push(item);
  return found;
}

function slice(list: Value, ...indexes: readonly Value[]): Value {
  const items = itemsOf(list);
  if (items.length === 0) return null;
  const [from = 0, to = items.length] = indexes.map((index) => Number(toInt(index)));
  if (from < 0 || from > to || to > items.length) {
    throw new Error(`a list of ${items.length} has no items from ${from} to ${to}`);
  }
  return new GoList(items.slice(from, to), list instanceof GoList ? list.elem : undefined);
}

function dict(...values: readonly Value[]): GoMap {
  // A key without a value has an empty text.
  const all = values.length % 2 === 0 ? values : [...values, ""];
  const keys = all.filter((_, i) => i % 2 === 0).map((key) => isNil(key) ? "" : display(key));
  return new GoMap(new Map(keys.map((key, i) => [key, all[2 * i + 1]])));
}

function filtered(map: GoMap | null, isKept: (key: string) => boolean): GoMap {
  return new GoMap(new Map([...map?.entries ?? []].filter(([key]) => isKept(key))));
}

/** Groups of what was found, by their numbers and names. */
type Groups = ReadonlyMap<string, string | null>;

function compile(expression: string): RE2JS {
  try {
    return RE2JS.compile(expression);
  } catch (error) {
    throw new Error(`this is no regular expression: ${messageOf(error)}`);
  }
}

/** All places, but for empty ones right behind another, which Go leaves out. */
function matches(expression: string, text: string, limit = -1) {
  const found: { readonly start: number; readonly end: number; readonly groups: Groups }[] = [];
  const matcher = compile(expression).matcher(text);
  let previous = -1;
  while (found.length !== limit && matcher.find()) {
    const [start, end] = [matcher.start(), matcher.end()];
    if (start === end && start === previous) continue;
    previous = end;
    const groups = new Map(Object.entries(matcher.getNamedGroups()));
    for (let i = 0; i <= matcher.groupCount(); i++) groups.set(String(i), matcher.group(i));
    found.push({ start, end, groups });
  }
  return found;
}

function replaceWith(expression: string, text: string, by: (groups: Groups) => string): string {
  let [result, at] = ["", 0];
  for (const { start, end, groups } of matches(expression, text)) {
    result += text.slice(at, start) + by(groups);
    at = end;
  }
  return result + text.slice(at);
}

/** Puts groups in the place of `$1`, `${1}` and `$name`; `$$` is a dollar. */
function expand(template: string, groups: Groups): string {
  return template.replace(
    /\$(?:(\$)|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu,
    (_, dollar?: string, braced?: string, bare?: string) =>
      dollar ?? groups.get(braced ?? bare ?? "") ?? "",
  );
}

function regexSplit(expression: string, text: string, limit: number): GoList {
  if (limit === 0) return texts([]);
  if (expression !== "" && text === "") return texts([""]);
  const parts: string[] = [];
  let [at, end] = [0, 0];
  for (const match of matches(expression, text, limit)) {
    if (limit > 0 && parts.length === limit - 1) break;
    end = match.start;
    if (match.end !== 0) parts.push(text.slice(at, end));
    at = match.end;
  }
  if (end !== text.length) parts.push(text.slice(at));
  return texts(parts);
}

function isMatch(expression: string, text: string): boolean {
  try {
    return compile(expression).matcher(text).find();
  } catch {
    // As sprig: what is no expression is found nowhere.
    return false;
  }
}

function clean(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/$/, "");
}

/** Functions by other names, which sprig has as well. */
const append = (list: Value, item: Value) => new GoList([...itemsOf(list), item]);
const newList = (...items: readonly Value[]) => new GoList(items);
const larger = fold((a, b) => b > a ? b : a);

/** The functions by their signatures and names. */
export const sprigFunctions: Functions = goFunctions({
  "string": {
    upper,
    lower,
    title,
    untitle,
    clean,
    adler32sum: adler32,
    b64dec: decode64,
    trim: (text) => text.replace(AROUND, ""),
    nospace: (text) => text.replace(SPACES, ""),
    sha1sum: hash("sha1"),
    sha256sum: hash("sha256"),
    b64enc: (text) => Buffer.from(text).toString("base64"),
    fail: (message) => {
      throw new Error(message);
    },
    atoi: (text) => new GoInt(toInt(text)),
    base: (path) => path === "" ? "." : posix.basename(path) || "/",
    dir: (path) => clean(path.slice(0, path.lastIndexOf("/") + 1)),
    ext: (path) => /\.[^./]*$/.exec(path)?.[0] ?? "",
    isAbs: (path) => path.startsWith("/"),
  },
  "string string": {
    trimAll,
    trimall: trimAll,
    regexMatch: isMatch,
    trimPrefix: (cut, text) => text.startsWith(cut) ? text.slice(cut.length) : text,
    trimSuffix: (cut, text) => text.endsWith(cut) ? text.slice(0, text.length - cut.length) : text,
    contains: (part, text) => text.includes(part),
    hasPrefix: (part, text) => text.startsWith(part),
    hasSuffix: (part, text) => text.endsWith(part),
    split: (separator, text) => splitMap(split(separator, text)),
    splitList: (separator, text) => texts(split(separator, text)),
    regexFind: (expression, text) => matches(expression, text, 1)[0]?.groups.get("0") ?? "",
  },
  "string string string": {
    replace: (old, fresh, text) => text.replaceAll(old === "" ? /(?:)/gu : old, () => fresh),
    regexReplaceAll: (expression, text, by) =>
      replaceWith(expression, text, (groups) => expand(by, groups)),
    regexReplaceAllLiteral: (expression, text, by) => replaceWith(expression, text, () => by),
  },
  "string string int": {
    regexSplit,
    plural: (single, many, n) => n === 1 ? single : many,
    regexFindAll: (expression, text, limit) =>
      texts(matches(expression, text, limit).map(({ groups }) => groups.get("0") ?? "")),
  },
  "string int string": {
    splitn: (separator, count, text) => splitMap(split(separator, text, count)),
  },
  "int string": {
    repeat,
    indent,
    trunc: (count, text) => Buffer.from(text).length <= count ? text : bytes(text, 0, count),
    nindent: (count, text) => `\n${indent(count, text)}`,
  },
  "int int string": { substr },
  "int": { until: (stop) => count(0, stop, stop < 0 ? -1 : 1) },
  "int int int": { untilStep: count },

  "any": {
    typeOf,
    kindOf: reflectKind,
    toString: display,
    float64: toFloat,
    toDecimal: octal,
    toStrings: (value) => texts(textsOf(value)),
    empty: (value) => !isTrue(value),
    int: (value) => new GoInt(toInt(value)),
    int64: (value) => int64(toInt(value)),
    add1: (value) => int64(toInt(value) + 1n),
    ceil: (value) => Math.ceil(toFloat(value)),
    floor: (value) => Math.floor(toFloat(value)),
    toJson: (value) => encodeJson(value),
    toPrettyJson: (value) => encodeJson(value, "  "),
    sortAlpha: (value) => texts(textsOf(value).toSorted(compareText)),
    first: (list) => itemsOf(list)[0] ?? null,
    last: (list) => itemsOf(list).at(-1) ?? null,
    rest: (list) => new GoList(itemsOf(list).slice(1)),
    initial: (list) => new GoList(itemsOf(list).slice(0, -1)),
    reverse: (list) => new GoList(itemsOf(list).toReversed()),
    compact: (list) => new GoList(itemsOf(list).filter(isTrue)),
    uniq: (list) => new GoList(unique(itemsOf(list))),
  },
  "any any": {
    append,
    push: append,
    deepEqual,
    prepend: (list, value) => new GoList([value, ...itemsOf(list)]),
    has: (value, list) => list !== null && isIn(itemsOf(list), value),
    sub: (a, b) => int64(toInt(a) - toInt(b)),
    div: divide((a, b) => a / b),
    mod: divide((a, b) => a % b),
  },
  "any any bool": { ternary: (yes, no, is) => is ? yes : no },
  "any ...any": {
    slice,
    default: (other, given) => isTrue(given) ? given : other,
    mul: fold((a, b) => BigInt.asIntN(64, a * b)),
    max: larger,
    biggest: larger,
    min: fold((a, b) => b > a ? a : b),
    without: (list, ...omitted) => new GoList(itemsOf(list).filter((item) => !isIn(omitted, item))),
  },
  "any int ...float64": { round },
  "...any": {
    dict,
    list: newList,
    tuple: newList,
    quote: (...values) => thereOf(values).map((value) => quoteText(display(value))).join(" "),
    squote: (...values) => thereOf(values).map((value) => `'${display(value)}'`).join(" "),
    cat: (...values) => thereOf(values).map(display).join(" "),
    coalesce: (...values) => values.find(isTrue) ?? null,
    add: (...values) => int64(values.map(toInt).reduce((a, b) => a + b, 0n)),
    concat: (...lists) => new GoList(lists.flatMap(itemsOf)),
  },
  "string any": {
    join: (glue, value) => textsOf(value).join(glue),
    typeIs: (type, value) => typeOf(value) === type,
    typeIsLike: (type, value) => [type, `*${type}`].includes(typeOf(value)),
    kindIs: (kind, value) => reflectKind(value) === kind,
  },
  "map": { values: (map) => new GoList((map?.keys() ?? []).map((key) => map?.entries.get(key))) },
  "map string": { hasKey: (map, key) => map?.entries.has(key) ?? false },
  "map ...string": {
    pick: (map, ...keys) => filtered(map, (key) => keys.includes(key)),
    omit: (map, ...keys) => filtered(map, (key) => !keys.includes(key)),
  },
  "...map": { keys: (...maps) => texts(maps.flatMap((map) => map?.keys() ?? [])) },
  "string ...map": {
    pluck: (key, ...maps) =>
      new GoList(maps.filter((map) => map?.entries.has(key)).map((map) => map?.entries.get(key))),
  },
});
