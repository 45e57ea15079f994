/**
 * Parses a template into what it consists of.
 * @module
 */
import type { Block, Command, Expression, Node, PipelineNode, Tree } from "./ast.ts";
import { excerpt, TemplateFault } from "./fault.ts";
import {
  characterLiteral,
  lex,
  numberLiteral,
  type Token,
  type TokenKind,
  unquote,
} from "./lexer.ts";

/** How deep blocks may stand in blocks, and parentheses in parentheses. */
const MAX_BLOCKS = 200;
const MAX_PARENTHESES = 200;
/** Words that begin an action and are no functions. */
const WORD = /^(?:block|break|continue|define|else|end|if|range|template|with)$/;
const LITERAL = /^(?:bool|dot|nil|number|string)$/;

/** Parses a template; `knows` says whether there is a function of a name. */
export function parse(text: string, knows: (name: string) => boolean): Tree {
  const parser = new Parser(lex(text), knows);
  return { root: parser.list().nodes, defined: parser.defined };
}

class Parser {
  readonly defined = new Map<string, readonly Node[]>();
  #index = 0;
  /** How many blocks are around a list; the whole is none. */
  #depth = -1;
  #parentheses = 0;
  /** What can be named here, and how many `range` are around it. */
  #variables = ["$"];
  #ranges = 0;

  constructor(readonly tokens: readonly Token[], readonly knows: (name: string) => boolean) {}

  #peek(): Token {
    return this.tokens[this.#index] ?? { kind: "end of file", text: "", at: 0 };
  }

