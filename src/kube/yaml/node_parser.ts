/**
 * Makes nodes of tokens: comments are with the nodes that they stand above, beside or below.
 * @module
 */
import { yamlError } from "./failure.ts";
import { beside, type Comments, NO_COMMENTS, type Style, type YamlNode } from "./node.ts";
import type { Token, TokenType } from "./token.ts";
import { isOneOf, joined, type Tokens } from "./tokens.ts";

const STANDARD = "tag:yaml.org,2002:";

/** What may stand before the content of a node. */
interface Properties {
  readonly anchor: string;
  readonly tag: string;
}

/** Reads nodes, each with all that is in it. */
export class NodeParser {
  /** What handles of tags stand for. */
  handles: ReadonlyMap<string, string> = new Map();
  readonly #tokens: Tokens;
  readonly #anchors = new Set<string>();

  constructor(tokens: Tokens) {
    this.#tokens = tokens;
  }

  /** A value of nothing. */
  empty({ line }: Token): YamlNode {
    return scalar("", "plain", { anchor: "", tag: "" }, NO_COMMENTS, line);
  }

  /**
   * Reads a node.
   *
   * @param block whether it may be a collection without brackets
   * @param itemsMayAlign whether the "-" of its items may stand below the key
   */
  node(block: boolean, itemsMayAlign: boolean): YamlNode {
    let next = this.#tokens.peek();
    const { line: row } = next;
    if (next.type === "alias") return this.#alias(next);
    const properties = this.#properties();
    next = this.#tokens.peek();
    if (itemsMayAlign && next.type === "item") {
      return this.#blockSequence({ ...properties, ...NO_COMMENTS, row }, true);
    }
    switch (next.type) {
      case "scalar": {
        const comments = this.#tokens.take();
        this.#tokens.pass();
        return scalar(next.value, next.style, properties, comments, row);
      }
      case "flow-sequence-start":
        return this.#flowSequence({ ...properties, ...this.#tokens.take(), row });
      case "flow-mapping-start":
        return this.#flowMapping({ ...properties, ...this.#tokens.take(), row });
      case "sequence-start":
        if (block) {
          return this.#blockSequence({ ...properties, ...this.#tokens.takeStem(), row }, false);
        }
        break;
      case "mapping-start":
        if (block) return this.#blockMapping({ ...properties, ...this.#tokens.takeStem(), row });
    }
    if (properties.anchor !== "" || properties.tag !== "") {
      return scalar("", "plain", properties, NO_COMMENTS, row);
    }
    throw yamlError("a value is missing here", next);
  }

  #alias({ value, line: row }: Token): YamlNode {
    if (!this.#anchors.has(value)) {
      throw yamlError(`there is no anchor "${value}" before`, this.#tokens.peek());
    }
    const comments = this.#tokens.take();
    this.#tokens.pass();
    const rest = { style: "plain", tag: "", anchor: "", content: [] } as const;
    return { kind: "alias", ...rest, content: [], value, row, ...comments };
  }

