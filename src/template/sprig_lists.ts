/**
 * The functions of sprig about lists and maps. Those that change a map are left out.
 * @module
 */
import { fixed, type Functions, variadic } from "./functions.ts";
import { deepEqual, isEmpty, toInt } from "./sprig_values.ts";
import { textsOf } from "./sprig_text.ts";
import { compareText, GoList, GoMap, typeOf, type Value } from "./value.ts";

const ANY = "interface {}";
const MAP = "map[string]interface {}";

/** The items of a list; nothing else has any. */
function itemsOf(value: Value): readonly Value[] {
  if (value instanceof GoList) return value.items;
  throw new Error(`a ${typeOf(value)} is no list`);
}

const isIn = (items: readonly Value[], value: Value): boolean =>
  items.some((item) => deepEqual(item, value));

function unique(items: readonly Value[]): Value[] {
  const found: Value[] = [];
  for (const item of items) if (!isIn(found, item)) found.push(item);
  return found;
}

function slice(indexes: readonly Value[], list: Value): Value {
  const items = itemsOf(list);
  if (items.length === 0) return null;
  const from = Number(toInt(indexes[0]));
  const to = indexes.length < 2 ? items.length : Number(toInt(indexes[1]));
  if (from < 0 || from > to || to > items.length) {
    throw new Error(`a list of ${items.length} has no items from ${from} to ${to}`);
  }
  return new GoList(items.slice(from, to), list instanceof GoList ? list.elem : ANY);
}

function dict(values: readonly Value[]): GoMap {
  const entries = new Map<string, Value>();
  for (let i = 0; i < values.length; i += 2) {
    const [key = ""] = textsOf(new GoList([values[i]]));
    entries.set(key, i + 1 < values.length ? values[i + 1] : "");
  }
  return new GoMap(entries);
}

function filtered(map: GoMap | null, keep: (key: string) => boolean): GoMap {
  return new GoMap(new Map([...map?.entries ?? []].filter(([key]) => keep(key))));
}

/** A function of the items of a list. */
const ofItems = (call: (items: readonly Value[]) => Value) =>
  fixed([ANY], (list) => call(itemsOf(list)));
const append = fixed([ANY, ANY], (list, value) => new GoList([...itemsOf(list), value]));
const list = variadic([], ANY, (values) => new GoList(values));

/** Functions of lists and maps, by their names. */
export const listFunctions: Functions = new Map([
  ["list", list],
  ["tuple", list],
  ["append", append],
  ["push", append],
  ["prepend", fixed([ANY, ANY], (list, value) => new GoList([value, ...itemsOf(list)]))],
  ["first", ofItems((items) => items[0] ?? null)],
  ["last", ofItems((items) => items.at(-1) ?? null)],
  ["rest", ofItems((items) => new GoList(items.slice(1)))],
  ["initial", ofItems((items) => new GoList(items.slice(0, -1)))],
  ["reverse", ofItems((items) => new GoList(items.toReversed()))],
  ["compact", ofItems((items) => new GoList(items.filter((item) => !isEmpty(item))))],
  ["uniq", ofItems((items) => new GoList(unique(items)))],
  [
    "without",
    variadic(
      [ANY],
      ANY,
      (omitted, list) => new GoList(itemsOf(list).filter((item) => !isIn(omitted, item))),
    ),
  ],
  ["has", fixed([ANY, ANY], (value, list) => list !== null && isIn(itemsOf(list), value))],
  ["concat", variadic([], ANY, (lists) => new GoList(lists.flatMap(itemsOf)))],
  ["slice", variadic([ANY], ANY, slice)],
  [
    "sortAlpha",
    fixed([ANY], (value) => new GoList(textsOf(value).toSorted(compareText), "string")),
  ],
  ["dict", variadic([], ANY, dict)],
  ["hasKey", fixed([MAP, "string"], (map, key) => map?.entries.has(key) ?? false)],
  [
    "keys",
    variadic([], MAP, (maps) => new GoList(maps.flatMap((map) => map?.keys() ?? []), "string")),
  ],
  [
    "values",
    fixed([MAP], (map) => new GoList((map?.keys() ?? []).map((key) => map?.entries.get(key)))),
  ],
  [
    "pluck",
    variadic(["string"], MAP, (maps, key) =>
      new GoList(
        maps.filter((map) => map?.entries.has(key)).map((map) => map?.entries.get(key)),
      )),
  ],
  ["pick", variadic([MAP], "string", (keys, map) => filtered(map, (key) => keys.includes(key)))],
  ["omit", variadic([MAP], "string", (keys, map) => filtered(map, (key) => !keys.includes(key)))],
]);
