/**
 * The functions that every template of Go has, and the methods of a time. `and` and `or` are the
 * evaluator's own, because they do not look at all of their arguments.
 * @module
 */
import { isPrintable, sprint, sprintf, sprintln } from "./format.ts";
import { fn, type Functions } from "./functions.ts";
import { GoTime } from "./go_time.ts";
import { compareText, GoInt, GoList, GoMap, isTrue, typeOf, type Value } from "./value.ts";

const encoder = new TextEncoder();

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
  if (item === null || item === undefined) throw new Error("index of nil");
  let found: Value = item;
  for (const one of indexes) {
    if (found === null || found === undefined) throw new Error("index of nil");
    if (found instanceof GoMap) {
      if (typeof one !== "string") throw new Error(`the key of a map is no ${typeOf(one)}`);
      const empty: Value = found.elem === "string" ? "" : null;
      found = found.entries.has(one) ? found.entries.get(one) : empty;
    } else if (found instanceof GoList || typeof found === "string") {
      const items: readonly Value[] = typeof found === "string"
        ? [...encoder.encode(found)].map((byte) => new GoInt(byte, "uint8"))
        : found.items;
      const at = position(one, items.length);
      if (at === items.length) throw new Error(`index out of range: ${at}`);
      found = items[at];
    } else throw new Error(`a ${typeOf(found)} has no index`);
  }
  return found;
}

function slice(item: Value, ...indexes: readonly Value[]): Value {
  if (indexes.length > (typeof item === "string" ? 2 : 3)) throw new Error("too many indexes");
  if (typeof item !== "string" && !(item instanceof GoList)) {
    throw new Error(`a ${typeOf(item)} has no slices`);
  }
  const items = typeof item === "string" ? encoder.encode(item) : item.items;
  const { length } = items;
  const [from = 0, to = length, limit = length] = indexes.map((one) => position(one, length));
  if (from > to || to > limit) throw new Error(`index ${from} lies behind ${to}`);
  if (item instanceof GoList) return new GoList(item.items.slice(from, to), item.elem);
  const bytes = encoder.encode(item).subarray(from, to);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

function len(item: Value): Value {
  if (typeof item === "string") return new GoInt(encoder.encode(item).length);
  if (item instanceof GoList) return new GoInt(item.items.length);
  if (item instanceof GoMap) return new GoInt(item.entries.size);
  throw new Error(`a ${typeOf(item)} has no length`);
}

/** Kinds that can be compared with one another; all whole numbers are one kind. */
function kindOf(value: Value): string | undefined {
  if (value instanceof GoInt) return "int";
  return /^(?:string|boolean|number)$/.test(typeof value) ? typeof value : undefined;
}

/** @throws {Error} for kinds that do not go together */
function equals(one: Value, other: Value): boolean {
  const [first, second] = [one ?? null, other ?? null];
  const kind = kindOf(first);
  if (kind !== kindOf(second)) {
    if (first === null || second === null) return false;
    throw new Error(`a ${typeOf(one)} cannot be compared with a ${typeOf(other)}`);
  }
  if (first instanceof GoInt && second instanceof GoInt) return first.value === second.value;
  if (kind !== undefined || first === null || second === null) return first === second;
  throw new Error(`a ${typeOf(one)} cannot be compared`);
}

function eq(one: Value, ...others: readonly Value[]): boolean {
  if (others.length === 0) throw new Error("there is nothing to compare with");
  return others.some((other) => equals(one, other));
}

/** Whether the first is the smaller one; throws for kinds that do not go together or have no order. */
function lt(one: Value, other: Value): boolean {
  const odd = [one, other].find((value) => kindOf(value) === undefined);
  if (kindOf(one) === undefined || kindOf(other) === undefined) {
    throw new Error(`a ${typeOf(odd)} cannot be compared`);
  }
  if (kindOf(one) !== kindOf(other)) {
    throw new Error(`a ${typeOf(one)} cannot be compared with a ${typeOf(other)}`);
  }
  if (typeof one === "string" && typeof other === "string") return compareText(one, other) < 0;
  if (typeof one === "number" && typeof other === "number") return one < other;
  if (one instanceof GoInt && other instanceof GoInt) return one.value < other.value;
  throw new Error(`a ${typeOf(one)} has no order`);
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

/** All of them but `and` and `or`. */
export const builtinFunctions: Functions = new Map(Object.entries({
  index: fn("any ...any", index),
  slice: fn("any ...any", slice),
  len: fn("any", len),
  not: fn("any", (value) => !isTrue(value)),
  print: fn("...any", (...values) => sprint(values)),
  printf: fn("string ...any", (format, ...values) => sprintf(format, values)),
  println: fn("...any", (...values) => sprintln(values)),
  html: fn("...any", (...all) => textOf(all).replace(/[\0"'&<>]/g, (char) => HTML[char] ?? char)),
  js: fn("...any", (...values) => escapeJavaScript(textOf(values))),
  urlquery: fn("...any", (...values) => escapeQuery(textOf(values))),
  eq: fn("any ...any", eq),
  ne: fn("any any", (one, other) => !eq(one, other)),
  lt: fn("any any", lt),
  le: fn("any any", (one, other) => lt(one, other) || eq(one, other)),
  gt: fn("any any", (one, other) => !(lt(one, other) || eq(one, other))),
  ge: fn("any any", (one, other) => !lt(one, other)),
  call: fn("any ...any", () => {
    throw new Error("there is nothing in the data that can be called");
  }),
}));

/** The methods of a time by their names, as in `{{now.UTC.Format "20060102"}}`. */
export function timeMethods(time: GoTime): Functions {
  const part = (layout: string) => fn("", () => new GoInt(Number(time.format(layout))));
  return new Map(Object.entries({
    Format: fn("string", (layout) => time.format(layout)),
    String: fn("", () => time.toString()),
    Unix: fn("", () => new GoInt(Math.floor(time.milliseconds / 1000), "int64")),
    UTC: fn("", () => new GoTime(time.milliseconds, "UTC")),
    Local: fn("", () => new GoTime(time.milliseconds, "Local")),
    Year: part("2006"),
    Day: part("2"),
    YearDay: part("002"),
    Hour: part("15"),
    Minute: part("4"),
    Second: part("5"),
  }));
}
