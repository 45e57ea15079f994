/**
 * Runs a template: what it prints block by block, and the pipelines, calls, fields and variables in
 * its actions.
 * @module
 */
import { messageOf, nearest } from "../errors.ts";
import type { Block, Expression, Fields, Node, PipelineNode, Tree } from "./ast.ts";
import { timeMethods } from "./builtins.ts";
import { excerpt, TemplateFault } from "./fault.ts";
import { display } from "./format.ts";
import { GoTime } from "./go_time.ts";
import {
  type Functions,
  type GoFunction,
  GoInt,
  GoList,
  GoMap,
  goTypeOf,
  isNil,
  isTrue,
  type ParameterType,
  typeOf,
  type Value,
  weightOf,
} from "./value.ts";

/** How long an output may become, in characters. */
const MAX_OUTPUT = 1 << 20;
/** How many nodes may be run; a loop or a recursion without end meets it soon. */
const MAX_STEPS = 1_000_000;
/** How deep templates may call one another. */
const MAX_DEPTH = 200;
/** How large a value may become, in characters and items. */
const MAX_WEIGHT = 1 << 21;

/** How a list of nodes ended: by itself, or by leaving a loop or one round of it. */
type Ending = "break" | "continue" | undefined;

interface Variable {
  readonly name: string;
  value: Value;
}

/** What a function gets: words of its command, and what the command before gives. */
type Argument = Expression | { readonly kind: "value"; readonly at: number; readonly value: Value };

/**
 * Runs a template; throws a TemplateFault with the place of what cannot be. A key that a map does
 * not have is one too, or nothing where that is lenient.
 */
export function evaluate(
  tree: Tree,
  functions: Functions,
  isLenient: boolean,
  data: Value,
): string {
  const run = new Run(tree, functions, isLenient);
  run.body(tree.root, data);
  return run.output.join("");
}

class Run {
  readonly output: string[] = [];
  #size = 0;
  #steps = 0;
  #depth = 0;
  /** From the outermost to the innermost. */
  #variables: Variable[] = [];

  constructor(readonly tree: Tree, readonly functions: Functions, readonly isLenient: boolean) {}

  /** Runs the body of a template, which sees no variables but its own. */
  body(nodes: readonly Node[], dot: Value): void {
    const outer = this.#variables;
    this.#variables = [{ name: "$", value: dot }];
    this.#list(nodes, dot);
    this.#variables = outer;
  }

