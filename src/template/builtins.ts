/**
 * The functions that every template of Go has. `and` and `or` are the evaluator's own, because they
 * do not look at all of their arguments.
 * @module
 */
import { eq, lt } from "./compare.ts";
import { escapeHtml, escapeJavaScript, escapeQuery } from "./escape.ts";
import { sprint, sprintf, sprintln } from "./format.ts";
import { fixed, type Functions, int, variadic } from "./functions.ts";
import { GoInt, GoList, GoMap, isTrue, typeOf, type Value } from "./value.ts";

const ANY = "interface {}";

/** As text, where nothing is what a template prints for it. */
function textOf(values: readonly Value[]): string {
  return sprint(values.map((value) => value ?? "<no value>"));
}

/** A place in something of a length; the end is one too. */
function position(index: Value, length: number): number {
  if (!(index instanceof GoInt)) throw new Error(`cannot count with a ${typeOf(index)}`);
  const at = Number(index.value);
  if (at < 0 || at > length) throw new Error(`index out of range: ${at}`);
  return at;
}

const encoder = new TextEncoder();

function index(indexes: readonly Value[], item: Value): Value {
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

function slice(indexes: readonly Value[], item: Value): Value {
  if (indexes.length > 3) throw new Error("too many indexes");
  if (typeof item !== "string" && !(item instanceof GoList)) {
    throw new Error(`a ${typeOf(item)} has no slices`);
  }
  if (typeof item === "string" && indexes.length === 3) throw new Error("too many indexes");
  const bytes = typeof item === "string" ? encoder.encode(item) : undefined;
  const length = bytes?.length ?? (item instanceof GoList ? item.items.length : 0);
  const [from = 0, to = length, limit = length] = indexes.map((one) => position(one, length));
  if (from > to || to > limit) throw new Error(`index ${from} lies behind ${to}`);
  if (item instanceof GoList) return new GoList(item.items.slice(from, to), item.elem);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes?.subarray(from, to));
}

function len(item: Value): Value {
  if (typeof item === "string") return int(encoder.encode(item).length);
  if (item instanceof GoList) return int(item.items.length);
  if (item instanceof GoMap) return int(item.entries.size);
  throw new Error(`a ${typeOf(item)} has no length`);
}

/** All of them but `and` and `or`. */
export const builtinFunctions: Functions = new Map([
  ["index", variadic([ANY], ANY, index)],
  ["slice", variadic([ANY], ANY, slice)],
  ["len", fixed([ANY], len)],
  ["not", fixed([ANY], (value) => !isTrue(value))],
  ["print", variadic([], ANY, sprint)],
  ["printf", variadic(["string"], ANY, (values, format) => sprintf(format, values))],
  ["println", variadic([], ANY, sprintln)],
  ["html", variadic([], ANY, (values) => escapeHtml(textOf(values)))],
  ["js", variadic([], ANY, (values) => escapeJavaScript(textOf(values)))],
  ["urlquery", variadic([], ANY, (values) => escapeQuery(textOf(values)))],
  ["eq", variadic([ANY], ANY, (others, one) => eq(one, others))],
  ["ne", fixed([ANY, ANY], (one, other) => !eq(one, [other]))],
  ["lt", fixed([ANY, ANY], lt)],
  ["le", fixed([ANY, ANY], (one, other) => lt(one, other) || eq(one, [other]))],
  ["gt", fixed([ANY, ANY], (one, other) => !(lt(one, other) || eq(one, [other])))],
  ["ge", fixed([ANY, ANY], (one, other) => !lt(one, other))],
  [
    "call",
    variadic([ANY], ANY, () => {
      throw new Error("there is nothing in the data that can be called");
    }),
  ],
]);
