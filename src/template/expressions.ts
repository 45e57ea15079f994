/**
 * Evaluates what stands in an action: pipelines, calls, fields and variables.
 * @module
 */
import { TemplateFault } from "./tree.ts";
import { timeMethods } from "./builtins.ts";
import {
  type Functions,
  type GoFunction,
  goTypeOf,
  type ParameterType,
  takes,
} from "./functions.ts";
import { GoTime } from "./go_time.ts";
import type { Command, Expression, NumberLiteral, Pipeline } from "./tree.ts";
import { unknownField } from "./unknown_field.ts";
import { GoInt, GoMap, isTrue, typeOf, type Value, weightOf } from "./value.ts";
import { messageOf } from "../errors.ts";

/** What a template runs with. */
export interface Environment {
  readonly functions: Functions;
  /** What a key is that a map does not have: a fault, or nothing (printed as `<no value>`). */
  readonly missingKey: "error" | "nothing";
}

interface Variable {
  readonly name: string;
  value: Value;
}

/** Where there is no value from the command before. */
const NONE: unique symbol = Symbol("none");
type Final = Value | typeof NONE;

/** How large a value may become, in characters and items. */
const MAX_WEIGHT = 1 << 21;

/** The state of a run that expressions see: its variables. */
export class Expressions {
  /** From the outermost to the innermost. */
  variables: Variable[] = [];

  constructor(private readonly environment: Environment) {}

  /** Begins a template, which sees none of the variables so far; gives those. */
  enter(dot: Value): Variable[] {
    const outer = this.variables;
    this.variables = [{ name: "$", value: dot }];
    return outer;
  }

  /** Evaluates a pipeline and sets its variables. */
  pipeline(pipe: Pipeline, dot: Value): Value {
    let final: Final = NONE;
    // A nil that a map or a function gives is nothing from here on.
    for (const command of pipe.commands) final = this.#command(command, dot, final) ?? undefined;
    const value = final === NONE ? undefined : final;
    for (const name of pipe.variables) {
      if (pipe.assigns) this.#assign(name, value, pipe.at);
      else this.variables.push({ name, value });
    }
    return value;
  }

  /** Sets the variables of a range for one round. */
  setRange(pipe: Pipeline, key: Value, item: Value): void {
    const values = pipe.variables.length > 1 ? [key, item] : [item];
    for (const [i, name] of pipe.variables.entries()) {
      if (pipe.assigns) this.#assign(name, values[i], pipe.at);
      else {
        const declared = this.variables.at(i - pipe.variables.length);
        if (declared !== undefined) declared.value = values[i];
      }
    }
  }

