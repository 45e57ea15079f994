/**
 * What is fuzzed, and what a run of it may come to.
 * @module
 */
import assert from "node:assert/strict";
import { KodenoError } from "../../src/errors.ts";
import type { Dice } from "../support/dice.ts";

/** A kind of input. */
export interface FuzzTarget {
  readonly name: string;
  /** Makes ready what all inputs share, in a folder of its own; see {@link FuzzBench}. */
  open(folder: string): Promise<FuzzBench> | FuzzBench;
}

/** Where inputs are tried. Its folder has two folders: `in` is for inputs and outputs. */
export interface FuzzBench {
  /** Makes one input in `in`, which is empty. */
  make(dice: Dice): void;
  /**
   * Tries the input that was made last.
   *
   * @returns what it came to: "ok", or the code of an error
   * @throws anything for what must not be
   */
  check(dice: Dice): Promise<string>;
  /** Command lines of kodeno that read the input, run in `in`. */
  commands(dice: Dice): readonly (readonly string[])[];
  /** What the input and its outputs may be called in `in`. */
  readonly names: ReadonlySet<string>;
}

/** Errors whose messages may have lines of their own; see `src/cli/main.ts`. */
const LINES: ReadonlySet<string> = new Set(["BAD_CONFIG", "BAD_PACKAGE"]);
// deno-lint-ignore no-control-regex
const OBEYED = /[\0-\x08\x0a-\x1f\x7f-\x9f]/;

/** What came of an attempt. */
export type Tried<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly value?: undefined; readonly error: KodenoError };

/** Does what may fail as kodeno says it does, and in no other way. */
export async function attempt<T>(
  work: () => Promise<T> | T,
): Promise<Tried<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    if (!(error instanceof KodenoError)) throw error;
    const { code, message } = error;
    const most = LINES.has(code) ? 30_000 : 10_000;
    assert.ok(message.length < most, `a message of ${message.length} characters: ${message}`);
    if (LINES.has(code)) return { error };
    assert.match(message, /^Cannot /, JSON.stringify(message));
    assert.doesNotMatch(message, OBEYED, `${code} ${JSON.stringify(message)}`);
    return { error };
  }
}

/** What an attempt came to, for the figures. */
export function outcomeOf({ error }: Tried<unknown>): string {
  return error?.code ?? "ok";
}
