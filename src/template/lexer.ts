/**
 * Cuts a template into tokens: text, and what stands between `{{` and `}}`.
 * @module
 */
import { shown, TemplateFault } from "./failure.ts";

/** What a token is; `char` is a single one that has no other meaning, such as a comma. */
export type TokenKind =
  | "text"
  | "open"
  | "close"
  | "space"
  | "identifier"
  | "field"
  | "variable"
  | "dot"
  | "number"
  | "character"
  | "string"
  | "raw"
  | "assign"
  | "declare"
  | "pipe"
  | "("
  | ")"
  | "char"
  | "end of file";

/** A piece of the template. */
export interface Token {
  readonly kind: TokenKind;
  /** As it is written. */
  readonly text: string;
  /** Where it begins, in UTF-16 units. */
  readonly at: number;
}

const OPEN = "{{";
const CLOSE = "}}";
const SPACE = /[ \t\r\n]/;
const WORD = /[\p{L}\p{Nd}_]*/uy;
/** As long as it may be; whether it is a number is found out later. */
const NUMBER =
  /[+-]?(?:0[xX][\da-fA-F_]*(?:\.[\da-fA-F_]*)?(?:[pP][+-]?[\d_]*)?|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?|[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?[\d_]*)?)i?/y;
/** What may follow a name, a field or a variable, beside space and the end. */
const TERMINATORS = ".,|:)(";

/**
 * Cuts a template into tokens; space around trim markers and comments are gone.
 *
 * @throws {TemplateFault} for an action or a text in it that does not end, and unknown characters
 */
export function lex(text: string): Token[] {
  return new Lexer(text).all();
}

class Lexer {
  #at = 0;
  readonly #tokens: Token[] = [];

  constructor(readonly text: string) {}

