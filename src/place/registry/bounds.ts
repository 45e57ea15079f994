/**
 * Bounds in time and bytes: work that ends, and small answers that are read whole.
 * @module
 */
import { chunksOf, readAll } from "../../io/streams.ts";
import { ConnectionError } from "./failure.ts";

/**
 * Ends work that takes too long, or when its caller does. Not by `AbortSignal.any`: on Deno 2.6 each one
 * would leave something in the signal of the caller, which has thousands of requests.
 */
export class Bound implements Disposable {
  readonly #control = new AbortController();
  readonly #abort = () => this.#control.abort(this.caller?.reason);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly caller?: AbortSignal) {
    // One that is over already tells nobody any more.
    if (caller?.aborted) this.#abort();
    caller?.addEventListener("abort", this.#abort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#control.signal;
  }

  /** From now on there is so long; `late` says what did not happen, within all of the time. */
  set(ms: number, late: string, ofMs = ms): void {
    this.clear();
    const message = `${late} within ${Math.round(ofMs / 100) / 10} s`;
    const fail = () => this.#control.abort(new ConnectionError("timeout", message));
    this.#timer = setTimeout(fail, Math.max(1, ms));
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  /** Ends the watching, and with a reason the work. */
  end(reason?: unknown): void {
    this.clear();
    this.caller?.removeEventListener("abort", this.#abort);
    if (reason !== undefined) this.#control.abort(reason);
  }

  [Symbol.dispose](): void {
    this.end();
  }
}

/**
 * Reads a small body whole; what is more than its bounds is not read.
 * @throws {KodenoError} `BAD_CONTENT` past the limit; {@link ConnectionError} after the time
 */
export async function readWithin(
  body: ReadableStream<Uint8Array>,
  limit: number,
  ms: number,
  what: string,
): Promise<Uint8Array> {
  using bound = new Bound();
  bound.set(ms, `${what} did not come whole`);
  return await readAll(chunksOf(body, bound.signal), limit, what);
}
