/**
 * One bound of time after the other with one timer: thousands of short ones would be much garbage.
 * @module
 */

/** Ends work that takes too long, one piece at a time. */
export class Deadline {
  #due = Infinity;
  #firesAt = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #fail: ((reason: Error) => void) | undefined;

  /** @param late called when a bound passes; it has to call {@link Deadline.close} */
  constructor(readonly late: () => void) {}

  /** Whether work was left that may still be going on, with the memory it was given. */
  get hasLeftWork(): boolean {
    return this.#leftWork;
  }
  #leftWork = false;

  /**
   * Does work, which may take so many milliseconds. It is not waited for any longer: some versions of
   * the runtime never end a write whose connection was closed.
   */
  async within<T>(ms: number, work: () => Promise<T>): Promise<T> {
    this.#due = performance.now() + ms;
    // A timer that fires earlier looks again; one that fires later would be too late.
    if (this.#firesAt > this.#due) this.#arm(ms);
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#fail = reject;
        work().then(resolve, reject);
      });
    } finally {
      this.#due = Infinity;
      this.#fail = undefined;
    }
  }

  /** Ends the timer, and the work that is being done. */
  close(): void {
    clearTimeout(this.#timer);
    this.#due = this.#firesAt = Infinity;
    this.#leftWork ||= this.#fail !== undefined;
    this.#fail?.(new Error("closed"));
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#firesAt = performance.now() + ms;
    this.#timer = setTimeout(() => this.#fire(), ms);
  }

  #fire(): void {
    this.#firesAt = Infinity;
    if (this.#due === Infinity) return;
    const left = this.#due - performance.now();
    if (left > 0) this.#arm(left);
    else this.late();
  }
}
