/**
 * Work that several ask for at once and that is done once.
 * @module
 */

/** Pieces of work under way, by a key that names their outcome. */
export class InFlight {
  readonly #running = new Map<string, Promise<void>>();

  /**
   * Does `work`, or waits for the same that is under way; when that one fails, `work` is done after
   * all.
   */
  async share(key: string, work: () => Promise<void>): Promise<void> {
    const other = this.#running.get(key);
    if (other !== undefined && await other.then(() => true, () => false)) return;
    const own = work();
    this.#running.set(key, own);
    try {
      await own;
    } finally {
      // Another may have taken the place after this one's predecessor failed.
      if (this.#running.get(key) === own) this.#running.delete(key);
    }
  }
}
