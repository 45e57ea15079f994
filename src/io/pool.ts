/**
 * Bounded concurrency.
 * @module
 */

/** At most so many pieces of work at once; the rest waits in the order it came. */
export class Pool {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @param size how many at once, at least 1 */
  constructor(size: number) {
    this.#free = Math.max(1, Math.floor(size));
  }

  /** Runs `work` when a place is free. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
