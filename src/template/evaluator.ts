/**
 * Runs the nodes of a template: what it prints, block by block.
 * @module
 */
import { shown, TemplateFault } from "./tree.ts";
import { type Environment, Expressions } from "./expressions.ts";
import { display } from "./format.ts";
import type { Block, Node, Pipeline, Tree } from "./tree.ts";
import { GoInt, GoList, GoMap, isTrue, typeOf, type Value } from "./value.ts";

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
export function evaluate(tree: Tree, environment: Environment, data: Value): string {
  return new Run(tree, environment).whole(data);
}

class Run {
  readonly #expressions: Expressions;
  readonly #output: string[] = [];
  #size = 0;
  #steps = 0;
  #depth = 0;

  constructor(private readonly tree: Tree, environment: Environment) {
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
      throw new TemplateFault(`there is no template ${shown(node.name)}`, node.at);
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
function* pairs({ at, variables }: Pipeline, value: Value): Generator<readonly [Value, Value]> {
  if (value === undefined || value === null) return;
  if (value instanceof GoList) {
    for (const [i, item] of value.items.entries()) yield [new GoInt(i), item];
  } else if (value instanceof GoMap) {
    for (const key of value.keys()) yield [key, value.entries.get(key)];
  } else if (value instanceof GoInt && variables.length < 2) {
    for (let i = 0n; i < value.value; i++) yield [undefined, new GoInt(i, value.kind)];
  } else throw new TemplateFault(`{{range}} cannot go over a ${typeOf(value)}`, at);
}