  #list(nodes: readonly Node[], dot: Value): Ending {
    for (const node of nodes) {
      const ending = this.#node(node, dot);
      if (ending !== undefined) return ending;
    }
    return undefined;
  }

  #step(at: number): void {
    if (++this.#steps > MAX_STEPS) throw new TemplateFault("it takes too many steps", at);
  }

  #node(node: Node, dot: Value): Ending {
    this.#step(node.at);
    if ("body" in node) return this.#block(node, dot);
    if (node.kind === "text") this.#print(node.text, node.at);
    else if (node.kind === "template") this.#template(node, dot);
    else if (node.kind === "action") {
      const value = this.#pipeline(node.pipe, dot);
      if (node.pipe.variables.length === 0) {
        this.#print(value === undefined ? "<no value>" : display(value), node.at);
      }
    } else return node.kind;
    return undefined;
  }

  #print(text: string, at: number): void {
    this.#size += text.length;
    if (this.#size > MAX_OUTPUT) throw new TemplateFault("it prints more than 1 MiB", at);
    this.output.push(text);
  }

  #template({ name, at, pipe }: Extract<Node, { kind: "template" }>, dot: Value): void {
    const nodes = this.tree.defined.get(name);
    if (nodes === undefined) throw new TemplateFault(`there is no template ${excerpt(name)}`, at);
    const value = pipe && this.#pipeline(pipe, dot);
    if (++this.#depth > MAX_DEPTH) {
      throw new TemplateFault(`templates call one another more than ${MAX_DEPTH} deep`, at);
    }
    this.body(nodes, value);
    this.#depth--;
  }

  #block(node: Block, dot: Value): Ending {
    const mark = this.#variables.length;
    const value = this.#pipeline(node.pipe, dot);
    let ending: Ending;
    if (node.kind === "range") ending = this.#range(node, dot, value);
    else if (isTrue(value)) ending = this.#list(node.body, node.kind === "with" ? value : dot);
    else ending = this.#list(node.otherwise, dot);
    this.#variables.length = mark;
    return ending;
  }

  #range(node: Block, dot: Value, value: Value): Ending {
    let isEmpty = true;
    const mark = this.#variables.length;
    for (const [key, item] of pairs(node.pipe, value)) {
      isEmpty = false;
      this.#step(node.at);
      this.#set(node.pipe, node.pipe.variables.length > 1 ? [key, item] : [item]);
      const ending = this.#list(node.body, item);
      this.#variables.length = mark;
      if (ending === "break") break;
    }
    return isEmpty ? this.#list(node.otherwise, dot) : undefined;
  }

  /** Evaluates a pipeline and sets its variables. */
  #pipeline(pipe: PipelineNode, dot: Value): Value {
    let value: Value;
    for (const [i, { words: [first, ...args] }] of pipe.commands.entries()) {
      const { at } = first;
      const given: Argument[] = i > 0 ? [...args, { kind: "value", at, value }] : args;
      if (first.kind === "nil") throw new TemplateFault("nil is no command", at);
      if (given.length > 0 && first.kind !== "function" && first.kind !== "fields") {
        throw new TemplateFault("only a function can have arguments", at);
      }
      // A nil that a map or a function gives is nothing from here on.
      value = this.#value(first, dot, given) ?? undefined;
    }
    this.#set(pipe, [value, value]);
    return value;
  }

  #set({ variables, assigns, at }: PipelineNode, values: readonly Value[]): void {
    for (const [i, name] of variables.entries()) {
      if (assigns) this.#find(name, at).value = values[i];
      else this.#variables.push({ name, value: values[i] });
    }
  }

  #find(name: string, at: number): Variable {
    const found = this.#variables.findLast((variable) => variable.name === name);
    if (found === undefined) throw new TemplateFault(`there is no variable ${name} here`, at);
    return found;
  }

  /** The value of an expression; functions and fields get what is given to them. */
  #value(expression: Argument, dot: Value, given: readonly Argument[] = []): Value {
    const { kind, at } = expression;
    if ("value" in expression) return expression.value;
    if (kind === "dot") return dot;
    if (kind === "number") {
      const { int, float, isFloat } = expression;
      return isFloat || int === undefined ? float : new GoInt(int);
    }
    if (kind === "pipe") return this.#pipeline(expression.pipe, dot);
    if (kind === "fields") return this.#fields(expression, dot, given);
    if (kind === "function") return this.#call(expression.name, at, dot, given);
    return kind === "variable" ? this.#find(expression.name, at).value : null;
  }

  /** Walks along the fields; the last one gets the arguments. */
  #fields({ of, names, at }: Fields, dot: Value, given: readonly Argument[]): Value {
    let path = of.kind === "dot" ? "" : "(...)";
    if (of.kind === "variable") path = of.name;
    let value = this.#value(of, dot);
    for (const [i, name] of names.entries()) {
      const own = i === names.length - 1 ? given : [];
      if (value instanceof GoTime) {
        const method = timeMethods(value).get(name);
        if (method === undefined) throw new TemplateFault(`a time has no method ${name}`, at);
        value = this.#apply(method, name, at, dot, own);
      } else if (own.length > 0) {
        throw new TemplateFault(`${name} is no function, and has arguments`, at);
      } else value = this.#field(value, name, path, at);
      path += `.${name}`;
    }
    return value;
  }

  #field(receiver: Value, name: string, path: string, at: number): Value {
    if (receiver === undefined && this.isLenient) return undefined;
    if (!(receiver instanceof GoMap)) {
      const [nothing, other] = [receiver === undefined ? "nothing" : "nil", typeOf(receiver)];
      const why = `is ${isNil(receiver) ? nothing : `a ${other}`}, and has no field ${name}`;
      throw new TemplateFault(`${path || "."} ${why}`, at);
    }
    if (receiver.entries.has(name) || this.isLenient) return receiver.entries.get(name);
    throw new TemplateFault(unknownField(receiver, name, path), at);
  }

  #call(name: string, at: number, dot: Value, args: readonly Argument[]): Value {
    const found = this.functions.get(name);
    if (found !== undefined) return this.#apply(found, name, at, dot, args);
    if (args.length === 0) {
      throw new TemplateFault(`${name} wants at least 1 argument, and has none`, at);
    }
    // What remains is and, or: they stop at the first argument that decides.
    let value: Value;
    for (const arg of args) {
      value = this.#argument(arg, "any", dot);
      if (isTrue(value) === (name === "or")) break;
    }
    return value;
  }

  #apply(
    { parameters, rest, call }: GoFunction,
    name: string,
    at: number,
    dot: Value,
    args: readonly Argument[],
  ): Value {
    const [count, wanted] = [args.length, parameters.length];
    if (count < wanted || (count > wanted && rest === undefined)) {
      const least = rest === undefined ? "" : "at least ";
      const some = `${least}${wanted} argument${wanted === 1 ? "" : "s"}`;
      throw new TemplateFault(`${name} wants ${some}, and has ${count}`, at);
    }
    const values = args.map((arg, i) => this.#argument(arg, parameters[i] ?? rest ?? "any", dot));
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

  #argument(arg: Argument, type: ParameterType, dot: Value): Value {
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

/** What a range goes over: the indexes or keys, and what is there. */
function* pairs({ at, variables }: PipelineNode, value: Value): Generator<readonly [Value, Value]> {
  if (isNil(value)) return;
  if (value instanceof GoList) {
    for (const [i, item] of value.items.entries()) yield [new GoInt(i), item];
  } else if (value instanceof GoMap) {
    for (const key of value.keys()) yield [key, value.entries.get(key)];
  } else if (value instanceof GoInt && variables.length < 2) {
    for (let i = 0n; i < value.value; i++) yield [undefined, new GoInt(i, value.kind)];
  } else throw new TemplateFault(`{{range}} cannot go over a ${typeOf(value)}`, at);
}

/** A value as an argument: nothing is nil where nil can be. */
function fitting(value: Value, type: ParameterType, at: number): Value {
  if (isNil(value) && (type === "any" || (type === "map" && value === undefined))) return null;
  const wanted = goTypeOf(type);
  if (isNil(value)) {
    throw new TemplateFault(`there is no value, and it has to be a ${wanted}`, at);
  }
  if (type === "any" || typeOf(value) === wanted) return value;
  throw new TemplateFault(`a ${typeOf(value)} stands where a ${wanted} has to be`, at);
}

/** How many names are worth listing. */
const MAX_LISTED = 12;

/** Why a field cannot be read, with the names there are, and the one that may have been meant. */
function unknownField(map: GoMap, name: string, path: string): string {
  const names = map.keys();
  const [what, has] = path === "" ? ["there is", "there are"] : [`${path} has`, "it has"];
  const list = names.length > 0 && names.length <= MAX_LISTED ? `; ${has} ${names.join(", ")}` : "";
  const near = nearest(name, names);
  return `${what} no field ${name}${list}${near === undefined ? "" : `; did you mean ${near}?`}`;
}
