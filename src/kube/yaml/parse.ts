/**
 * Makes trees of the documents of a YAML text: comments are with the nodes that they stand above,
 * beside or below.
 * @module
 */
import { yamlError } from "./failure.ts";
import type { YamlNode } from "./node.ts";
import { NodeParser } from "./node_parser.ts";
import type { Token } from "./token.ts";
import { isOneOf, Tokens } from "./tokens.ts";

/** What cannot stand in YAML: control characters, and halves of characters. */
const FOREIGN = /[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/**
 * Reads all documents of a text, one after the other.
 *
 * @throws {YamlError} for the first thing that is wrong
 */
export function* parseDocuments(text: string): Generator<YamlNode> {
  const wrong = FOREIGN.exec(text);
  if (wrong !== null) {
    const lines = text.slice(0, wrong.index).split("\n");
    const place = { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
    throw yamlError("a control character cannot stand in YAML", place);
  }
  const parser = new Parser(text);
  for (let one = parser.document(); one !== undefined; one = parser.document()) yield one;
}

class Parser {
  readonly #tokens: Tokens;
  readonly #nodes: NodeParser;
  #first = true;

  constructor(text: string) {
    this.#tokens = new Tokens(text);
    this.#nodes = new NodeParser(this.#tokens);
    this.#tokens.peek();
    this.#tokens.pass();
  }

  /** The next document. */
  document(): YamlNode | undefined {
    let next = this.#tokens.peek();
    while (next.type === "document-end") next = this.#tokens.skip();
    if (next.type === "stream-end") return undefined;
    const implicit = this.#first && next.type !== "version" && next.type !== "tag-directive" &&
      next.type !== "document-start";
    this.#first = false;
    const row = next.line;
    const head = implicit ? this.#documentHead() : "";
    if (!implicit) next = this.#directives(next);
    else this.#nodes.handles = new Map();
    const none = !implicit &&
      isOneOf(next, "version", "tag-directive", "document-start", "document-end", "stream-end");
    const root = none ? this.#nodes.empty(next) : this.#nodes.node(true, false);
    next = this.#tokens.peek();
    if (next.type === "document-end") this.#tokens.pass();
    const after = this.#tokens.take();
    // Whatever is left at the end is below.
    const foot = after.foot || after.head;
    const rest = { style: "block", tag: "", anchor: "", value: "", line: "" } as const;
    return { kind: "document", ...rest, content: [root], head, foot, row };
  }

  /** Comments above the first node, up to an empty line, are the document's. */
  #documentHead(): string {
    const text = this.#tokens.head;
    const end = text.endsWith("\n") ? text.length - 1 : text.lastIndexOf("\n\n");
    if (end < 0 || text === "") return "";
    this.#tokens.head = text.slice(text.endsWith("\n") ? end + 1 : end + 2);
    return text.slice(0, end);
  }

  /** Passes directives and `---`; gives the token after. */
  #directives(first: Token): Token {
    let next = first;
    let version = false;
    const handles = new Map<string, string>();
    this.#nodes.handles = handles;
    for (; isOneOf(next, "version", "tag-directive"); next = this.#tokens.skip()) {
      if (next.type === "version" ? version : handles.has(next.value)) {
        throw yamlError("a directive stands there twice", next);
      }
      if (next.type === "version") version = true;
      else handles.set(next.value, next.suffix);
    }
    if (next.type !== "document-start") throw yamlError('there is no "---" here', next);
    return this.#tokens.skip();
  }
}
