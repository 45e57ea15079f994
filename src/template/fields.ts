/**
 * What a template may read, so that a caller prepares no more than that.
 * @module
 */
import type { Expression, Node, Pipeline, Tree } from "./nodes.ts";

/**
 * Whether a template may read a field of its data: it names it somewhere, or it hands the whole
 * data on, to where nobody can tell what will be read.
 */
export function mayRead({ root, defined }: Tree, field: string): boolean {
  for (const expression of [root, ...defined.values()].flatMap((nodes) => [...all(nodes)])) {
    if (expression.kind === "dot") return true;
    if (expression.kind === "variable" && expression.names.length === 0) {
      if (expression.name === "$") return true;
    }
    if ("names" in expression && expression.names.includes(field)) return true;
  }
  return false;
}

/**
 * The fields that a customTemplate tag is made of, as Skaffold finds them: each name of `.A.B`, in
 * the order of their first use; none of `$`, of variables, and of the templates it defines.
 */
export function fieldNames({ root }: Tree): string[] {
  const names = [...all(root)].flatMap((one) => one.kind === "field" ? one.names : []);
  return [...new Set(names)];
}

/** Every expression of a list of nodes, the inner ones too. */
function* all(nodes: readonly Node[]): Generator<Expression> {
  for (const node of nodes) {
    if ("pipe" in node && node.pipe !== undefined) yield* inPipeline(node.pipe);
    if (node.kind === "if" || node.kind === "with" || node.kind === "range") {
      yield* all(node.body);
      yield* all(node.otherwise);
    }
  }
}

function* inPipeline(pipe: Pipeline): Generator<Expression> {
  for (const { words } of pipe.commands) {
    for (const word of words) {
      yield word;
      if (word.kind === "pipe") yield* inPipeline(word.pipe);
      if (word.kind === "chain") {
        yield word.of;
        if (word.of.kind === "pipe") yield* inPipeline(word.of.pipe);
      }
    }
  }
}
