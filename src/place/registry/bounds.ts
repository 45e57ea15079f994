/**
 * Bounds in time and bytes: work that ends, and small answers that are read whole, those that refuse
 * among them.
 * @module
 */
import { chunksOf, readAll } from "../../io/streams.ts";
import { ConnectionError, type ErrorAnswer } from "./failure.ts";

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

const MAX_ERROR_BYTES = 64 * 1024;
const ERROR_MS = 10_000;

/** What an answer says that was not hoped for; its codes are read from its body. */
export async function readErrorAnswer(
  who: string,
  { status, body }: { readonly status: number; readonly body: ReadableStream<Uint8Array> },
): Promise<{ readonly why: string; readonly error: ErrorAnswer }> {
  const bytes = await readWithin(body, MAX_ERROR_BYTES, ERROR_MS, "the error").catch(() => {});
  const codes = bytes === undefined ? [] : registryCodes(bytes);
  const said = codes.length > 0 ? ` (${codes.join(", ")})` : "";
  return { why: `${who} answered ${status}${said}`, error: { status, codes } };
}

/**
 * The codes in the body of an error answer; none where it is something else. Only words of capital
 * letters count, since a registry's own text might echo a secret or move a terminal's cursor.
 */
function registryCodes(body: Uint8Array): readonly string[] {
  try {
    const { errors } = JSON.parse(new TextDecoder().decode(body));
    if (!Array.isArray(errors)) return [];
    const codes = errors.slice(0, 10).map((one) => String(one?.code));
    return [...new Set(codes.filter((code) => /^[A-Z][A-Z0-9_]{1,63}$/.test(code)))];
  } catch {
    return [];
  }
}
