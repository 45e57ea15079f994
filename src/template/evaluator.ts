/**
 * Runs a template: what it prints block by block, and the pipelines, calls, fields and variables in its
 * actions.
 * @module
 */
import { messageOf, nearest } from "../errors.ts";
import { timeMethods } from "./builtins.ts";
import { display } from "./format.ts";
import {
  type Functions,
  type GoFunction,
  goTypeOf,
  type ParameterType,
  takes,
} from "./functions.ts";
import { GoTime } from "./go_time.ts";
import {
  type Block,
  type Command,
  excerpt,
  type Expression,
  type Node,
  type NumberLiteral,
  type PipelineNode,
  TemplateFault,
  type Tree,
} from "./tree.ts";
import { GoInt, GoList, GoMap, isTrue, typeOf, type Value, weightOf } from "./value.ts";

/** How long an output may become, in characters. */
const MAX_OUTPUT = 1 << 20;
/** How many nodes may be run; a loop or a recursion without end meets it soon. */
const MAX_STEPS = 1_000_000;
/** How deep templates may call one another. */
const MAX_DEPTH = 200;

/** How a list of nodes ended: by itself, or by leaving a loop or one round of it. */
type Ending = "break" | "continue" | undefined;

/**
 * Runs a template.
 *
 * @throws {TemplateFault} with the place of what cannot be
 */
export function evaluate(tree: Tree, environment: TemplateEnvironment, data: Value): string {
  return new Run(tree, environment).whole(data);
}

class Run {
  readonly #expressions: Expressions;
  readonly #output: string[] = [];
  #size = 0;
  #steps = 0;
  #depth = 0;

  constructor(private readonly tree: Tree, environment: TemplateEnvironment) {
    this.#expressions = new Expressions(environment);
  }

  whole(data: Value): string {
    this.#call(this.tree.root, data);
    return this.#output.join("");
  }

  /** Runs the body of a template, which has variables of its own. */
  #call(nodes: readonly Node[], dot: Value): void {
    const outer = this.#expressions.enter(dot);
    this.#list(nodes, dot);
    this.#expressions.variables = outer;
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
    switch (node.kind) {
      case "text":
        this.#print(node.text, node.at);
        return undefined;
      case "action": {
        const value = this.#expressions.pipeline(node.pipe, dot);
        if (node.pipe.variables.length === 0) {
          this.#print(value === undefined ? "<no value>" : display(value), node.at);
        }
        return undefined;
      }
      case "break":
      case "continue":
        return node.kind;
      case "template":
        this.#template(node, dot);
        return undefined;
      default:
        return this.#block(node, dot);
    }
  }

  #print(text: string, at: number): void {
    this.#size += text.length;
    if (this.#size > MAX_OUTPUT) throw new TemplateFault("it prints more than 1 MiB", at);
    this.#output.push(text);
  }

  #template(node: Extract<Node, { kind: "template" }>, dot: Value): void {
    const nodes = this.tree.defined.get(node.name);
    if (nodes === undefined) {
      throw new TemplateFault(`there is no template ${excerpt(node.name)}`, node.at);
    }
    const value = node.pipe && this.#expressions.pipeline(node.pipe, dot);
    if (++this.#depth > MAX_DEPTH) {
      throw new TemplateFault(`templates call one another more than ${MAX_DEPTH} deep`, node.at);
    }
    this.#call(nodes, value);
    this.#depth--;
  }

  #block(node: Block, dot: Value): Ending {
    const { variables } = this.#expressions;
    const mark = variables.length;
    const value = this.#expressions.pipeline(node.pipe, dot);
    let ending: Ending;
    if (node.kind === "range") ending = this.#range(node, dot, value);
    else if (isTrue(value)) ending = this.#list(node.body, node.kind === "with" ? value : dot);
    else ending = this.#list(node.otherwise, dot);
    variables.length = mark;
    return ending;
  }

  #range(node: Block, dot: Value, value: Value): Ending {
    let empty = true;
    const { variables } = this.#expressions;
    const mark = variables.length;
    for (const [key, item] of pairs(node.pipe, value)) {
      empty = false;
      this.#step(node.at);
      this.#expressions.setRange(node.pipe, key, item);
      const ending = this.#list(node.body, item);
      variables.length = mark;
      if (ending === "break") break;
    }
    return empty ? this.#list(node.otherwise, dot) : undefined;
  }
}

/** What a range goes over: the indexes or keys, and what is there. */
function* pairs({ at, variables }: PipelineNode, value: Value): Generator<readonly [Value, Value]> {
  if (value === undefined || value === null) return;
  if (value instanceof GoList) {
    for (const [i, item] of value.items.entries()) yield [new GoInt(i), item];
  } else if (value instanceof GoMap) {
    for (const key of value.keys()) yield [key, value.entries.get(key)];
  } else if (value instanceof GoInt && variables.length < 2) {
    for (let i = 0n; i < value.value; i++) yield [undefined, new GoInt(i, value.kind)];
  } else throw new TemplateFault(`{{range}} cannot go over a ${typeOf(value)}`, at);
}