  #find(name: string, at: number): Variable {
    const found = this.variables.findLast((variable) => variable.name === name);
    if (found === undefined) throw new TemplateFault(`there is no variable ${name} here`, at);
    return found;
  }

  #assign(name: string, value: Value, at: number): void {
    this.#find(name, at).value = value;
  }

  #command({ words: [first, ...args] }: Command, dot: Value, final: Final): Value {
    if (first.kind === "function") return this.#call(first, args, dot, final);
    if (first.kind === "nil") throw new TemplateFault("nil is no command", first.at);
    const hasArguments = args.length > 0 || final !== NONE;
    if ("names" in first && first.names.length > 0) {
      return this.#fields(first, dot, args, final);
    }
    if (hasArguments) throw new TemplateFault("only a function can have arguments", first.at);
    return this.#value(first, dot);
  }

  /** The value of an expression that has no arguments. */
  #value(expression: Expression, dot: Value): Value {
    switch (expression.kind) {
      case "dot":
        return dot;
      case "nil":
        return null;
      case "bool":
      case "string":
        return expression.value;
      case "number":
        return constant(expression);
      case "function":
        return this.#call(expression, [], dot, NONE);
      case "pipe":
        return this.pipeline(expression.pipe, dot);
      default:
        return expression.names.length > 0
          ? this.#fields(expression, dot, [], NONE)
          : this.#find(expression.kind === "variable" ? expression.name : "$", expression.at).value;
    }
  }

  /** Walks along the fields; the last one gets the arguments. */
  #fields(
    expression: Extract<Expression, { names: readonly string[] }>,
    dot: Value,
    args: readonly Expression[],
    final: Final,
  ): Value {
    const { kind, names, at } = expression;
    if (kind === "chain" && expression.of.kind === "nil") {
      throw new TemplateFault("nil has no fields", at);
    }
    let path = kind === "variable" ? expression.name : kind === "chain" ? "(...)" : "";
    let value = kind === "field"
      ? dot
      : kind === "variable"
      ? this.#find(expression.name, at).value
      : this.#value(expression.of, dot);
    for (const [i, name] of names.entries()) {
      const isLast = i === names.length - 1;
      const ownArgs = isLast ? args : [];
      const ownFinal: Final = isLast ? final : NONE;
      if (value instanceof GoTime) value = this.#method(value, name, at, ownArgs, dot, ownFinal);
      else if (ownArgs.length > 0 || ownFinal !== NONE) {
        throw new TemplateFault(`${name} is no function, and has arguments`, at);
      } else value = this.#field(value, name, path, at);
      path += `.${name}`;
    }
    return value;
  }

  #field(receiver: Value, name: string, path: string, at: number): Value {
    if (receiver === undefined) {
      if (this.environment.missingKey === "nothing") return undefined;
      throw new TemplateFault(`${path || "."} is nothing, and has no field ${name}`, at);
    }
    if (receiver === null) {
      throw new TemplateFault(`${path || "."} is nil, and has no field ${name}`, at);
    }
    if (!(receiver instanceof GoMap)) {
      const why = `${path || "."} is a ${typeOf(receiver)}, and has no field ${name}`;
      throw new TemplateFault(why, at);
    }
    if (receiver.entries.has(name)) return receiver.entries.get(name);
    if (this.environment.missingKey === "nothing") return undefined;
    throw new TemplateFault(unknownField(receiver, name, path), at);
  }

  #method(
    receiver: GoTime,
    name: string,
    at: number,
    args: readonly Expression[],
    dot: Value,
    final: Final,
  ): Value {
    const method = timeMethods(receiver).get(name);
    if (method === undefined) throw new TemplateFault(`a time has no method ${name}`, at);
    return this.#apply(method, name, at, args, dot, final);
  }

  #call(
    { name, at }: Extract<Expression, { kind: "function" }>,
    args: readonly Expression[],
    dot: Value,
    final: Final,
  ): Value {
    const found = this.environment.functions.get(name);
    if (found !== undefined) return this.#apply(found, name, at, args, dot, final);
    if (args.length === 0 && final === NONE) {
      throw new TemplateFault(`${name} wants at least 1 argument, and has none`, at);
    }
    // What remains is and, or: they stop at the first argument that decides.
    let value: Value;
    for (const arg of args) {
      value = this.#argument(arg, "any", dot);
      if (isTrue(value) === (name === "or")) return value;
    }
    return final === NONE ? value : final;
  }

  #apply(
    { parameters, rest, call }: GoFunction,
    name: string,
    at: number,
    args: readonly Expression[],
    dot: Value,
    final: Final,
  ): Value {
    const count = args.length + (final === NONE ? 0 : 1);
    const wanted = parameters.length;
    if (count < wanted || (count > wanted && rest === undefined)) {
      const least = rest === undefined ? "" : "at least ";
      const some = `${least}${wanted} argument${wanted === 1 ? "" : "s"}`;
      throw new TemplateFault(`${name} wants ${some}, and has ${count}`, at);
    }
    const typeAt = (i: number): ParameterType => parameters[i] ?? rest ?? "any";
    const values = args.map((arg, i) => this.#argument(arg, typeAt(i), dot));
    if (final !== NONE) values.push(fitting(final, typeAt(count - 1), at));
    let result: Value;
    try {
      result = call(values);
    } catch (error) {
      if (error instanceof TemplateFault || error instanceof RangeError) throw error;
      throw new TemplateFault(`${name}: ${messageOf(error)}`, at);
    }
    if (weightOf(result) > MAX_WEIGHT) throw new TemplateFault(`${name} gives too much`, at);
    return result;
  }

  #argument(arg: Expression, type: ParameterType, dot: Value): Value {
    const { kind, at } = arg;
    if (kind === "nil") {
      if (type === "any" || type === "map") return null;
      throw new TemplateFault(`nil cannot be a ${goTypeOf(type)}`, at);
    }
    if (kind === "number" && type === "float64") return arg.float;
    if (kind === "number" && type === "int") {
      if (arg.int !== undefined) return new GoInt(arg.int);
      throw new TemplateFault("this has to be a whole number", at);
    }
    return fitting(this.#value(arg, dot), type, at);
  }
}

function constant({ int: whole, float, isFloat }: NumberLiteral): Value {
  return isFloat || whole === undefined ? float : new GoInt(whole);
}

/** A value as an argument: nothing is nil where nil can be. */
function fitting(value: Value, type: ParameterType, at: number): Value {
  if (value === undefined && (type === "any" || type === "map")) return null;
  if (value === null && type === "any") return null;
  const wanted = goTypeOf(type);
  if (value === undefined || value === null) {
    throw new TemplateFault(`there is no value, and it has to be a ${wanted}`, at);
  }
  if (takes(type, value)) return value;
  throw new TemplateFault(`a ${typeOf(value)} stands where a ${wanted} has to be`, at);
}
