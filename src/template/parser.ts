/**
 * Parses a template into what it consists of.
 * @module
 */
import {
  characterLiteral,
  lex,
  numberLiteral,
  type Token,
  type TokenKind,
  unquote,
} from "./lexer.ts";
import {
  type Command,
  excerpt,
  type Expression,
  type Node,
  type PipelineNode,
  TemplateFault,
  type Tree,
} from "./tree.ts";

/** How deep blocks may stand in blocks, and parentheses in parentheses. */
const MAX_BLOCKS = 200;
const MAX_PARENTHESES = 200;
/** Words that begin an action and are no functions. */
const WORD = /^(?:block|break|continue|define|else|end|if|range|template|with)$/;
const LITERAL = /^(?:bool|dot|nil|number|string)$/;

/**
 * Parses a template.
 *
 * @param knows whether there is a function of a name
 * @throws {TemplateFault} with the place of what is wrong
 */
export function parse(text: string, knows: (name: string) => boolean): Tree {
  return new Parser(lex(text), knows).whole();
}

type BlockKind = "if" | "with" | "range";

/** Nodes of a block, and the word that ended them. */
interface Body {
  readonly nodes: readonly Node[];
  readonly word: "end" | "else";
}

class Parser {
  readonly #defined = new Map<string, readonly Node[]>();
  #index = 0;
  #depth = 0;
  #parentheses = 0;
  /** What can be named here, and how many `range` are around it. */
  #variables = ["$"];
  #ranges = 0;

  /** @param tokens as the lexer gives them, the end of the file last */
  constructor(readonly tokens: readonly Token[], readonly knows: (name: string) => boolean) {}

  #peek(): Token {
    return this.tokens[this.#index] ?? { kind: "end of file", text: "", at: 0 };
  }