/** What a template runs with. */
interface TemplateEnvironment {
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

/** What a function gets: arguments, the dot they are of, and the value of the command before. */
interface Given {
  readonly args: readonly Expression[];
  readonly dot: Value;
  readonly final: Final;
}

/** How large a value may become, in characters and items. */
const MAX_WEIGHT = 1 << 21;

/** The state of a run that expressions see: its variables. */
class Expressions {
  /** From the outermost to the innermost. */
  variables: Variable[] = [];

  constructor(private readonly environment: TemplateEnvironment) {}

  /** Begins a template, which sees none of the variables so far; gives those. */
  enter(dot: Value): Variable[] {
    const outer = this.variables;
    this.variables = [{ name: "$", value: dot }];
    return outer;
  }

  /** Evaluates a pipeline and sets its variables. */
  pipeline(pipe: PipelineNode, dot: Value): Value {
    let final: Final = NONE;
    // A nil that a map or a function gives is nothing from here on.
    for (const command of pipe.commands) final = this.#command(command, dot, final) ?? undefined;
    const value = final === NONE ? undefined : final;
    for (const name of pipe.variables) {
      if (pipe.assigns) this.#find(name, pipe.at).value = value;
      else this.variables.push({ name, value });
    }
    return value;
  }

  /** Sets the variables of a range for one round. */
  setRange(pipe: PipelineNode, key: Value, item: Value): void {
    const values = pipe.variables.length > 1 ? [key, item] : [item];
    for (const [i, name] of pipe.variables.entries()) {
      if (pipe.assigns) this.#find(name, pipe.at).value = values[i];
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

  #command({ words: [first, ...args] }: Command, dot: Value, final: Final): Value {
    const given: Given = { args, dot, final };
    if (first.kind === "function") return this.#call(first, given);
    if (first.kind === "nil") throw new TemplateFault("nil is no command", first.at);
    if ("names" in first && first.names.length > 0) return this.#fields(first, given);
    if (args.length > 0 || final !== NONE) {
      throw new TemplateFault("only a function can have arguments", first.at);
    }
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
        return this.#call(expression, { args: [], dot, final: NONE });
      case "pipe":
        return this.pipeline(expression.pipe, dot);
      default:
        return expression.names.length > 0
          ? this.#fields(expression, { args: [], dot, final: NONE })
          : this.#find(expression.kind === "variable" ? expression.name : "$", expression.at).value;
    }
  }

  /** Walks along the fields; the last one gets the arguments. */
  #fields(expression: Extract<Expression, { names: readonly string[] }>, given: Given): Value {
    const { kind, names, at } = expression;
    if (kind === "chain" && expression.of.kind === "nil") {
      throw new TemplateFault("nil has no fields", at);
    }
    let path = kind === "variable" ? expression.name : kind === "chain" ? "(...)" : "";
    let value = kind === "field"
      ? given.dot
      : kind === "variable"
      ? this.#find(expression.name, at).value
      : this.#value(expression.of, given.dot);
    for (const [i, name] of names.entries()) {
      const own: Given = i === names.length - 1 ? given : { ...given, args: [], final: NONE };
      if (value instanceof GoTime) {
        const method = timeMethods(value).get(name);
        if (method === undefined) throw new TemplateFault(`a time has no method ${name}`, at);
        value = this.#apply(method, name, at, own);
      } else if (own.args.length > 0 || own.final !== NONE) {
        throw new TemplateFault(`${name} is no function, and has arguments`, at);
      } else value = this.#field(value, name, path, at);
      path += `.${name}`;
    }
    return value;
  }

  #field(receiver: Value, name: string, path: string, at: number): Value {
    const isLenient = this.environment.missingKey === "nothing";
    if (receiver === undefined && isLenient) return undefined;
    if (!(receiver instanceof GoMap)) {
      const what = receiver === undefined ? "nothing" : receiver === null ? "nil" : undefined;
      const why = `is ${what ?? `a ${typeOf(receiver)}`}, and has no field ${name}`;
      throw new TemplateFault(`${path || "."} ${why}`, at);
    }
    if (receiver.entries.has(name)) return receiver.entries.get(name);
    if (isLenient) return undefined;
    throw new TemplateFault(unknownField(receiver, name, path), at);
  }

  #call({ name, at }: Extract<Expression, { kind: "function" }>, given: Given): Value {
    const { args, dot, final } = given;
    const found = this.environment.functions.get(name);
    if (found !== undefined) return this.#apply(found, name, at, given);
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

  #apply(called: GoFunction, name: string, at: number, { args, dot, final }: Given): Value {
    const { parameters, rest, call } = called;
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
