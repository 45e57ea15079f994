/**
 * Tokens with the comments between: each waits for the next node that takes it.
 * @module
 */
import { type Comments, NO_COMMENTS } from "./node.ts";
import { Scanner } from "./scanner.ts";
import type { Token, TokenType } from "./token.ts";

/** The tokens of a text, one after the other, and the comments that were passed. */
export class Tokens {
  readonly #scanner: Scanner;
  /** The first comment that no token has passed yet. */
  #next = 0;
  /** Comments above the next node. */
  head = "";
  #line = "";
  #foot = "";
  /** Comment above an item of a sequence whose content is a collection: it is the collection's. */
  #stem = "";

  constructor(text: string) {
    this.#scanner = new Scanner(text);
  }

  /** The next token; comments before it wait for the next node that takes them. */
  peek(): Token {
    const next = this.#scanner.peek();
    const { comments } = this.#scanner;
    for (;; this.#next++) {
      const comment = comments[this.#next];
      if (comment === undefined || next.index < comment.token) return next;
      const { text, place } = comment;
      if (text === "") continue;
      if (place === "head") {
        // It is for what comes after the end.
        if (next.type === "block-end") return next;
        this.head = joined(this.head, text);
      } else if (place === "line") this.#line = joined(this.#line, text);
      else this.#foot = joined(this.#foot, text);
      Object.assign(comment, { text: "", scanned: 0, token: 0, line: 0, column: 0, end: 0 });
    }
  }

  /** Passes a token; gives the next. */
  skip(): Token {
    this.#scanner.skip();
    return this.peek();
  }

  /** The comments that wait. */
  take(): Comments {
    const taken = { head: this.head, line: this.#line, foot: this.#foot };
    this.head =
      this.#line =
      this.#foot =
      this.#stem =
        "";
    return taken;
  }

  /** The comment above an item, for the collection in it. */
  takeStem(): Comments {
    const head = this.#stem;
    this.#stem = "";
    return { ...NO_COMMENTS, head };
  }

  /** Passes a token without a look at what comes. */
  pass(): void {
    this.#scanner.skip();
  }

  /** Comments of so many characters stand above an item: where a collection is in it, its own. */
  splitStem(length: number, { type }: Token): void {
    if (length === 0 || type !== "sequence-start" && type !== "mapping-start") return;
    this.#stem = this.head.slice(0, length);
    this.head = this.head.slice(length + 1);
  }
}

/** Whether a token is one of some kinds. */
export function isOneOf({ type }: Token, ...types: readonly TokenType[]): boolean {
  return types.includes(type);
}

/** Comments on lines of their own. */
export function joined(before: string, text: string): string {
  return before === "" || text === "" ? before || text : `${before}\n${text}`;
}
