/**
 * The functions of sprig about values of any kind: defaults, numbers and types.
 * @module
 */
import { display } from "./format.ts";
import { fixed, type Functions, int, variadic } from "./functions.ts";
import { GoTime } from "./go_time.ts";
import { encodeJson } from "./json.ts";
import { GoInt, GoList, GoMap, isTrue, typeOf, type Value } from "./value.ts";

const ANY = "interface {}";
const MAX_INT64 = 2n ** 63n - 1n;
/** How many numbers `until` gives at most. */
const MAX_COUNT = 100_000;

/** Whether a value is what `default` replaces; unlike a truth, a time is never empty. */
export function isEmpty(value: Value): boolean {
  return !isTrue(value);
}

const int64 = (value: bigint): GoInt => new GoInt(value, "int64");

/** Any value as a whole number; what is none is 0. */
export function toInt(value: Value): bigint {
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
  return /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(value) ? finite(Number(value)) : 0;
}

const finite = (value: number): number => Number.isFinite(value) ? value : 0;

function octal(value: Value): GoInt {
  const text = display(value);
  if (!/^[-+]?[0-7]+$/.test(text)) return int64(0n);
  const size = BigInt(`0o${text.replace(/^[-+]/, "")}`);
  return int64(size > MAX_INT64 ? 0n : text.startsWith("-") ? -size : size);
}

function divide(a: Value, b: Value, rest: boolean): GoInt {
  const by = toInt(b);
  if (by === 0n) throw new Error("a number cannot be divided by 0");
  return int64(rest ? toInt(a) % by : toInt(a) / by);
}

function extreme(sign: 1 | -1) {
  return variadic([ANY], ANY, (more, first) =>
    int64(
      more.map(toInt).reduce((best, one) => {
        return (one > best) === (sign > 0) ? one : best;
      }, toInt(first)),
    ));
}

function round(value: Value, places: number, limit: number): number {
  const power = 10 ** places;
  const shifted = power * toFloat(value);
  const part = shifted - Math.trunc(shifted);
  return (part >= limit ? Math.ceil(shifted) : Math.floor(shifted)) / power;
}

function count(start: number, stop: number, step: number): GoList {
  const items: GoInt[] = [];
  const up = stop >= start;
  if (up ? step > 0 : step < 0) {
    for (let i = start; up ? i < stop : i > stop; i += step) {
      if (items.length >= MAX_COUNT) throw new Error(`these are more than ${MAX_COUNT} numbers`);
      items.push(int(i));
    }
  }
  return new GoList(items, "int");
}

const KINDS: Readonly<Record<string, string>> = { "<nil>": "invalid", "time.Time": "struct" };

function kindOf(value: Value): string {
  if (value instanceof GoList) return "slice";
  if (value instanceof GoMap) return "map";
  const type = typeOf(value);
  return KINDS[type] ?? type;
}

/** Whether two values are the same in type and content, as `reflect.DeepEqual`. */
export function deepEqual(a: Value, b: Value): boolean {
  if (typeOf(a) !== typeOf(b)) return false;
  if (a instanceof GoInt && b instanceof GoInt) return a.value === b.value;
  if (a instanceof GoTime && b instanceof GoTime) return a.milliseconds === b.milliseconds;
  if (a instanceof GoList && b instanceof GoList) {
    return a.items.length === b.items.length &&
      a.items.every((one, i) => deepEqual(one, b.items[i]));
  }
  if (a instanceof GoMap && b instanceof GoMap) {
    return a.entries.size === b.entries.size &&
      [...a.entries].every(([key, one]) =>
        b.entries.has(key) && deepEqual(one, b.entries.get(key))
      );
  }
  return a === b || (a ?? null) === (b ?? null);
}

/** Functions of any values, by their names. */
export const valueFunctions: Functions = new Map([
  ["default", variadic([ANY], ANY, ([given], other) => isEmpty(given) ? other : given)],
  ["empty", fixed([ANY], isEmpty)],
  ["coalesce", variadic([], ANY, (values) => values.find((value) => !isEmpty(value)) ?? null)],
  ["ternary", fixed([ANY, ANY, "bool"], (yes, no, is) => is ? yes : no)],
  [
    "fail",
    fixed(["string"], (message) => {
      throw new Error(message);
    }),
  ],
  ["atoi", fixed(["string"], (text) => int(toInt(text)))],
  ["int", fixed([ANY], (value) => int(toInt(value)))],
  ["int64", fixed([ANY], (value) => int64(toInt(value)))],
  ["float64", fixed([ANY], toFloat)],
  ["toDecimal", fixed([ANY], octal)],
  ["add1", fixed([ANY], (value) => int64(toInt(value) + 1n))],
  ["add", variadic([], ANY, (values) => int64(values.map(toInt).reduce((a, b) => a + b, 0n)))],
  ["sub", fixed([ANY, ANY], (a, b) => int64(toInt(a) - toInt(b)))],
  [
    "mul",
    variadic(
      [ANY],
      ANY,
      (more, first) =>
        int64(more.map(toInt).reduce((a, b) => BigInt.asIntN(64, a * b), toInt(first))),
    ),
  ],
  ["div", fixed([ANY, ANY], (a, b) => divide(a, b, false))],
  ["mod", fixed([ANY, ANY], (a, b) => divide(a, b, true))],
  ["max", extreme(1)],
  ["biggest", extreme(1)],
  ["min", extreme(-1)],
  ["ceil", fixed([ANY], (value) => Math.ceil(toFloat(value)))],
  ["floor", fixed([ANY], (value) => Math.floor(toFloat(value)))],
  [
    "round",
    variadic(
      [ANY, "int"],
      "float64",
      ([limit], value, places) => round(value, places, limit ?? 0.5),
    ),
  ],
  ["until", fixed(["int"], (stop) => count(0, stop, stop < 0 ? -1 : 1))],
  ["untilStep", fixed(["int", "int", "int"], count)],
  ["typeOf", fixed([ANY], typeOf)],
  ["typeIs", fixed(["string", ANY], (type, value) => typeOf(value) === type)],
  [
    "typeIsLike",
    fixed(["string", ANY], (type, value) => typeOf(value) === type || typeOf(value) === `*${type}`),
  ],
  ["kindOf", fixed([ANY], kindOf)],
  ["kindIs", fixed(["string", ANY], (kind, value) => kindOf(value) === kind)],
  ["deepEqual", fixed([ANY, ANY], deepEqual)],
  ["toJson", fixed([ANY], (value) => encodeJson(value))],
  ["toPrettyJson", fixed([ANY], (value) => encodeJson(value, "  "))],
]);
