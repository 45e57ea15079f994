/**
 * What a template consists of once it is parsed, what it may read, and what goes wrong in it before it
 * is known whose template it is.
 * @module
 */

/** A fault with its place in the text of the template. */
export class TemplateFault extends Error {
  /**
   * @param message why, without saying what could not be done
   * @param at where in the text, in UTF-16 units; undefined where the fault is in no one place
   */
  constructor(message: string, readonly at?: number) {
    super(message);
  }
}

/** A text in quotes for a message, cut when it is long. */
export function excerpt(text: string, limit = 60): string {
  return JSON.stringify(text.length > limit ? `${text.slice(0, limit)}...` : text);
}

/** Something that has a place in the text, in UTF-16 units. */
interface Placed {
  readonly at: number;
}

/** A literal number, which may be usable as both kinds. */
export interface NumberLiteral extends Placed {
  readonly kind: "number";
  readonly int: bigint | undefined;
  readonly float: number;
  /** Whether it is a float64 where nothing says what it has to be. */
  readonly isFloat: boolean;
}

/** An argument, or the first word of a command. */
export type Expression =
  | (Placed & { readonly kind: "dot" | "nil" })
  | (Placed & { readonly kind: "bool"; readonly value: boolean })
  | (Placed & { readonly kind: "string"; readonly value: string })
  | NumberLiteral
  | (Placed & { readonly kind: "field"; readonly names: readonly string[] })
  /** `$x.A.B`: the variable with its `$`, and the fields. */
  | (Placed & {
    readonly kind: "variable";
    readonly name: string;
    readonly names: readonly string[];
  })
  | (Placed & { readonly kind: "function"; readonly name: string })
  /** Fields of what is in parentheses, or of what a function gives. */
  | (Placed & {
    readonly kind: "chain";
    readonly of: Expression;
    readonly names: readonly string[];
  })
  | (Placed & { readonly kind: "pipe"; readonly pipe: PipelineNode });

/** A word with its arguments. */
export interface Command extends Placed {
  readonly words: readonly [Expression, ...Expression[]];
}

/** Commands, each one getting what the one before gives; then variables that hold the result. */
export interface PipelineNode extends Placed {
  readonly commands: readonly Command[];
  /** With their `$`. */
  readonly variables: readonly string[];
  /** Whether the variables are there already (`=`, not `:=`). */
  readonly assigns: boolean;
}

/** What runs its body, or the other one, as its pipeline says. */
export interface Block extends Placed {
  readonly kind: "if" | "with" | "range";
  readonly pipe: PipelineNode;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

/** A part of a template. */
export type Node =
  | (Placed & { readonly kind: "text"; readonly text: string })
  | (Placed & { readonly kind: "action"; readonly pipe: PipelineNode })
  | Block
  | (Placed & {
    readonly kind: "template";
    readonly name: string;
    readonly pipe: PipelineNode | undefined;
  })
  | (Placed & { readonly kind: "break" | "continue" });

/** A whole template, with those that it defines. */
export interface Tree {
  readonly root: readonly Node[];
  readonly defined: ReadonlyMap<string, readonly Node[]>;
}

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

function* inPipeline(pipe: PipelineNode): Generator<Expression> {
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
