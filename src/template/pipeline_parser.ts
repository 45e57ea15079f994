/**
 * Parses what stands in an action: commands, their arguments, and variables.
 * @module
 */
import { shown, TemplateFault } from "./tree.ts";
import type { Token, TokenKind } from "./lexer.ts";
import { characterLiteral, numberLiteral, unquote } from "./lexer.ts";
import type { Command, Expression, Pipeline } from "./tree.ts";

/** What can be named at a place of the template. */
export interface Scope {
  readonly knows: (name: string) => boolean;
  readonly variables: string[];
  /** How many `range` are around it. */
  rangeDepth: number;
}

/** How deep parentheses may stand in parentheses. */
const MAX_PARENTHESES = 200;

const KEYWORDS = ["block", "break", "continue", "define", "else", "end", "if", "range", "template"];
/** Words that begin an action and are no functions. */
const WORDS = new Set([...KEYWORDS, "with"]);
const LITERALS = ["bool", "dot", "nil", "number", "string"];

/** The tokens of a template, with a place in them, and the grammar of pipelines. */
export class PipelineParser {
  #index = 0;
  #parentheses = 0;

  /** @param tokens as the lexer gives them, the end of the file last */
  constructor(private readonly tokens: readonly Token[]) {}

  /** The next token, which is behind the place from now on. */
  next(): Token {
    const token = this.#peek();
    if (token.kind !== "end of file") this.#index++;
    return token;
  }

  #peek(): Token {
    return this.tokens[this.#index] ?? { kind: "end of file", text: "", at: 0 };
  }

  /** The next token that is no space, left where it is. */
  peekNonSpace(): Token {
    while (this.#peek().kind === "space") this.#index++;
    return this.#peek();
  }

  /** The next token that is no space. */
  nextNonSpace(): Token {
    this.peekNonSpace();
    return this.next();
  }

  /** The keyword that comes next, left where it is. */
  peekWord(): string | undefined {
    const { kind, text } = this.peekNonSpace();
    return kind === "identifier" && WORDS.has(text) ? text : undefined;
  }

  /**
   * Parses a pipeline and the token that ends it.
   *
   * @param context says in errors where it stands
   */
  pipeline(scope: Scope, context: string, end: TokenKind): Pipeline {
    const { at } = this.peekNonSpace();
    const { variables, assigns } = this.#declarations(scope, context);
    const commands: Command[] = [];
    for (;;) {
      const token = this.peekNonSpace();
      if (token.kind === end) break;
      commands.push(this.#command(scope, context));
    }
    const { at: ended } = this.next();
    if (commands.length === 0) throw new TemplateFault(`${context} has no value`, ended);
    for (const { words: [first], at } of commands.slice(1)) {
      if (LITERALS.includes(first.kind)) {
        throw new TemplateFault("what follows a | has to be a function", at);
      }
    }
    return { at, commands, variables, assigns };
  }

  /** `$x :=`, `$x =` and, for range, `$i, $x :=`. */
  #declarations(scope: Scope, context: string): Pick<Pipeline, "variables" | "assigns"> {
    const variables: string[] = [];
    for (;;) {
      const { kind, text, at } = this.peekNonSpace();
      const start = this.#index;
      if (kind !== "variable") return { variables, assigns: false };
      this.next();
      const after = this.peekNonSpace();
      const comma = after.kind === "char" && after.text === ",";
      if (after.kind !== "assign" && after.kind !== "declare" && !comma) {
        this.#index = start;
        return { variables, assigns: false };
      }
      this.next();
      variables.push(text);
      scope.variables.push(text);
      if (!comma) return { variables, assigns: after.kind === "assign" };
      if (context !== "{{range}}" || variables.length > 1) {
        throw new TemplateFault(`${context} cannot declare so many variables`, at);
      }
      if (!["variable", "close", ")"].includes(this.peekNonSpace().kind)) {
        throw new TemplateFault("{{range}} can only declare variables", this.#peek().at);
      }
    }
  }

  #command(scope: Scope, context: string): Command {
    const { at } = this.peekNonSpace();
    const words: Expression[] = [];
    for (;;) {
      this.peekNonSpace();
      const word = this.#operand(scope);
      if (word !== undefined) words.push(word);
      const token = this.#peek();
      if (token.kind === "space") {
        this.next();
        continue;
      }
      if (token.kind === "pipe") {
        // Nothing behind it is allowed.
        this.next();
      } else if (token.kind !== "close" && token.kind !== ")") {
        const what = token.kind === "end of file" ? "its end" : shown(token.text);
        throw new TemplateFault(`${context} cannot have ${what} here`, token.at);
      }
      break;
    }
    const [first, ...rest] = words;
    if (first === undefined) throw new TemplateFault(`${context} has an empty command`, at);
    return { at, words: [first, ...rest] };
  }

  /** A term with the fields behind it; undefined where there is none. */
  #operand(scope: Scope): Expression | undefined {
    const term = this.#term(scope);
    if (term === undefined || this.#peek().kind !== "field") return term;
    const names: string[] = [];
    const { at } = this.#peek();
    while (this.#peek().kind === "field") names.push(this.next().text.slice(1));
    if (term.kind === "field" || term.kind === "variable") {
      return { ...term, names: [...term.names, ...names] };
    }
    if (LITERALS.includes(term.kind)) throw new TemplateFault("a literal has no fields", at);
    return { kind: "chain", at, of: term, names };
  }

  #term(scope: Scope): Expression | undefined {
    const { kind, text, at } = this.peekNonSpace();
    switch (kind) {
      case "identifier":
        return this.#word(scope, text, at);
      case "dot":
        this.next();
        return { kind: "dot", at };
      case "field":
        this.next();
        return { kind: "field", at, names: [text.slice(1)] };
      case "variable":
        this.next();
        if (!scope.variables.includes(text)) {
          throw new TemplateFault(`there is no variable ${text} here`, at);
        }
        return { kind: "variable", at, name: text, names: [] };
      case "number":
        this.next();
        return numberLiteral(text, at);
      case "character":
        this.next();
        return characterLiteral(text, at);
      case "string":
      case "raw":
        this.next();
        return { kind: "string", at, value: unquote(text, at) };
      case "(":
        return this.#parenthesized(scope);
      default:
        return undefined;
    }
  }

  #word(scope: Scope, text: string, at: number): Expression | undefined {
    if (WORDS.has(text)) return undefined;
    this.next();
    if (text === "nil") return { kind: "nil", at };
    if (text === "true" || text === "false") return { kind: "bool", at, value: text === "true" };
    if (!scope.knows(text)) {
      throw new TemplateFault(`there is no function ${shown(text)}`, at);
    }
    return { kind: "function", at, name: text };
  }

  #parenthesized(scope: Scope): Expression {
    const { at } = this.next();
    if (++this.#parentheses > MAX_PARENTHESES) {
      throw new TemplateFault(`parentheses stand more than ${MAX_PARENTHESES} deep`, at);
    }
    const pipe = this.pipeline(scope, "a pair of parentheses", ")");
    this.#parentheses--;
    return { kind: "pipe", at, pipe };
  }
}
