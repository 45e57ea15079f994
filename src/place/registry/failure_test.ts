/**
 * What is tried again, and when.
 * @module
 */
import assert from "node:assert/strict";
import { DEFAULT_RETRY, isTransientStatus, retryAfterMs, sleep, waitMs } from "./failure.ts";

Deno.test("waits grow, with jitter, within their bounds", () => {
  const top = [1, 2, 3, 4, 5, 6, 7, 20].map((n) => waitMs(DEFAULT_RETRY, n, undefined, () => 1));
  assert.deepEqual(top, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  assert.equal(waitMs(DEFAULT_RETRY, 5, undefined, () => 0), 0);
  assert.equal(waitMs(DEFAULT_RETRY, 1, 3000, () => 0), 3000);
  assert.equal(waitMs(DEFAULT_RETRY, 1, 1e12, () => 0), 60_000);
});

Deno.test("Retry-After is seconds or a date", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  assert.equal(retryAfterMs("120", now), 120_000);
  assert.equal(retryAfterMs("Thu, 01 Jan 2026 00:00:05 GMT", now), 5000);
  assert.equal(retryAfterMs("Wed, 31 Dec 2025 00:00:00 GMT", now), 0);
  for (const text of [null, "", "soon", "-1e", "1".repeat(30)]) {
    assert.equal(retryAfterMs(text, now), undefined, String(text));
  }
});

Deno.test("only what may change is tried again", () => {
  const statuses = [200, 201, 400, 401, 403, 404, 408, 409, 416, 429, 500, 501, 502, 503, 504, 505];
  assert.deepEqual(statuses.filter(isTransientStatus), [408, 429, 500, 502, 503, 504]);
});

Deno.test("a wait ends with its signal", async () => {
  const controller = new AbortController();
  const waiting = sleep(60_000, controller.signal);
  controller.abort(new Error("stopped by the test"));
  await assert.rejects(waiting, /stopped by the test/);
});
