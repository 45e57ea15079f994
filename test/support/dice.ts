/**
 * Choices by chance that are the same in each run, so that what they bring about can be repeated.
 * @module
 */

import { seeded } from "./seeded.ts";

/** Choices by chance. */
export class Dice {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  /** A whole number from 0 to below `bound`. */
  below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }

  /** True in this share of all cases. */
  chance(share: number): boolean {
    return this.#random() < share;
  }

  /** One of several. */
  pick<T>(choices: readonly T[]): T {
    const choice = choices[this.below(choices.length)];
    if (choice === undefined && choices.length === 0) throw new Error("nothing to choose from");
    return choice as T;
  }
}
