/**
 * Functions that a template can call, with the types of Go that their parameters have.
 * @module
 */
import type { GoTime } from "./go_time.ts";
import { GoInt, type GoList, type GoMap, typeOf, type Value } from "./value.ts";

/** What each type of a parameter is in TypeScript. */
interface Parameters {
  /** Anything; nil is null. */
  readonly "interface {}": Value;
  readonly string: string;
  readonly int: number;
  readonly float64: number;
  readonly bool: boolean;
  readonly "[]interface {}": GoList | null;
  readonly "map[string]interface {}": GoMap | null;
  readonly "time.Time": GoTime;
}

/** The type of a parameter, by Go's name. */
export type ParameterType = keyof Parameters;

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

type Arguments<P extends readonly ParameterType[]> = {
  readonly [K in keyof P]: Parameters[P[K]];
};

/** What TypeScript gets for a value whose Go type is checked already. */
function unwrapped(value: Value, type: ParameterType | undefined): Value {
  return type === "int" && value instanceof GoInt ? Number(value.value) : value;
}

/** A function with a fixed number of arguments. */
export function fixed<const P extends readonly ParameterType[]>(
  parameters: P,
  call: (...values: Arguments<P>) => Value,
): GoFunction {
  return {
    parameters,
    rest: undefined,
    call: (values) =>
      // The evaluator lets no other types through.
      call(...values.map((value, i) => unwrapped(value, parameters[i])) as unknown as Arguments<P>),
  };
}

/** A function with more arguments of one type behind the fixed ones. */
export function variadic<const P extends readonly ParameterType[], R extends ParameterType>(
  parameters: P,
  rest: R,
  call: (more: readonly Parameters[R][], ...values: Arguments<P>) => Value,
): GoFunction {
  return {
    parameters,
    rest,
    call: (values) => {
      const all = values.map((value, i) => unwrapped(value, parameters[i] ?? rest));
      const fixedOnes = all.slice(0, parameters.length) as unknown as Arguments<P>;
      return call(all.slice(parameters.length) as Parameters[R][], ...fixedOnes);
    },
  };
}

/** Whether nil can be an argument for a parameter. */
export function takesNil(type: ParameterType): boolean {
  return type === "interface {}" || type.startsWith("[]") || type.startsWith("map");
}

/** Whether a value that is not nil can be one. */
export function takes(type: ParameterType, value: Value): boolean {
  return type === "interface {}" || typeOf(value) === type;
}

/** A whole number of Go's type int. */
export function int(value: number | bigint): GoInt {
  return new GoInt(value);
}
