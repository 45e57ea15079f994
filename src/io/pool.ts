/**
 * Bounded concurrency.
 * @module
 */

/**
 * At most so many pieces of work at once. Of those that wait the weightiest comes first: large work
 * that is begun last would be waited for alone.
 */
export class Pool {
  #free: number;
  /** By weight, the first to run at the end; equal ones as they came. */
  readonly #waiting: { readonly weight: number; readonly go: () => void }[] = [];

  /** @param size how many at once, at least 1 */
  constructor(size: number) {
    this.#free = Math.max(1, Math.floor(size));
  }

  /**
   * Runs `work` when a place is free.
   *
   * @param weight such as the bytes to be moved
   */
  async run<T>(work: () => Promise<T>, weight = 0): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((go) => this.#wait(weight, go));
    try {
      return await work();
    } finally {
      const next = this.#waiting.pop();
      if (next === undefined) this.#free++;
      else next.go();
    }
  }

  #wait(weight: number, go: () => void): void {
    let [low, high] = [0, this.#waiting.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#waiting[middle]?.weight ?? 0) < weight) low = middle + 1;
      else high = middle;
    }
    this.#waiting.splice(low, 0, { weight, go });
  }
}