  all(): Token[] {
    while (this.#at < this.text.length) {
      this.#plain();
      if (this.#at < this.text.length) this.#action();
    }
    this.#add("end of file", 0);
    return this.#tokens;
  }

  #add(kind: TokenKind, length: number): void {
    this.#tokens.push({
      kind,
      text: this.text.slice(this.#at, this.#at + length),
      at: this.#at,
    });
    this.#at += length;
  }

  /** Text up to the next action. */
  #plain(): void {
    const found = this.text.indexOf(OPEN, this.#at);
    const end = found < 0 ? this.text.length : found;
    const plain = this.text.slice(this.#at, end);
    const kept = found >= 0 && this.#trimsBefore(found + OPEN.length) ? trimEnd(plain) : plain;
    if (kept !== "") this.#add("text", kept.length);
    this.#at = end;
  }

  #trimsBefore(at: number): boolean {
    return this.text[at] === "-" && SPACE.test(this.text[at + 1] ?? "");
  }

  /** How long the end of an action is here, with its trim marker; zero when it is not one. */
  #closing(at: number): number {
    if (this.text.startsWith(CLOSE, at)) return CLOSE.length;
    const marked = SPACE.test(this.text[at] ?? "") && this.text.startsWith(`-${CLOSE}`, at + 1);
    return marked ? CLOSE.length + 2 : 0;
  }

  #skipSpaceAfterMarker(closing: number): void {
    if (closing === CLOSE.length) return;
    while (SPACE.test(this.text[this.#at] ?? "")) this.#at++;
  }

  #action(): void {
    const start = this.#at;
    const marker = this.#trimsBefore(start + OPEN.length) ? 2 : 0;
    const inside = start + OPEN.length + marker;
    if (this.text.startsWith("/*", inside)) return this.#comment(start, inside);
    this.#add("open", OPEN.length);
    this.#at = inside;
    let depth = 0;
    for (;;) {
      const closing = this.#closing(this.#at);
      if (closing > 0) {
        if (depth > 0) throw new TemplateFault('a "(" has no ")"', this.#at);
        this.#at += closing - CLOSE.length;
        this.#add("close", CLOSE.length);
        return this.#skipSpaceAfterMarker(closing);
      }
      const char = this.text[this.#at];
      if (char === undefined) throw new TemplateFault('it has no "}}"', start);
      if (char === "(") depth++;
      if (char === ")" && --depth < 0) throw new TemplateFault('a ")" has no "("', this.#at);
      this.#inside(char);
    }
  }

  #comment(start: number, inside: number): void {
    const end = this.text.indexOf("*/", inside + 2);
    if (end < 0) throw new TemplateFault("the comment has no end", start);
    const closing = this.#closing(end + 2);
    if (closing === 0) throw new TemplateFault('after a comment there has to be "}}"', end + 2);
    this.#at = end + 2 + closing;
    this.#skipSpaceAfterMarker(closing);
  }

  #inside(char: string): void {
    const next = this.text[this.#at + 1] ?? "";
    if (SPACE.test(char)) return this.#add("space", this.#spaces());
    if (char === "=") return this.#add("assign", 1);
    if (char === "|") return this.#add("pipe", 1);
    if (char === "(" || char === ")") return this.#add(char, 1);
    if (char === ":") {
      if (next !== "=") throw new TemplateFault('after ":" there has to be "="', this.#at);
      return this.#add("declare", 2);
    }
    if (char === '"' || char === "'") return this.#quoted(char);
    if (char === "`") {
      const end = this.text.indexOf("`", this.#at + 1);
      if (end < 0) throw new TemplateFault("a text has no second `", this.#at);
      return this.#add("raw", end + 1 - this.#at);
    }
    if (char === "$") return this.#named("variable");
    if (char === "." && !/[0-9]/.test(next)) return this.#named("field");
    if (/[-+.0-9]/.test(char)) return this.#number();
    if (/[\p{L}\p{Nd}_]/u.test(this.#rune())) return this.#named("identifier");
    if (!/[!-~]/.test(char)) {
      throw new TemplateFault(`${shown(this.#rune())} has no meaning in an action`, this.#at);
    }
    this.#add("char", 1);
  }

  #rune(): string {
    return String.fromCodePoint(this.text.codePointAt(this.#at) ?? 0);
  }

  /** Space before a trim marker belongs to that marker, but for the first of several. */
  #spaces(): number {
    let end = this.#at;
    while (SPACE.test(this.text[end] ?? "")) end++;
    return this.#closing(end - 1) > CLOSE.length ? end - 1 - this.#at : end - this.#at;
  }

  #quoted(quote: string): void {
    for (let end = this.#at + 1; end < this.text.length; end++) {
      const char = this.text[end];
      if (char === "\\" && this.text[end + 1] !== "\n") end++;
      else if (char === "\n" || char === "\\") break;
      else if (char === quote) {
        return this.#add(quote === '"' ? "string" : "character", end + 1 - this.#at);
      }
    }
    throw new TemplateFault(`a text has no second ${quote} in its line`, this.#at);
  }

  #named(kind: "variable" | "field" | "identifier"): void {
    const sign = kind === "identifier" ? 0 : 1;
    WORD.lastIndex = this.#at + sign;
    const length = sign + (WORD.exec(this.text)?.[0].length ?? 0);
    const after = this.text[this.#at + length];
    const ended = after === undefined || SPACE.test(after) || TERMINATORS.includes(after) ||
      this.text.startsWith(CLOSE, this.#at + length);
    if (!ended) {
      const name = this.text.slice(this.#at, this.#at + length);
      this.#at += length;
      const why = `${shown(this.#rune())} cannot follow ${shown(name)}`;
      const hint = after === "-" ? `; read a name with a hyphen by {{index . "a-b"}}` : "";
      throw new TemplateFault(why + hint, this.#at);
    }
    this.#add(length === 1 && kind === "field" ? "dot" : kind, length);
  }

  #number(): void {
    NUMBER.lastIndex = this.#at;
    const length = NUMBER.exec(this.text)?.[0].length ?? 0;
    const end = this.#at + length;
    WORD.lastIndex = end;
    const more = (WORD.exec(this.text)?.[0].length ?? 0) > 0;
    const complex = /[-+]/.test(this.text[end] ?? "");
    if (length === 0 || more || complex) {
      const word = /^[^\s|(){}]*/.exec(this.text.slice(this.#at))?.[0] ?? "";
      throw new TemplateFault(`${shown(word)} is no number`, this.#at);
    }
    this.#add("number", length);
  }
}

function trimEnd(text: string): string {
  return text.replace(/[ \t\r\n]+$/, "");
}
