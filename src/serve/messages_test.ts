import assert from "node:assert/strict";
import { digestOf } from "../io/hash.ts";
import { MediaType } from "../oci/descriptor.ts";
import { HeadReader } from "./connection.ts";
import {
  HttpError,
  MAX_HEAD_BYTES,
  pageOf,
  parseRange,
  parseRequest,
  referrersPage,
  routeOf,
} from "./messages.ts";

/** All heads that come out of bytes which come in pieces of a size. */
function headsIn(text: string, size: number): readonly string[] {
  const reader = new HeadReader();
  const found: string[] = [];
  const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
  for (let at = 0; at < bytes.length;) {
    const part = bytes.subarray(at, at + size);
    reader.add(part);
    at += part.length;
    for (let head = reader.next(); head !== undefined; head = reader.next()) {
      found.push(`${head.text}${head.whole ? "" : "..."}`);
      if (head.text === "" || !head.whole) return found;
    }
  }
  return found;
}

Deno.test("heads: one after the other, in pieces of any size, with empty lines between", () => {
  const text =
    "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n\r\nHEAD /v2/ HTTP/1.1\r\nA: \xe9\r\n\r\nGET";
  for (const size of [1, 2, 3, 7, text.length]) {
    const expected = ["GET / HTTP/1.1\r\nHost: x", "HEAD /v2/ HTTP/1.1\r\nA: \xe9"];
    assert.deepEqual(headsIn(text, size), expected, `${size}`);
  }
});

Deno.test("heads: what is no request, or has no end, is given at once", () => {
  assert.deepEqual(headsIn("\x16\x03\x01", 1), [""]);
  assert.deepEqual(headsIn("\r\n".repeat(9), 2), [""]);
  assert.deepEqual(headsIn("GET / HTTP/1.1\n", 100), ["GET / HTTP/1.1\n"]);
  const [long = ""] = headsIn("X".repeat(2 * MAX_HEAD_BYTES), 1000);
  assert.ok(long.endsWith("...") && long.length >= MAX_HEAD_BYTES);
});

/** The status of what is refused. */
function statusOf(work: () => unknown): number {
  try {
    work();
  } catch (error) {
    if (error instanceof HttpError) return error.status;
    throw error;
  }
  return 200;
}

Deno.test("requests: where they end, and whether another one follows", () => {
  const ends = (...lines: readonly string[]) => {
    const { hasBody, keepAlive } = parseRequest(
      ["GET / HTTP/1.1", "Host: x", ...lines].join("\r\n"),
      true,
    );
    return [hasBody, keepAlive];
  };
  assert.deepEqual(ends(), [false, true]);
  assert.deepEqual(ends("Connection: a, CLOSE"), [false, false]);
  assert.deepEqual(ends("Content-Length: 0"), [false, true]);
  assert.deepEqual(ends("Content-Length: 7"), [true, false]);
  assert.deepEqual(ends("transfer-encoding: Chunked"), [true, false]);
  const { headers } = parseRequest("GET / HTTP/1.0\r\nA:\t b \r\na: c", true);
  assert.equal(headers.get("a"), "b, c");
  const bad = (...lines: readonly string[]) => statusOf(() => ends(...lines));
  assert.equal(bad("Host:"), 400);
  assert.equal(bad("Content-Length: 1", "Content-Length: 1"), 400);
  assert.equal(bad("Content-Length: 1", "Transfer-Encoding: chunked"), 400);
  assert.equal(bad("Transfer-Encoding: gzip, chunked"), 501);
  assert.equal(statusOf(() => parseRequest("GET / HTTP/1.1", true)), 400);
  assert.equal(statusOf(() => parseRequest("GET / HTTP/2.0", true)), 505);
});

Deno.test("requests: ranges, routes and pages", () => {
  assert.deepEqual(parseRange("bytes=2-", 10), { start: 2, end: 10 });
  assert.deepEqual(parseRange("bytes=-3", 10), { start: 7, end: 10 });
  assert.deepEqual(parseRange("bytes=0-99", 10), { start: 0, end: 10 });
  for (const odd of [null, "bytes=-", "bytes=5-2", "bytes=0-1,3-4", "lines=1-2"]) {
    assert.equal(parseRange(odd, 10), undefined);
  }
  assert.equal(statusOf(() => parseRange("bytes=10-", 10)), 416);
  assert.deepEqual(routeOf("/v2/a/manifests/manifests/v1"), {
    type: "manifest",
    name: "a/manifests",
    ref: { tag: "v1" },
  });
  const cases = [["/v1/", 404], ["/v2/A/tags/list", 400], ["/v2/a/blobs/x", 400]] as const;
  for (const [target, status] of cases) assert.equal(statusOf(() => routeOf(target)), status);
  const query = new URLSearchParams("n=2&last=a");
  assert.deepEqual(pageOf(["d", "b", "c", "a"], query, "/p"), {
    names: ["b", "c"],
    headers: { link: '</p?last=c&n=2>; rel="next"' },
  });
});

Deno.test("pages: of referrers as many as clients take at once, with the filter in the next address", () => {
  const text = "x".repeat(1000);
  const all = Array.from({ length: 5000 }, (_, i) => ({
    mediaType: MediaType.manifest,
    digest: digestOf(`${i}`),
    size: i,
    annotations: { text },
  }));
  const found: typeof all[number][] = [];
  let pages = 0;
  for (let query: string | undefined = "artifactType=a%2Bb"; query !== undefined; pages++) {
    const page = referrersPage(all, new URLSearchParams(query), "/v2/app/referrers/sha256:1");
    assert.ok(JSON.stringify(page.some).length < 2.1 * 1024 * 1024);
    found.push(...page.some as typeof all);
    const link = page.headers.link;
    const next = /^<\/v2\/app\/referrers\/sha256:1\?([^>]*)>; rel="next"$/.exec(link ?? "")?.[1];
    assert.equal(next === undefined, link === undefined);
    if (next !== undefined) assert.equal(new URLSearchParams(next).get("artifactType"), "a+b");
    query = next;
  }
  assert.equal(pages, 3);
  assert.deepEqual(found, all);
  assert.deepEqual(referrersPage([], new URLSearchParams("from=9"), "/"), {
    some: [],
    headers: {},
  });
});
