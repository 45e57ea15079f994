/**
 * Places where a key may have begun that only a `:` behind it will tell.
 * @module
 */
import type { Mark } from "./cursor.ts";
import { yamlError } from "./failure.ts";

/** A key is not longer, in characters: otherwise all that follows would wait for its `:`. */
const MAX_KEY = 1024;

/** Such a place. */
export interface PossibleKey extends Mark {
  /** Whether it has to be one, where it stands. */
  readonly required: boolean;
  readonly flowLevel: number;
  /** Number of its first token, from the start of the text. */
  readonly number: number;
}

/** The places that are still open: one for each bracket, and one behind the last of them. */
export class PossibleKeys {
  #key: PossibleKey | undefined;
  readonly #outer: PossibleKey[] = [];
  readonly #byToken = new Map<number, PossibleKey>();

  /** Notes one; the last in these brackets is none. */
  begin(key: PossibleKey): void {
    this.drop();
    this.#key = key;
    this.#byToken.set(key.number, key);
  }

  /** The last one is none. */
  drop(): void {
    if (this.#key?.required) throw noColon(this.#key);
    this.#forget();
  }

  #forget(): void {
    if (this.#key !== undefined) this.#byToken.delete(this.#key.number);
    this.#key = undefined;
  }

  /** A bracket opens: what it may be the key of waits till it is closed. */
  open(): void {
    if (this.#key !== undefined) this.#outer.push(this.#key);
    this.#key = undefined;
  }

  /** A bracket was closed; now there are so many. */
  close(flowLevel: number): void {
    if (this.#outer.at(-1)?.flowLevel === flowLevel) this.#key = this.#outer.pop();
  }

  /** The key that a `:` at a place ends. */
  end(at: Mark): PossibleKey | undefined {
    const key = this.#key;
    if (key === undefined || !mayEnd(key, at)) return undefined;
    this.#forget();
    return key;
  }

  /** Whether what comes from a place on may make a key of what begins with a token. */
  isOpen(token: number, at: Mark): boolean {
    const key = this.#byToken.get(token);
    if (key === undefined || mayEnd(key, at)) return key !== undefined;
    if (key.required) throw noColon(key);
    return false;
  }
}

function mayEnd(key: PossibleKey, { line, index }: Mark): boolean {
  return key.line === line && index <= key.index + MAX_KEY;
}

function noColon(key: PossibleKey): Error {
  return yamlError('a key has no ":" behind it', key);
}
