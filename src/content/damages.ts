/**
 * Work with several images, of which those that are damaged do not hinder the others.
 * @module
 */
import { hasCode, messageOf } from "../errors.ts";
import type { Emit } from "../events.ts";
import { listed } from "../oci/entries.ts";

/** The failures of images that are damaged, or not all there: they are told when the others are done. */
export class Damages {
  readonly #failures: unknown[] = [];

  /** Works with one image; gives nothing where that is damaged, or not all there. */
  async pass<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<readonly T[]> {
    try {
      return [await work()];
    } catch (error) {
      if (signal?.aborted || !hasCode(error, "NOT_FOUND", "BAD_CONTENT")) throw error;
      this.#failures.push(error);
      return [];
    }
  }

  /** Throws what was wrong with the first one, after it has told what was done, and of the others. */
  end(verb: string, done: readonly string[], emit?: Emit): void {
    const [first, ...others] = this.#failures;
    if (first === undefined) return;
    if (done.length > 0) {
      emit?.({ type: "note", level: "info", message: `${verb} ${listed(done)}` });
    }
    for (const error of others) {
      emit?.({ type: "note", level: "warning", message: messageOf(error) });
    }
    throw first;
  }
}
