/**
 * What a YAML text is made of, and the comments between.
 * @module
 */
import type { Mark } from "./cursor.ts";
import type { Style } from "./node.ts";

/** Kinds of tokens. */
export type TokenType =
  | "stream-start"
  | "stream-end"
  | "version"
  | "tag-directive"
  | "document-start"
  | "document-end"
  | "sequence-start"
  | "mapping-start"
  | "block-end"
  | "flow-sequence-start"
  | "flow-sequence-end"
  | "flow-mapping-start"
  | "flow-mapping-end"
  | "item"
  | "comma"
  | "key"
  | "value"
  | "alias"
  | "anchor"
  | "tag"
  | "scalar";

/** A token. */
export interface Token extends Mark {
  readonly type: TokenType;
  /** Of a scalar; the name of an anchor or alias; the handle of a tag. */
  readonly value: string;
  /** What follows the handle of a tag; the prefix of a directive. */
  readonly suffix: string;
  readonly style: Style;
}

/** A token without a value. */
export function token(type: TokenType, { index, line, column }: Mark): Token {
  return { type, index, line, column, value: "", suffix: "", style: "plain" };
}

/** A comment (or several, one a line) that waits for the token it belongs to. */
export interface Comment {
  /** Index at which the search for it began. */
  scanned: number;
  /** It belongs to the first token at or after this index. */
  token: number;
  /** Line of its `#`. */
  line: number;
  /** Column of its `#`; 1 more where it stands on a line of its own. */
  column: number;
  /** Index of its `#`. */
  start: number;
  /** Index of its end. */
  end: number;
  /** Which comment of the token it is. */
  place: "head" | "line" | "foot";
  text: string;
}
