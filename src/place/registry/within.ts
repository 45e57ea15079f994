/**
 * Bounds of time for what comes as a whole: a document, or a list of many pages. Each byte may come in
 * time, and the last one never.
 * @module
 */
import { chunksOf, readAll } from "../../io/streams.ts";
import { ConnectionError } from "./connection.ts";

/** A signal that is aborted after a time, or with another signal. Dispose of it when the work is done. */
export class TimeBound implements Disposable {
  readonly signal: AbortSignal;
  readonly #timer: ReturnType<typeof setTimeout>;

  /**
   * Begins to count.
   *
   * @param ms how long the work may take
   * @param what names it in the error: `the list`
   */
  constructor(ms: number, what: string, signal?: AbortSignal) {
    const late = new AbortController();
    this.signal = signal ? AbortSignal.any([signal, late.signal]) : late.signal;
    const seconds = Math.round(ms / 100) / 10;
    this.#timer = setTimeout(() => {
      late.abort(new ConnectionError("timeout", `${what} did not come whole within ${seconds} s`));
    }, ms);
  }

  /** Ends the counting. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/**
 * Reads a small body whole.
 *
 * @param limit most bytes to hold
 * @param ms how long all of it may take
 * @param what names it in an error
 * @throws {KodenoError} `BAD_CONTENT` past the limit; {@link ConnectionError} after the time, and what
 * the stream throws; the rest is not read
 */
export async function readWithin(
  body: ReadableStream<Uint8Array>,
  limit: number,
  ms: number,
  what: string,
): Promise<Uint8Array> {
  using bound = new TimeBound(ms, what);
  return await readAll(chunksOf(body, bound.signal), limit, what);
}
