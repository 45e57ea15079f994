/**
 * Parses a template into what it consists of.
 * @module
 */
import { shown, TemplateFault } from "./tree.ts";
import { lex, type Token, type TokenKind } from "./lexer.ts";
import type { Node, Pipeline, Tree } from "./tree.ts";
import { PipelineParser, type Scope } from "./pipeline_parser.ts";
import { unquote } from "./lexer.ts";

/** How deep blocks may stand in blocks. */
const MAX_BLOCKS = 200;

/**
 * Parses a template.
 *
 * @param knows whether there is a function of a name
 * @throws {TemplateFault} with the place of what is wrong
 */
export function parse(text: string, knows: (name: string) => boolean): Tree {
  return new Parser(lex(text), { knows, variables: ["$"], rangeDepth: 0 }).whole();
}

/** How a list of nodes ended. */
interface Ending {
  readonly nodes: readonly Node[];
  readonly word: "end" | "else";
}

class Parser {
  readonly #tokens: PipelineParser;
  readonly #defined = new Map<string, readonly Node[]>();
  #depth = 0;

  constructor(tokens: readonly Token[], private scope: Scope) {
    this.#tokens = new PipelineParser(tokens);
  }

  whole(): Tree {
    const root: Node[] = [];
    for (
      let token = this.#tokens.next();
      token.kind !== "end of file";
      token = this.#tokens.next()
    ) {
      if (token.kind === "text") {
        root.push({ kind: "text", at: token.at, text: token.text });
        continue;
      }
      const word = this.#tokens.peekWord();
      if (word === "define") {
        this.#tokens.nextNonSpace();
        this.#define();
      } else if (word === "end" || word === "else") {
        throw new TemplateFault(`{{${word}}} belongs to no block`, token.at);
      } else root.push(this.#action(token));
    }
    return { root, defined: this.#defined };
  }

  /** Nodes up to the `end` or `else` of their block. */
  #list(opened: number): Ending {
    const nodes: Node[] = [];
    if (++this.#depth > MAX_BLOCKS) {
      throw new TemplateFault(`blocks stand more than ${MAX_BLOCKS} deep in one another`, opened);
    }
    for (;;) {
      const token = this.#tokens.nextNonSpace();
      if (token.kind === "end of file") throw new TemplateFault("the block has no {{end}}", opened);
      if (token.kind === "text") {
        nodes.push({ kind: "text", at: token.at, text: token.text });
        continue;
      }
      const word = this.#tokens.peekWord();
      if (word === "end" || word === "else") {
        this.#tokens.nextNonSpace();
        this.#depth--;
        return { nodes, word };
      }
      if (word === "define") throw new TemplateFault("{{define}} stands inside a block", token.at);
      nodes.push(this.#action(token));
    }
  }

  #action({ at }: Token): Node {
    const word = this.#tokens.peekWord();
    if (word === undefined) {
      return { kind: "action", at, pipe: this.#pipeline("an action") };
    }
    this.#tokens.nextNonSpace();
    if (word === "if" || word === "with" || word === "range") return this.#block(word, at);
    if (word === "template") return this.#template(at);
    if (word === "block") return this.#namedBlock(at);
    if (word === "break" || word === "continue") {
      this.#close(`{{${word}}}`);
      if (this.scope.rangeDepth === 0) {
        throw new TemplateFault(`{{${word}}} stands outside of {{range}}`, at);
      }
      return { kind: word, at };
    }
    throw new TemplateFault(`${shown(word)} cannot begin an action here`, at);
  }

  #pipeline(context: string, end: TokenKind = "close"): Pipeline {
    return this.#tokens.pipeline(this.scope, context, end);
  }

  #close(context: string): void {
    const token = this.#tokens.nextNonSpace();
    if (token.kind !== "close") throw unexpected(token, context);
  }

  #block(kind: "if" | "with" | "range", at: number): Node {
    const { variables } = this.scope;
    const before = variables.length;
    const pipe = this.#pipeline(`{{${kind}}}`);
    if (kind === "range") this.scope.rangeDepth++;
    const { nodes, word } = this.#list(at);
    if (kind === "range") this.scope.rangeDepth--;
    const otherwise = word === "else" ? this.#else(kind, at) : [];
    if (word === "end") this.#close("{{end}}");
    variables.length = before;
    return { kind, at, pipe, body: nodes, otherwise };
  }

  /** What follows `{{else`, up to the end of the block. */
  #else(kind: "if" | "with" | "range", at: number): readonly Node[] {
    const next = this.#tokens.peekWord();
    if (next === kind && kind !== "range") {
      // The end of the inner block is that of the outer one as well.
      if (++this.#depth > MAX_BLOCKS) throw new TemplateFault("there are too many {{else}}", at);
      const inner = this.#tokens.nextNonSpace();
      const block = this.#block(kind, inner.at);
      this.#depth--;
      return [block];
    }
    this.#close("{{else}}");
    const { nodes, word } = this.#list(at);
    if (word !== "end") throw new TemplateFault("a block has two {{else}}", at);
    this.#close("{{end}}");
    return nodes;
  }

  #name(context: string): string {
    const token = this.#tokens.nextNonSpace();
    if (token.kind !== "string" && token.kind !== "raw") throw unexpected(token, context);
    return unquote(token.text, token.at);
  }

  #template(at: number): Node {
    const name = this.#name("{{template}}");
    if (this.#tokens.peekNonSpace().kind === "close") {
      this.#tokens.nextNonSpace();
      return { kind: "template", at, name, pipe: undefined };
    }
    return { kind: "template", at, name, pipe: this.#pipeline("{{template}}") };
  }

  #define(): void {
    const { at } = this.#tokens.peekNonSpace();
    const name = this.#name("{{define}}");
    this.#close("{{define}}");
    this.#body(name, at, "{{define}}");
  }

  #namedBlock(at: number): Node {
    const name = this.#name("{{block}}");
    const pipe = this.#pipeline("{{block}}");
    this.#body(name, at, "{{block}}");
    return { kind: "template", at, name, pipe };
  }

  /** The body of a template with a name, which sees no variables of what is around it. */
  #body(name: string, at: number, context: string): void {
    const outer = this.scope;
    this.scope = { knows: outer.knows, variables: ["$"], rangeDepth: 0 };
    const { nodes, word } = this.#list(at);
    if (word === "else") throw new TemplateFault(`${context} has an {{else}}`, at);
    this.#close("{{end}}");
    this.scope = outer;
    const earlier = this.#defined.get(name);
    if (earlier === undefined || isBlank(earlier)) this.#defined.set(name, nodes);
    else if (!isBlank(nodes)) throw new TemplateFault(`${shown(name)} is defined twice`, at);
  }
}

/** Whether a list holds nothing but space. */
function isBlank(nodes: readonly Node[]): boolean {
  return nodes.every((node) => node.kind === "text" && node.text.trim() === "");
}

/** The fault of a token that cannot stand where it does. */
function unexpected(token: Token, context: string): TemplateFault {
  const what = token.kind === "end of file" ? "its end" : shown(token.text);
  return new TemplateFault(`${context} cannot have ${what} here`, token.at);
}
