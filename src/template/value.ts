/**
 * The values a template works with, as Go would type them.
 *
 * `undefined` is what a missing key gives (Go's invalid reflect.Value) and `null` is nil; texts are
 * strings, truth is a boolean, a JavaScript number is a float64, and whole numbers are
 * {@link GoInt}, since Go prints and compares them in other ways. Functions over them say the types
 * that their parameters have in Go.
 * @module
 */
import { Buffer } from "node:buffer";
import { GoTime } from "./go_time.ts";

/** Any value of a template. */
export type Value = undefined | null | string | boolean | number | GoInt | GoList | GoMap | GoTime;

/** The largest whole number of Go; the smallest is one below its negative. */
export const MAX_INT64 = 2n ** 63n - 1n;

/** A whole number; wraps around as Go's do. */
export class GoInt {
  readonly value: bigint;

  constructor(value: bigint | number, readonly kind: "int" | "int64" | "uint8" = "int") {
    this.value = kind === "uint8"
      ? BigInt.asUintN(8, BigInt(value))
      : BigInt.asIntN(64, BigInt(value));
  }
}

/** Go's name for a type that holds anything. */
const ANY = "interface {}";

/** A slice of items that Go calls `elem`; none of them is `undefined`. */
export class GoList {
  /** How much printing it may take: what is in it several times counts each time. */
  readonly weight: number;

  constructor(readonly items: readonly Value[], readonly elem: string = ANY) {
    this.weight = items.reduce<number>((sum, item) => sum + weightOf(item), 1);
  }
}

/** A map with keys of text. */
export class GoMap {
  readonly weight: number;

  constructor(readonly entries: ReadonlyMap<string, Value>, readonly elem: string = ANY) {
    this.weight = [...entries].reduce((sum, [key, value]) => sum + key.length + weightOf(value), 1);
  }

  /** The keys as Go prints and ranges over them: by their bytes. */
  keys(): string[] {
    return [...this.entries.keys()].sort(compareText);
  }
}

/** How large a value is, in characters and items. */
export function weightOf(value: Value): number {
  if (typeof value === "string") return value.length + 1;
  return value instanceof GoList || value instanceof GoMap ? value.weight : 1;
}

/** Whether a value is nil, or nothing. */
export function isNil(value: Value): value is null | undefined {
  return value === null || value === undefined;
}

/** The Go type of a value, as `%T` prints it. */
export function typeOf(value: Value): string {
  if (isNil(value)) return "<nil>";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return "float64";
  if (value instanceof GoInt) return value.kind;
  if (value instanceof GoTime) return "time.Time";
  return value instanceof GoList ? `[]${value.elem}` : `map[string]${value.elem}`;
}

/** Whether a value counts as true: all but nothing, zero, and what is empty. */
export function isTrue(value: Value): boolean {
  if (value instanceof GoInt) return value.value !== 0n;
  if (value instanceof GoList) return value.items.length > 0;
  if (value instanceof GoMap) return value.entries.size > 0;
  // Not a number is not zero.
  return Number.isNaN(value) || Boolean(value);
}

/** A text out of its bytes. */
export function fromUtf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** Orders texts as Go does, by the bytes of their UTF-8. */
export function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** How deep data may be; deeper ones go round in a circle. */
const MAX_DEPTH = 100;

/**
 * Takes data over into values: own properties only, so that nothing of a prototype is ever seen. An
 * object whose values are all texts is a `map[string]string`, any other a `map[string]any`; whole
 * numbers become `int`. What no template can hold, such as functions and circles, is a TypeError.
 */
export function toValue(data: unknown, depth = 0): Value {
  if (depth > MAX_DEPTH) throw new TypeError("the data of a template is nested too deeply");
  if (data === undefined || data === null) return null;
  if (typeof data === "string" || typeof data === "boolean") return data;
  if (typeof data === "bigint") return new GoInt(data);
  if (typeof data === "number") return Number.isSafeInteger(data) ? new GoInt(data) : data;
  if (Array.isArray(data)) {
    const items = data.map((item) => toValue(item, depth + 1));
    return new GoList(items, elemOf(items));
  }
  if (typeof data !== "object") throw new TypeError(`a template cannot hold a ${typeof data}`);
  const entries = Object.entries(data).filter(([, item]) => item !== undefined)
    .map(([key, item]) => [key, toValue(item, depth + 1)] as const);
  return new GoMap(new Map(entries), elemOf(entries.map(([, item]) => item)));
}

function elemOf(items: readonly Value[]): string {
  return items.every((item) => typeof item === "string") ? "string" : ANY;
}

/** What the words of a signature stand for: Go's types, and TypeScript's. Nil is null. */
interface Types {
  readonly any: Value;
  readonly string: string;
  readonly int: number;
  readonly float64: number;
  readonly bool: boolean;
  readonly map: GoMap | null;
  readonly time: GoTime;
}

/** The type of a parameter. */
export type ParameterType = keyof Types;

type Arguments<S extends string> = S extends "" ? []
  : S extends `...${infer T extends ParameterType}` ? Types[T][]
  : S extends `${infer T extends ParameterType} ${infer R}` ? [Types[T], ...Arguments<R>]
  : S extends ParameterType ? [Types[S]]
  : never;

/** A function of a template. */
export interface GoFunction {
  readonly parameters: readonly ParameterType[];
  /** The type of any further arguments; undefined where there are none. */
  readonly rest: ParameterType | undefined;
  /** Gets arguments of these types; throws an Error that says why it cannot be. */
  readonly call: (values: readonly Value[]) => Value;
}

/** Functions by their names. */
export type Functions = ReadonlyMap<string, GoFunction>;

/** Functions by their signatures, and then by their names. */
type Table<S extends string> = {
  readonly [P in S]: Readonly<Record<string, (...values: Arguments<P>) => Value>>;
};

/**
 * Functions with signatures of Go's: the types of the parameters, and `...TYPE` at the end for any
 * number of more, as in `goFunctions({ "string ...any": { name: (text, ...more) => text } })`.
 */
export function goFunctions<S extends string>(table: Table<S>): Functions {
  const all = Object.entries<Table<string>[string]>(table).flatMap(([signature, functions]) => {
    const words = signature.split(" ").filter((word) => word !== "");
    const parameters = words.filter((word) => !word.startsWith("...")) as ParameterType[];
    const rest = words[parameters.length]?.slice("...".length) as ParameterType | undefined;
    const unwrapped = (value: Value, i: number): Value =>
      (parameters[i] ?? rest) === "int" && value instanceof GoInt ? Number(value.value) : value;
    return Object.entries(functions).map(([name, call]): [string, GoFunction] => [name, {
      parameters,
      rest,
      // The evaluator lets no other types through.
      call: (values) => call(...values.map(unwrapped) as never),
    }]);
  });
  return new Map(all);
}

/** What Go calls the type of a parameter. */
export function goTypeOf(type: ParameterType): string {
  if (type === "any") return "interface {}";
  if (type === "map") return "map[string]interface {}";
  return type === "time" ? "time.Time" : type;
}
