/**
 * What a template consists of, once it is parsed.
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
  | (Placed & { readonly kind: "pipe"; readonly pipe: Pipeline });

/** A word with its arguments. */
export interface Command extends Placed {
  readonly words: readonly [Expression, ...Expression[]];
}

/** Commands, each one getting what the one before gives; then variables that hold the result. */
export interface Pipeline extends Placed {
  readonly commands: readonly Command[];
  /** With their `$`. */
  readonly variables: readonly string[];
  /** Whether the variables are there already (`=`, not `:=`). */
  readonly assigns: boolean;
}

/** What runs its body, or the other one, as its pipeline says. */
export interface Block extends Placed {
  readonly kind: "if" | "with" | "range";
  readonly pipe: Pipeline;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

/** A part of a template. */
export type Node =
  | (Placed & { readonly kind: "text"; readonly text: string })
  | (Placed & { readonly kind: "action"; readonly pipe: Pipeline })
  | Block
  | (Placed & {
    readonly kind: "template";
    readonly name: string;
    readonly pipe: Pipeline | undefined;
  })
  | (Placed & { readonly kind: "break" | "continue" });

/** A whole template, with those that it defines. */
export interface Tree {
  readonly root: readonly Node[];
  readonly defined: ReadonlyMap<string, readonly Node[]>;
}
