/**
 * A YAML document as a tree that keeps what a person wrote: comments, styles, anchors, key order.
 * @module
 */

/** What a node is. */
export type Kind = "document" | "mapping" | "sequence" | "scalar" | "alias";

/** How a scalar is written, or whether a collection is written in brackets. */
export type Style = "plain" | "single" | "double" | "literal" | "folded" | "block" | "flow";

/** A node of a document. Its value may be replaced. */
export interface YamlNode {
  readonly kind: Kind;
  readonly style: Style;
  /** `!!str`, `!custom`, or a whole URI, where the text says one; else "". */
  readonly tag: string;
  readonly anchor: string;
  /** Of a scalar; the name of an alias. */
  value: string;
  /** Keys and values in turn, of a mapping; items of a sequence; the root of a document. */
  content: YamlNode[];
  /** Lines above, with their `#`; "" for none. */
  head: string;
  /** At the end of the line. */
  line: string;
  /** Lines below that belong to this node rather than to the next. */
  foot: string;
  /** Line in the text, from 1. */
  readonly row: number;
}

/** Comments around a node. */
export type Comments = Pick<YamlNode, "head" | "line" | "foot">;

/** No comments. */
export const NO_COMMENTS: Comments = { head: "", line: "", foot: "" };

/** Two comments at the end of one line. */
export function beside(first: string, second: string): string {
  return first === "" || second === "" ? first || second : `${first} ${second}`;
}

/** Every node of a tree, each before what is in it. */
export function* eachNode(root: YamlNode): Generator<YamlNode> {
  const left = [root];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    yield node;
    for (let i = node.content.length - 1; i >= 0; i--) {
      const child = node.content[i];
      if (child !== undefined) left.push(child);
    }
  }
}

/** What a plain scalar may be besides a string: null, true, false, a number, a date, a merge key. */
const OTHER = new RegExp(
  [
    /~|null|Null|NULL|true|True|TRUE|false|False|FALSE|<<|/,
    /[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)/,
    /[-+]?(?:0x[0-9a-f_]+|0o?[0-7_]+|0b[01_]+|[0-9][0-9_]*)/i,
    /[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?/,
    /\d{4}-\d{1,2}-\d{1,2}(?:[Tt ]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d*)?(?:Z|[-+]\d\d:\d\d)?)?/,
  ].map(({ source }) => `(?:${source})`).join("|").replace(/^/, "^(?:").replace(/$/, ")$"),
  "i",
);

/** Whether a scalar is a string by its tag, or else by how it is written. */
export function isString(node: YamlNode): boolean {
  if (node.kind !== "scalar") return false;
  if (node.tag !== "") return node.tag === "!!str";
  return node.style !== "plain" || node.value.startsWith("ko://") || !OTHER.test(node.value);
}

/** Whether a scalar is null: said so, empty, or `~`. */
export function isNull(node: YamlNode): boolean {
  if (node.kind !== "scalar") return false;
  if (node.tag !== "") return node.tag === "!!null";
  return node.style === "plain" && /^(?:~|null|Null|NULL|)$/.test(node.value);
}
