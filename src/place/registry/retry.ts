/**
 * Trying again: exponential back-off with full jitter, a bound on the tries and on each wait, and
 * what the other side asks for.
 * @module
 */
import { ConnectionError } from "./connection.ts";

/** How often and how long. */
export interface RetryPolicy {
  /** Tries in all, at least 1. */
  readonly attempts: number;
  /** Upper bound of the first wait in milliseconds; doubles each time. */
  readonly baseMs: number;
  /** Upper bound of any wait of ours. */
  readonly maxMs: number;
  /** Upper bound of a wait that a `Retry-After` asks for. */
  readonly maxRetryAfterMs: number;
}

/** What is tried where nothing else is said: 5 times, some 3 seconds in all. */
export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 5,
  baseMs: 200,
  maxMs: 10_000,
  maxRetryAfterMs: 60_000,
};

/** Whether a status may be another one when the request is sent again. */
export function isTransientStatus(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

/** Whether something that was thrown may not happen again. */
export function isTransientError(error: unknown): boolean {
  return error instanceof ConnectionError && error.transient;
}

/**
 * Milliseconds that a `Retry-After` header asks for (RFC 9110, 10.2.3): seconds, or a date.
 */
export function retryAfterMs(header: string | null, now: number = Date.now()): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/**
 * How long to wait before a try.
 *
 * @param failed tries so far, from 1
 * @param askedMs what the other side asked for; then at least that, within the policy's bound
 */
export function waitMs(
  policy: RetryPolicy,
  failed: number,
  askedMs: number | undefined,
  random: () => number = Math.random,
): number {
  const jitter = random() * Math.min(policy.maxMs, policy.baseMs * 2 ** (failed - 1));
  if (askedMs === undefined) return jitter;
  return Math.min(askedMs, policy.maxRetryAfterMs) + random() * policy.baseMs;
}

/** Waits, or throws the signal's reason as soon as it is aborted. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let onAbort: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(resolve, ms);
      onAbort = () => reject(signal?.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  } finally {
    clearTimeout(timer);
    if (onAbort) signal?.removeEventListener("abort", onAbort);
  }
}