  #properties(): Properties {
    let anchor = "";
    let tag = "";
    for (let next = this.#tokens.peek();; next = this.#tokens.skip()) {
      if (next.type === "anchor" && anchor === "") anchor = next.value;
      else if (next.type === "tag" && tag === "") tag = this.#tag(next);
      else break;
    }
    if (anchor !== "") this.#anchors.add(anchor);
    return { anchor, tag };
  }

  /** `!!str`, `!own`, or a whole URI. */
  #tag(found: Token): string {
    const { value: handle, suffix } = found;
    if (handle === "") return shortened(suffix);
    const prefix = this.handles.get(handle) ??
      (handle === "!" ? "!" : handle === "!!" ? STANDARD : undefined);
    if (prefix === undefined) throw yamlError(`tag handle "${handle}" is not known`, found);
    return shortened(prefix + suffix);
  }

  #blockSequence(start: Start, aligned: boolean): YamlNode {
    const node = collection("sequence", "block", start);
    let next = aligned ? this.#tokens.peek() : this.#tokens.skip();
    while (next.type === "item") {
      const before = this.#tokens.head.length;
      next = this.#tokens.skip();
      this.#tokens.splitStem(before, next);
      const empty = aligned
        ? isOneOf(next, "item", "key", "value", "block-end")
        : isOneOf(next, "item", "block-end");
      node.content.push(empty ? this.empty(next) : this.node(true, false));
      next = this.#tokens.peek();
    }
    if (aligned) return node;
    if (next.type !== "block-end") throw yamlError('an item without "-" in a sequence', next);
    this.#tokens.pass();
    return node;
  }

  #blockMapping(start: Start): YamlNode {
    const node = collection("mapping", "block", start);
    let next = this.#tokens.skip();
    while (next.type !== "block-end") {
      if (next.type !== "key") throw yamlError("a key is missing here", next);
      next = this.#tokens.skip();
      const key = isOneOf(next, "key", "value", "block-end")
        ? this.empty(next)
        : this.node(true, true);
      // It stands where the value before was left.
      const former = node.content.at(-2);
      if (key.foot !== "" && former !== undefined) {
        former.foot = key.foot;
        key.foot = "";
      }
      next = this.#tokens.peek();
      let value: YamlNode;
      if (next.type === "value") {
        next = this.#tokens.skip();
        value = isOneOf(next, "key", "value", "block-end")
          ? this.empty(next)
          : this.node(true, true);
      } else {
        value = this.empty(next);
      }
      moveFoot(key, value);
      node.content.push(key, value);
      next = this.#tokens.peek();
    }
    const { line, foot } = this.#tokens.take();
    this.#tokens.pass();
    node.line = line;
    const lastKey = node.content.at(-2);
    if (foot !== "" && lastKey !== undefined) lastKey.foot = foot;
    else node.foot = foot;
    return node;
  }

  #flowSequence(start: Start): YamlNode {
    const node = collection("sequence", "flow", start);
    let next = this.#tokens.skip();
    for (let first = true; next.type !== "flow-sequence-end"; first = false) {
      if (!first) next = this.#comma(next, "]");
      if (next.type === "flow-sequence-end") break;
      node.content.push(next.type === "key" ? this.#pair(next) : this.node(false, false));
      next = this.#tokens.peek();
    }
    return this.#endOfFlow(node);
  }

  /** `key: value` within brackets. */
  #pair({ line: row }: Token): YamlNode {
    const none = { anchor: "", tag: "", ...NO_COMMENTS, row };
    const node = collection("mapping", "flow", none);
    const next = this.#tokens.skip();
    const ends = ["comma", "flow-sequence-end"] as const;
    const key = isOneOf(next, "value", ...ends) ? this.empty(next) : this.node(false, false);
    const value = this.#flowValue(...ends);
    moveFoot(key, value);
    node.content.push(key, value);
    return node;
  }

  #flowMapping(start: Start): YamlNode {
    const node = collection("mapping", "flow", start);
    const ends = ["comma", "flow-mapping-end"] as const;
    let next = this.#tokens.skip();
    for (let first = true; next.type !== "flow-mapping-end"; first = false) {
      if (!first) next = this.#comma(next, "}");
      if (next.type === "flow-mapping-end") break;
      const marked = next.type === "key";
      if (marked) next = this.#tokens.skip();
      const noKey = marked && isOneOf(next, "value", ...ends);
      const key = noKey ? this.empty(next) : this.node(false, false);
      const value = marked ? this.#flowValue(...ends) : this.empty(next);
      moveFoot(key, value);
      node.content.push(key, value);
      next = this.#tokens.peek();
    }
    return this.#endOfFlow(node);
  }

  #flowValue(...ends: readonly TokenType[]): YamlNode {
    let next = this.#tokens.peek();
    if (next.type !== "value") return this.empty(next);
    next = this.#tokens.skip();
    return isOneOf(next, ...ends) ? this.empty(next) : this.node(false, false);
  }

  #comma(next: Token, close: string): Token {
    if (next.type !== "comma") throw yamlError(`there is no "," or "${close}" here`, next);
    return this.#tokens.skip();
  }

  #endOfFlow(node: YamlNode): YamlNode {
    const { line, foot } = this.#tokens.take();
    this.#tokens.pass();
    // ko drops what stands behind the opening bracket; here it moves behind the closing one.
    node.line = beside(node.line, line);
    node.foot = joined(node.foot, foot);
    return node;
  }
}

/** What a collection starts with. */
interface Start extends Properties, Comments {
  readonly row: number;
}

function collection(kind: YamlNode["kind"], style: Style, start: Start): YamlNode {
  return { kind, style, value: "", content: [], ...start };
}

function scalar(
  value: string,
  style: Style,
  { anchor, tag }: Properties,
  { head, line, foot }: Comments,
  row: number,
): YamlNode {
  return { kind: "scalar", style, tag, anchor, value, content: [], head, line, foot, row };
}

/** A comment below a value is below its key. */
function moveFoot(key: YamlNode, value: YamlNode): void {
  if (key.foot !== "" || value.foot === "") return;
  key.foot = value.foot;
  value.foot = "";
}

function shortened(tag: string): string {
  return tag.startsWith(STANDARD) ? `!!${tag.slice(STANDARD.length)}` : tag;
}
