/**
 * What a template consists of once it is parsed, and what it may read.
 * @module
 */

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

/** Fields of the dot (`.A.B`), of a variable (`$x.A`), or of what parentheses give (`(...).A`). */
export interface Fields extends Placed {
  readonly kind: "fields";
  readonly of: Expression;
  readonly names: readonly string[];
}

/** An argument, or the first word of a command; the names of variables begin with `$`. */
export type Expression =
  | NumberLiteral
  | Fields
  | (Placed & { readonly kind: "dot" | "nil" })
  | (Placed & { readonly kind: "bool"; readonly value: boolean })
  | (Placed & { readonly kind: "string"; readonly value: string })
  | (Placed & { readonly kind: "variable" | "function"; readonly name: string })
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
  | Block
  | (Placed & { readonly kind: "text"; readonly text: string })
  | (Placed & { readonly kind: "action"; readonly pipe: PipelineNode })
  | (Placed & { readonly kind: "template"; readonly name: string; readonly pipe?: PipelineNode })
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
  return [root, ...defined.values()].flatMap((nodes) => [...all(nodes)]).some((one) => {
    if (one.kind === "fields") return one.names.includes(field);
    return one.kind === "dot" || (one.kind === "variable" && one.name === "$");
  });
}

/**
 * The fields that a customTemplate tag is made of, as Skaffold finds them: each name of `.A.B`, in
 * the order of their first use; none of `$`, of variables, and of the templates it defines.
 */
export function fieldNames({ root }: Tree): string[] {
  const names = [...all(root)].flatMap((one) =>
    one.kind === "fields" && one.of.kind === "dot" ? one.names : []
  );
  return [...new Set(names)];
}

/** Every expression of a list of nodes, those in parentheses too, but for what fields are of. */
function* all(nodes: readonly Node[]): Generator<Expression> {
  for (const node of nodes) {
    if ("pipe" in node && node.pipe !== undefined) yield* inPipeline(node.pipe);
    if ("body" in node) yield* all([...node.body, ...node.otherwise]);
  }
}

function* inPipeline({ commands }: PipelineNode): Generator<Expression> {
  for (const word of commands.flatMap(({ words }) => words)) {
    yield word;
    const inner = word.kind === "fields" ? word.of : word;
    if (inner.kind === "pipe") yield* inPipeline(inner.pipe);
  }
}
