/**
 * What is tried again, and when.
 * @module
 */
import assert from "node:assert/strict";
import {
  ConnectionError,
  connectionError,
  connectionFailure,
  DEFAULT_RETRY,
  isTransientError,
  isTransientStatus,
  parseRetryAfter,
  spanText,
  Waits,
} from "./failure.ts";

Deno.test("waits grow, with jitter, within their bounds", () => {
  const longest = new Waits(DEFAULT_RETRY, () => 1);
  const top = [1, 2, 3, 4, 5, 6, 7, 20].map((n) => longest.next(n, undefined));
  assert.deepEqual(top, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  const waits = new Waits(DEFAULT_RETRY, () => 0);
  assert.equal(waits.next(5, undefined), 0);
  assert.equal(waits.next(1, 1e12), undefined);
  // Two minutes in all, which one that is too long takes nothing of.
  assert.deepEqual([60_000, 59_000, 2000, 1000, 1, 0].map((ms) => waits.next(1, ms)), [
    60_000,
    59_000,
    undefined,
    1000,
    undefined,
    0,
  ]);
});

Deno.test("a span of time is told in the unit that fits", () => {
  const shown = [500, 2000, 119_000, 120_000, 3_600_000, 7_200_000, 31_536_000_000].map(spanText);
  assert.deepEqual(shown, ["1 s", "2 s", "119 s", "2 min", "60 min", "2 h", "8760 h"]);
});

Deno.test("Retry-After is seconds or a date", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  assert.equal(parseRetryAfter("120", now), 120_000);
  assert.equal(parseRetryAfter("Thu, 01 Jan 2026 00:00:05 GMT", now), 5000);
  assert.equal(parseRetryAfter("Wed, 31 Dec 2025 00:00:00 GMT", now), 0);
  assert.equal(parseRetryAfter("1.5", now), 1500);
  assert.equal(parseRetryAfter("60, 3600", now), 3_600_000);
  assert.equal(parseRetryAfter(String(now / 1000 + 5), now), 5000);
  assert.equal(parseRetryAfter(String(now / 1000 - 5), now), 0);
  for (const text of [null, "", "soon", "-1", "-1e", "1e9", "1.2.3", ",", "1".repeat(30)]) {
    assert.equal(parseRetryAfter(text, now), undefined, String(text));
  }
});

Deno.test("only what may change is tried again", () => {
  const statuses = [200, 201, 400, 401, 403, 404, 408, 409, 416, 429, 500, 501, 502, 503, 504, 505];
  assert.deepEqual(statuses.filter(isTransientStatus), [408, 429, 500, 502, 503, 504]);
});

Deno.test("what the runtime says of a connection is told without the URL", () => {
  const at = "error sending request for url (https://reg.local/v2/?_state=secret): ";
  const cases = [
    ["client error (Connect): tcp connect error: Connection refused (os error 111)", "refused"],
    ["client error (Connect): dns error: failed to lookup address information", "name"],
    ["client error (Connect): invalid peer certificate: UnknownIssuer", "certificate"],
    ["client error (SendRequest): received fatal alert: BadCertificate", "client-certificate"],
    ["client error (Connect): received corrupt message of type InvalidContentType", "tls"],
    ["client error (Connect): unsuccessful tunnel", "protocol"],
    ["client error (SendRequest): message head is too large", "protocol"],
    ["client error (Connect): connection reset by peer", "unmade"],
    ["client error (SendRequest): connection closed before message completed", "closed"],
  ] as const;
  for (const [text, trouble] of cases) {
    // As older versions say it, and as newer ones do.
    for (
      const error of [
        new TypeError(at + text),
        new TypeError("fetch failed", { cause: new Error(at + text) }),
      ]
    ) {
      const found = connectionError(error);
      assert.ok(found instanceof ConnectionError, text);
      assert.equal(found.trouble, trouble, text);
      assert.doesNotMatch(`${found.message} ${found.cause}`, /secret/);
    }
  }
  const denied = connectionError(new Deno.errors.NotCapable("net"));
  assert.ok(denied instanceof ConnectionError && !isTransientError(denied));
  const other = new Error("not of a connection");
  assert.equal(
    connectionFailure({ doing: "x", method: "GET" }, new URL("http://a/"), other),
    other,
  );
});