  #next(): Token {
    const token = this.#peek();
    this.#index++;
    return token;
  }

  /** The keyword that comes next, left where it is. */
  #peekWord(): string | undefined {
    const { kind, text } = this.#peek();
    return kind === "identifier" && WORD.test(text) ? text : undefined;
  }

  #close(context: string): void {
    const token = this.#next();
    if (token.kind !== "close") throw unexpected(token, context);
  }

  /** Nodes up to the `end` or `else` of the block that was opened (the word says which), or all. */
  list(opened?: number): { readonly nodes: readonly Node[]; readonly word: "end" | "else" } {
    const nodes: Node[] = [];
    if (++this.#depth > MAX_BLOCKS) {
      throw new TemplateFault(`blocks stand more than ${MAX_BLOCKS} deep in one another`, opened);
    }
    for (;;) {
      const token = this.#next();
      const isEnd = token.kind === "end of file";
      if (isEnd && opened === undefined) return { nodes, word: "end" };
      if (isEnd) throw new TemplateFault("the block has no {{end}}", opened);
      const word = token.kind === "text" ? undefined : this.#peekWord();
      if (word === "end" || word === "else") {
        if (opened !== undefined) {
          this.#next();
          this.#depth--;
          if (word === "end") this.#close("{{end}}");
          return { nodes, word };
        }
        throw new TemplateFault(`{{${word}}} belongs to no block`, token.at);
      }
      nodes.push(this.#node(token));
    }
  }

  /** A text, or what an action that is open is. */
  #node({ kind, text, at }: Token): Node {
    if (kind === "text") return { kind, at, text };
    const word = this.#peekWord();
    if (word === undefined) return { kind: "action", at, pipe: this.#pipeline("an action") };
    this.#next();
    if (word === "if" || word === "with" || word === "range") return this.#block(word, at);
    if (word === "template") {
      const name = this.#name("{{template}}");
      if (this.#peek().kind !== "close") {
        return { kind: word, at, name, pipe: this.#pipeline("{{template}}") };
      }
      this.#next();
      return { kind: word, at, name };
    }
    if (word === "define" || word === "block") {
      const context = `{{${word}}}`;
      if (word === "define" && this.#depth > 0) {
        throw new TemplateFault("{{define}} stands inside a block", at);
      }
      const name = this.#name(context);
      const pipe = word === "block" ? this.#pipeline(context) : this.#close(context);
      this.#define(name, at, context);
      // A definition prints nothing.
      return pipe ? { kind: "template", at, name, pipe } : { kind: "text", at, text: "" };
    }
    if (word === "break" || word === "continue") {
      this.#close(`{{${word}}}`);
      if (this.#ranges > 0) return { kind: word, at };
      throw new TemplateFault(`{{${word}}} stands outside of {{range}}`, at);
    }
    throw new TemplateFault(`${excerpt(word)} cannot begin an action here`, at);
  }

  #block(kind: Block["kind"], at: number): Node {
    const before = this.#variables.length;
    const pipe = this.#pipeline(`{{${kind}}}`);
    if (kind === "range") this.#ranges++;
    const { nodes, word } = this.list(at);
    if (kind === "range") this.#ranges--;
    const otherwise = word === "else" ? this.#else(kind, at) : [];
    this.#variables.length = before;
    return { kind, at, pipe, body: nodes, otherwise };
  }

  /** What follows `{{else`, up to the end of the block. */
  #else(kind: Block["kind"], at: number): readonly Node[] {
    if (kind !== "range" && this.#peekWord() === kind) {
      // The end of the inner block is that of the outer one as well.
      if (++this.#depth > MAX_BLOCKS) throw new TemplateFault("there are too many {{else}}", at);
      const block = this.#block(kind, this.#next().at);
      this.#depth--;
      return [block];
    }
    this.#close("{{else}}");
    const { nodes, word } = this.list(at);
    if (word !== "end") throw new TemplateFault("a block has two {{else}}", at);
    return nodes;
  }

  #name(context: string): string {
    const token = this.#next();
    if (token.kind !== "string" && token.kind !== "raw") throw unexpected(token, context);
    return unquote(token.text, token.at);
  }

  /** The body of a template with a name, which sees no variables of what is around it. */
  #define(name: string, at: number, context: string): void {
    const [variables, ranges] = [this.#variables, this.#ranges];
    [this.#variables, this.#ranges] = [["$"], 0];
    const { nodes, word } = this.list(at);
    if (word === "else") throw new TemplateFault(`${context} has an {{else}}`, at);
    [this.#variables, this.#ranges] = [variables, ranges];
    const earlier = this.defined.get(name);
    if (earlier === undefined || isBlank(earlier)) this.defined.set(name, nodes);
    else if (!isBlank(nodes)) throw new TemplateFault(`${excerpt(name)} is defined twice`, at);
  }

  /** A pipeline and the token that ends it; `context` says in errors where it stands. */
  #pipeline(context: string, end: TokenKind = "close"): PipelineNode {
    const { at } = this.#peek();
    const { variables, assigns } = this.#declarations(context);
    const commands: Command[] = [];
    while (this.#peek().kind !== end) commands.push(this.#command(context));
    const { at: ended } = this.#next();
    if (commands.length === 0) throw new TemplateFault(`${context} has no value`, ended);
    const odd = commands.slice(1).find(({ words: [first] }) => LITERAL.test(first.kind));
    if (odd !== undefined) throw new TemplateFault("what follows a | has to be a function", odd.at);
    return { at, commands, variables, assigns };
  }

  /** `$x :=`, `$x =` and, for range, `$i, $x :=`. */
  #declarations(context: string): Pick<PipelineNode, "variables" | "assigns"> {
    const variables: string[] = [];
    for (;;) {
      const { kind, text, at } = this.#peek();
      const start = this.#index;
      if (kind !== "variable") return { variables, assigns: false };
      this.#next();
      const after = this.#peek();
      const isComma = after.text === ",";
      if (!isComma && after.kind !== "=" && after.kind !== ":=") {
        this.#index = start;
        return { variables, assigns: false };
      }
      this.#next();
      variables.push(text);
      this.#variables.push(text);
      if (!isComma) return { variables, assigns: after.kind === "=" };
      if (context !== "{{range}}" || variables.length > 1) {
        throw new TemplateFault(`${context} cannot declare so many variables`, at);
      }
      if (!/^(?:variable|close|\))$/.test(this.#peek().kind)) {
        throw new TemplateFault("{{range}} can only declare variables", this.#peek().at);
      }
    }
  }

  #command(context: string): Command {
    const { at } = this.#peek();
    const words: Expression[] = [];
    for (;;) {
      const word = this.#operand();
      if (word !== undefined) words.push(word);
      const token = this.#peek();
      // Nothing behind a | is allowed.
      if (token.kind === "|") this.#next();
      if (/^(?:\||close|\))$/.test(token.kind)) break;
      if (word === undefined || !token.isSpaced) throw unexpected(token, context);
    }
    const [first, ...rest] = words;
    if (first === undefined) throw new TemplateFault(`${context} has an empty command`, at);
    return { at, words: [first, ...rest] };
  }

  /** A term with the fields behind it; undefined where there is none. */
  #operand(): Expression | undefined {
    const term = this.#term();
    const { at } = this.#peek();
    const names: string[] = [];
    while (this.#peek().kind === "field" && !this.#peek().isSpaced) {
      names.push(this.#next().text.slice(1));
    }
    if (term === undefined || names.length === 0) return term;
    if (term.kind === "fields") return { ...term, names: [...term.names, ...names] };
    if (LITERAL.test(term.kind)) throw new TemplateFault("a literal has no fields", at);
    return { kind: "fields", at: term.kind === "variable" ? term.at : at, of: term, names };
  }

  #term(): Expression | undefined {
    const { kind, text, at } = this.#peek();
    const isTerm = /^(?:dot|field|variable|number|character|string|raw|\()$/.test(kind) ||
      (kind === "identifier" && !WORD.test(text));
    if (!isTerm) return undefined;
    this.#next();
    if (kind === "dot") return { kind, at };
    if (kind === "field") {
      return { kind: "fields", at, of: { kind: "dot", at }, names: [text.slice(1)] };
    }
    if (kind === "number") return numberLiteral(text, at);
    if (kind === "character") return characterLiteral(text, at);
    if (kind === "string" || kind === "raw") {
      return { kind: "string", at, value: unquote(text, at) };
    }
    if (kind === "variable") {
      if (this.#variables.includes(text)) return { kind, at, name: text };
      throw new TemplateFault(`there is no variable ${text} here`, at);
    }
    if (kind === "(") {
      if (++this.#parentheses > MAX_PARENTHESES) {
        throw new TemplateFault(`parentheses stand more than ${MAX_PARENTHESES} deep`, at);
      }
      const pipe = this.#pipeline("a pair of parentheses", ")");
      this.#parentheses--;
      return { kind: "pipe", at, pipe };
    }
    if (text === "nil") return { kind: "nil", at };
    if (text === "true" || text === "false") return { kind: "bool", at, value: text === "true" };
    if (this.knows(text)) return { kind: "function", at, name: text };
    throw new TemplateFault(`there is no function ${excerpt(text)}`, at);
  }
}

/** Whether a list holds nothing but space. */
function isBlank(nodes: readonly Node[]): boolean {
  return nodes.every((node) => node.kind === "text" && node.text.trim() === "");
}

/** The fault of a token that cannot stand where it does. */
function unexpected({ kind, text, at }: Token, context: string): TemplateFault {
  const what = kind === "end of file" ? "its end" : excerpt(text);
  return new TemplateFault(`${context} cannot have ${what} here`, at);
}
