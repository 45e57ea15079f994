/**
 * Functions that a template can call, with the types of Go that their parameters have.
 * @module
 */
import type { GoTime } from "./go_time.ts";
import { GoInt, type GoMap, typeOf, type Value } from "./value.ts";

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

/** Whether a value that is not nil can be an argument for a parameter. */
export function takes(type: ParameterType, value: Value): boolean {
  return type === "any" || typeOf(value) === goTypeOf(type);
}

/** What Go calls the type of a parameter. */
export function goTypeOf(type: ParameterType): string {
  if (type === "any") return "interface {}";
  if (type === "map") return "map[string]interface {}";
  return type === "time" ? "time.Time" : type;
}
