/**
 * Concurrency: work that is bounded, done in turn, or shared by those who ask for the same, and waiting
 * that a signal ends.
 * @module
 */
import { setImmediate } from "node:timers";

/**
 * At most so many pieces of work at once. Of those that wait the weightiest comes first: large work
 * that is begun last would be waited for alone.
 */
export class Pool {
  #free: number;
  /** By weight, the first to run at the end; equal ones as they came. */
  readonly #waiting: { readonly weight: number; readonly go: () => void }[] = [];

  constructor(size: number) {
    this.#free = Math.max(1, Math.floor(size));
  }

  /** Runs `work` when a place is free; `weight` may be the bytes to be moved. */
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

/** Work that several ask for at once and that is done once, by a key that names its outcome. */
export class SingleFlight {
  readonly #running = new Map<string, Promise<void>>();

  /** Does `work`, or waits for the same under way; when that fails, `work` is done after all. */
  async do(key: string, work: () => Promise<void>): Promise<void> {
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

/** Does `work` when all of the same key in `last` has ended, however it did. */
export async function inTurn<T>(
  last: Map<string, Promise<void>>,
  key: string,
  work: () => Promise<T>,
): Promise<T> {
  const own = (last.get(key) ?? Promise.resolve()).then(work);
  const ended = own.then(() => {}, () => {});
  last.set(key, ended);
  try {
    return await own;
  } finally {
    if (last.get(key) === ended) last.delete(key);
  }
}

/** What a map has for a key; it gets what `make` gives where it has nothing. */
export function getOrSet<V extends object>(map: Map<string, V>, key: string, make: () => V): V {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

/** As {@link getOrSet}, for what may fail: that is forgotten, and tried again by who asks next. */
export function getOrTry<T>(map: Map<string, Promise<T>>, key: string, make: () => Promise<T>) {
  return getOrSet(map, key, () => {
    const made = make();
    made.catch(() => map.get(key) === made && map.delete(key));
    return made;
  });
}

interface Abortable {
  readonly signal: AbortSignal;
  readonly abort: (reason: unknown) => void;
}

/** A signal that is aborted with `outer`, and by who says so. */
export function abortable(outer?: AbortSignal): Abortable {
  const own = new AbortController();
  return {
    signal: outer ? AbortSignal.any([outer, own.signal]) : own.signal,
    abort: (reason) => own.abort(reason),
  };
}

/**
 * Does something with each of several things, as many at once as a pool has room for. After a
 * failure no other one begins; what is under way gets the signal, and is waited for.
 */
export async function forEach<T, R>(
  things: readonly T[],
  pool: Pool,
  work: (thing: T, signal: AbortSignal) => Promise<R>,
  outer?: AbortSignal,
): Promise<readonly R[]> {
  const { signal, abort } = abortable(outer);
  const running = things.map((thing) =>
    pool.run(async () => {
      signal.throwIfAborted();
      try {
        return await work(thing, signal);
      } catch (error) {
        abort(error);
        throw error;
      }
    })
  );
  await Promise.allSettled(running);
  signal.throwIfAborted();
  return await Promise.all(running);
}

/** As `Promise.all`, when all have ended. */
export async function allEnded<T extends readonly unknown[]>(work: readonly [...T]) {
  await Promise.allSettled(work);
  return await Promise.all(work);
}

/** Waits for work, or for the signal's reason; the work then goes on without anybody. */
export async function orAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return await work;
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
    work.catch(() => {});
  }
}

/** Waits, or throws the signal's reason as soon as it is aborted. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  await orAborted(wait, signal).finally(() => clearTimeout(timer));
}

/** How long work may go on without a look at what else has happened, in milliseconds. */
const BUSY_MS = 8;

let yielded = 0;

/** Lets signals, timers and connections be heard, when it is time for that. */
export async function yieldToEventLoop(): Promise<void> {
  if (performance.now() - yielded < BUSY_MS) return;
  await new Promise((resolve) => setImmediate(resolve));
  yielded = performance.now();
}
