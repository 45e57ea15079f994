/**
 * Assertions on failures: what a caller is told, and that waiting for it has an end.
 * @module
 */
import assert from "node:assert/strict";
import { type ErrorCode, KodenoError } from "../../src/errors.ts";

/** Checks that work fails as kodeno says it does: with this code, and a message that says why. */
export async function failsWith(
  code: ErrorCode,
  work: () => unknown,
  message: RegExp = /./,
): Promise<KodenoError> {
  let value: unknown;
  try {
    value = await work();
  } catch (error) {
    assert.ok(error instanceof KodenoError, `not a KodenoError: ${error}`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return error;
  }
  assert.fail(`${code} was expected; the work came to ${JSON.stringify(value)}`);
}

/** The outcome of work that must not hang; without this a test would wait for ever. */
export async function soon<T>(work: Promise<T>, milliseconds = 20_000): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