  #next(): Token {
    const token = this.#peek();
    if (token.kind !== "end of file") this.#index++;
    return token;
  }

  /** The next token that is no space, left where it is. */
  #peekNonSpace(): Token {
    while (this.#peek().kind === "space") this.#index++;
    return this.#peek();
  }

  #nextNonSpace(): Token {
    this.#peekNonSpace();
    return this.#next();
  }

  /** The keyword that comes next, left where it is. */
  #peekWord(): string | undefined {
    const { kind, text } = this.#peekNonSpace();
    return kind === "identifier" && WORD.test(text) ? text : undefined;
  }

  #close(context: string): void {
    const token = this.#nextNonSpace();
    if (token.kind !== "close") throw unexpected(token, context);
  }

  whole(): Tree {
    const root: Node[] = [];
    for (let token = this.#next(); token.kind !== "end of file"; token = this.#next()) {
      const word = token.kind === "text" ? undefined : this.#peekWord();
      if (word === "define") {
        this.#nextNonSpace();
        const { at } = this.#peekNonSpace();
        const name = this.#name("{{define}}");
        this.#close("{{define}}");
        this.#define(name, at, "{{define}}");
      } else if (word === "end" || word === "else") {
        throw new TemplateFault(`{{${word}}} belongs to no block`, token.at);
      } else root.push(this.#node(token));
    }
    return { root, defined: this.#defined };
  }

  /** Nodes up to the `end` or `else` of their block. */
  #list(opened: number): Body {
    const nodes: Node[] = [];
    if (++this.#depth > MAX_BLOCKS) {
      throw new TemplateFault(`blocks stand more than ${MAX_BLOCKS} deep in one another`, opened);
    }
    for (;;) {
      const token = this.#nextNonSpace();
      if (token.kind === "end of file") throw new TemplateFault("the block has no {{end}}", opened);
      const word = token.kind === "text" ? undefined : this.#peekWord();
      if (word === "define") throw new TemplateFault("{{define}} stands inside a block", token.at);
      if (word === "end" || word === "else") {
        this.#nextNonSpace();
        this.#depth--;
        return { nodes, word };
      }
      nodes.push(this.#node(token));
    }
  }

  /** A text, or what an action that is open is. */
  #node({ kind, text, at }: Token): Node {
    if (kind === "text") return { kind, at, text };
    const word = this.#peekWord();
    if (word === undefined) return { kind: "action", at, pipe: this.#pipeline("an action") };
    this.#nextNonSpace();
    if (word === "if" || word === "with" || word === "range") return this.#block(word, at);
    if (word === "template") {
      const name = this.#name("{{template}}");
      const isAlone = this.#peekNonSpace().kind === "close";
      if (isAlone) this.#next();
      return { kind: word, at, name, pipe: isAlone ? undefined : this.#pipeline("{{template}}") };
    }
    if (word === "block") {
      const name = this.#name("{{block}}");
      const pipe = this.#pipeline("{{block}}");
      this.#define(name, at, "{{block}}");
      return { kind: "template", at, name, pipe };
    }
    if (word === "break" || word === "continue") {
      this.#close(`{{${word}}}`);
      if (this.#ranges > 0) return { kind: word, at };
      throw new TemplateFault(`{{${word}}} stands outside of {{range}}`, at);
    }
    throw new TemplateFault(`${excerpt(word)} cannot begin an action here`, at);
  }

  #block(kind: BlockKind, at: number): Node {
    const before = this.#variables.length;
    const pipe = this.#pipeline(`{{${kind}}}`);
    if (kind === "range") this.#ranges++;
    const { nodes, word } = this.#list(at);
    if (kind === "range") this.#ranges--;
    const otherwise = word === "else" ? this.#else(kind, at) : [];
    if (word === "end") this.#close("{{end}}");
    this.#variables.length = before;
    return { kind, at, pipe, body: nodes, otherwise };
  }

  /** What follows `{{else`, up to the end of the block. */
  #else(kind: BlockKind, at: number): readonly Node[] {
    if (kind !== "range" && this.#peekWord() === kind) {
      // The end of the inner block is that of the outer one as well.
      if (++this.#depth > MAX_BLOCKS) throw new TemplateFault("there are too many {{else}}", at);
      const block = this.#block(kind, this.#nextNonSpace().at);
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
    const token = this.#nextNonSpace();
    if (token.kind !== "string" && token.kind !== "raw") throw unexpected(token, context);
    return unquote(token.text, token.at);
  }

  /** The body of a template with a name, which sees no variables of what is around it. */
  #define(name: string, at: number, context: string): void {
    const [variables, ranges] = [this.#variables, this.#ranges];
    [this.#variables, this.#ranges] = [["$"], 0];
    const { nodes, word } = this.#list(at);
    if (word === "else") throw new TemplateFault(`${context} has an {{else}}`, at);
    this.#close("{{end}}");
    [this.#variables, this.#ranges] = [variables, ranges];
    const earlier = this.#defined.get(name);
    if (earlier === undefined || isBlank(earlier)) this.#defined.set(name, nodes);
    else if (!isBlank(nodes)) throw new TemplateFault(`${excerpt(name)} is defined twice`, at);
  }

  /**
   * A pipeline and the token that ends it.
   *
   * @param context says in errors where it stands
   */
  #pipeline(context: string, end: TokenKind = "close"): PipelineNode {
    const { at } = this.#peekNonSpace();
    const { variables, assigns } = this.#declarations(context);
    const commands: Command[] = [];
    while (this.#peekNonSpace().kind !== end) commands.push(this.#command(context));
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
      const { kind, text, at } = this.#peekNonSpace();
      const start = this.#index;
      if (kind !== "variable") return { variables, assigns: false };
      this.#next();
      const after = this.#peekNonSpace();
      const isComma = after.kind === "char" && after.text === ",";
      if (after.kind !== "assign" && after.kind !== "declare" && !isComma) {
        this.#index = start;
        return { variables, assigns: false };
      }
      this.#next();
      variables.push(text);
      this.#variables.push(text);
      if (!isComma) return { variables, assigns: after.kind === "assign" };
      if (context !== "{{range}}" || variables.length > 1) {
        throw new TemplateFault(`${context} cannot declare so many variables`, at);
      }
      if (!/^(?:variable|close|\))$/.test(this.#peekNonSpace().kind)) {
        throw new TemplateFault("{{range}} can only declare variables", this.#peek().at);
      }
    }
  }

  #command(context: string): Command {
    const { at } = this.#peekNonSpace();
    const words: Expression[] = [];
    for (;;) {
      const word = this.#operand();
      if (word !== undefined) words.push(word);
      const token = this.#peek();
      if (token.kind === "space") continue;
      // Nothing behind a | is allowed.
      if (token.kind === "pipe") this.#next();
      else if (token.kind !== "close" && token.kind !== ")") throw unexpected(token, context);
      break;
    }
    const [first, ...rest] = words;
    if (first === undefined) throw new TemplateFault(`${context} has an empty command`, at);
    return { at, words: [first, ...rest] };
  }

  /** A term with the fields behind it; undefined where there is none. */
  #operand(): Expression | undefined {
    const term = this.#term();
    const { kind, at } = this.#peek();
    if (term === undefined || kind !== "field") return term;
    const names: string[] = [];
    while (this.#peek().kind === "field") names.push(this.#next().text.slice(1));
    if (term.kind === "field" || term.kind === "variable") {
      return { ...term, names: [...term.names, ...names] };
    }
    if (LITERAL.test(term.kind)) throw new TemplateFault("a literal has no fields", at);
    return { kind: "chain", at, of: term, names };
  }

  #term(): Expression | undefined {
    const { kind, text, at } = this.#peekNonSpace();
    const isTerm = /^(?:dot|field|variable|number|character|string|raw|\()$/.test(kind) ||
      (kind === "identifier" && !WORD.test(text));
    if (!isTerm) return undefined;
    this.#next();
    if (kind === "dot") return { kind, at };
    if (kind === "field") return { kind, at, names: [text.slice(1)] };
    if (kind === "number") return numberLiteral(text, at);
    if (kind === "character") return characterLiteral(text, at);
    if (kind === "string" || kind === "raw") {
      return { kind: "string", at, value: unquote(text, at) };
    }
    if (kind === "variable") {
      if (this.#variables.includes(text)) return { kind, at, name: text, names: [] };
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
