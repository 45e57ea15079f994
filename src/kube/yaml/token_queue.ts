/**
 * Tokens that were read and not passed on yet, and a few that were.
 * @module
 */
import type { Token } from "./token.ts";

/** So many tokens that were passed on are dropped at once. */
const KEEP = 1024;

/** Tokens in the order of the text. */
export class TokenQueue {
  #tokens: Token[] = [];
  /** Tokens before the first of `#tokens`. */
  #dropped = 0;
  /** Place in `#tokens` of the next one. */
  #head = 0;

  /** The first that was not passed on. */
  get next(): Token | undefined {
    return this.#tokens[this.#head];
  }

  /** How many were passed on. */
  get passed(): number {
    return this.#dropped + this.#head;
  }

  /** How many were read. */
  get count(): number {
    return this.#dropped + this.#tokens.length;
  }

  /** How many were read and not passed on. */
  get waiting(): number {
    return this.#tokens.length - this.#head;
  }

  /** The last that was read, or one of those before it. */
  last(back = 1): Token | undefined {
    return this.#tokens[this.#tokens.length - back];
  }

  add(one: Token): void {
    this.#tokens.push(one);
  }

  /** Puts one before another, which is told by its number from the start of the text. */
  insert(number: number, one: Token): void {
    this.#tokens.splice(number - this.#dropped, 0, one);
  }

  /** Passes one on. */
  pass(): void {
    this.#head++;
    if (this.#head < KEEP) return;
    // Those before it still say what a comment belongs to.
    const drop = this.#head - 2;
    this.#tokens = this.#tokens.slice(drop);
    this.#dropped += drop;
    this.#head -= drop;
  }
}
