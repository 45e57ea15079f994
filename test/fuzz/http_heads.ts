/**
 * Heads of HTTP requests as `serve` gets them: what it takes for a request is one by RFC 9112, and is
 * read as that says, however the bytes come in.
 * @module
 */
import assert from "node:assert/strict";
import { HeadReader } from "../../src/serve/connection.ts";
import { HttpError, parseRequest, routeOf } from "../../src/serve/messages.ts";
import type { Dice } from "../support/dice.ts";
import { mutateBytes } from "./mutate_bytes.ts";
import type { FuzzBench, FuzzTarget } from "./target.ts";

const LINES = [
  "GET /v2/ HTTP/1.1",
  "HEAD /v2/app/manifests/v1 HTTP/1.1",
  "GET http://any.where/v2/_catalog?n=1&last=a HTTP/1.1",
  "PUT /v2/app/blobs/x HTTP/1.1",
  "OPTIONS * HTTP/1.1",
  "CONNECT x:1 HTTP/1.1",
  "GET /v2/ HTTP/1.0",
];
const HEADERS = [
  "Host: x",
  "Host:",
  "host: [::1]:5000",
  "Accept: a/b;q=0.5, */*",
  "Accept: c/d",
  "Connection: close",
  "Connection: keep-alive , Close",
  "Content-Length: 0",
  "content-length:5",
  "Content-Length: 5, 5",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: gzip, chunked",
  "Range: bytes=0-1",
  "X-Empty:",
  "X-Latin: caf\xe9 \t x\t",
];
const PIECES = ["\r\n", "\n", "\r", "\r\n\r\n", " ", "\t", ":", "\0", "\x80", ",", "#", "?", "//"];

/** What a request comes to: its parts, or the status of the error. */
type Reading = readonly [method: string, target: string, headers: string, ends: string] | number;

/** What is fuzzed. */
export const HTTP_HEADS: FuzzTarget = {
  name: "HTTP heads",
  open(): FuzzBench {
    let bytes: Uint8Array = new Uint8Array(0);
    return {
      names: new Set(),
      make: (dice: Dice) => {
        const requests = Array.from({ length: 1 + dice.below(3) }, () => request(dice));
        bytes = Uint8Array.from(requests.join(""), (char) => char.charCodeAt(0));
        if (dice.chance(0.4)) bytes = mutateBytes(bytes, dice);
      },
      check: (dice: Dice) => Promise.resolve(check(bytes, dice)),
      commands: () => [],
    };
  },
};

function request(dice: Dice): string {
  const some = Array.from({ length: dice.below(5) }, () => dice.pick(HEADERS));
  let text = [dice.pick(LINES), ...dice.chance(0.8) ? ["Host: reg.local:1"] : [], ...some]
    .join("\r\n");
  if (dice.chance(0.05)) text += `\r\nX: ${"x".repeat(dice.below(40_000))}`;
  for (let times = dice.below(3); times > 0; times--) {
    if (dice.chance(0.6)) continue;
    const at = dice.below(text.length + 1);
    text = text.slice(0, at) + dice.pick(PIECES) + text.slice(at + dice.below(2));
  }
  return `${text}\r\n\r\n`;
}

function check(bytes: Uint8Array, dice: Dice): string {
  const whole = readings(bytes, () => bytes.length);
  // What is refused for two reasons may be refused for the one that is seen first.
  const taken = (all: readonly Reading[]) => all.map((one) => typeof one === "number" ? 0 : one);
  for (const size of [() => 1 + dice.below(50), () => 1]) {
    assert.deepEqual(taken(readings(bytes, size)), taken(whole), "read in two ways");
  }
  const [first = 0] = whole;
  return typeof first === "number" ? `HTTP ${first || "unended"}` : "ok";
}

/** All requests of a connection, up to the one that ends it. */
function readings(bytes: Uint8Array, size: () => number): readonly Reading[] {
  const reader = new HeadReader();
  const found: Reading[] = [];
  for (let at = 0;;) {
    const head = reader.next();
    if (head === undefined) {
      if (at === bytes.length) return found;
      const part = bytes.subarray(at, at + size());
      reader.add(part);
      at += part.length;
      continue;
    }
    const request = expectError(() => parseRequest(head.text, head.whole));
    if (request instanceof HttpError) return [...found, request.status];
    const { method, target, headers, hasBody, keepAlive } = request;
    const ends = `${hasBody ? "body" : "no body"}, ${keepAlive ? "stays" : "ends"}`;
    // Listed, several empty values of one name would come as one.
    const fields = [...headers.keys()].map((name) => [name, headers.get(name)]);
    const reading = [method, target, JSON.stringify(fields), ends] as const;
    assert.deepEqual(reading, byTheBook(head.text), JSON.stringify(head.text));
    expectError(() => routeOf(target));
    found.push(reading);
    if (!keepAlive) return found;
  }
}

/** What work gives, or the one kind of error that is answered. */
function expectError<T>(work: () => T): T | HttpError {
  try {
    return work();
  } catch (error) {
    if (error instanceof HttpError) return error;
    throw error;
  }
}

/** A head as RFC 9112 reads it, where that leaves no doubt; written apart from what it checks. */
function byTheBook(head: string): Reading {
  const doubt = (what: string): never => assert.fail(`${what}: ${JSON.stringify(head)}`);
  const lines = head.split("\r\n");
  if (/[\r\n\0]/.test(lines.join(""))) doubt("a line end or NUL within a line");
  const [method = "", target = "", version = "", ...more] = (lines.shift() ?? "").split(" ");
  if (more.length > 0 || !/^HTTP\/1\.[01]$/.test(version)) doubt("no request line");
  if (method === "" || /[^!#$%&'*+.^_`|~0-9A-Za-z-]/.test(method)) doubt("no method");
  if (target === "" || /[^\x21-\x7e]/.test(target) || target.includes("#")) doubt("no target");
  const fields = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    if (colon < 1 || /[^!#$%&'*+.^_`|~0-9a-z-]/.test(name)) doubt("no field name");
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
    // deno-lint-ignore no-control-regex
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) doubt("no field value");
    fields.set(name, [...fields.get(name) ?? [], value]);
  }
  const one = (name: string): string | undefined => {
    const values = fields.get(name) ?? [];
    if (values.length > 1) doubt(`${name} twice`);
    return values[0];
  };
  const isCurrent = version === "HTTP/1.1";
  if (one("host") === undefined && isCurrent) doubt("no host");
  const length = one("content-length");
  const coding = one("transfer-encoding")?.toLowerCase();
  if (length !== undefined && !/^[0-9]+$/.test(length)) doubt("no length");
  if (coding !== undefined && (length !== undefined || coding !== "chunked" || !isCurrent)) {
    doubt("no framing");
  }
  const hasBody = coding !== undefined || Number(length ?? 0) > 0;
  const options = (fields.get("connection") ?? []).flatMap((value) => value.split(","));
  const closes = options.some((option) => option.trim().toLowerCase() === "close");
  const ends = `${hasBody ? "body" : "no body"}, ${
    isCurrent && !hasBody && !closes ? "stays" : "ends"
  }`;
  const names = [...fields].sort(([a], [b]) => a < b ? -1 : 1);
  const headers = names.map(([name, values]) => [name, values.join(", ")]);
  return [method, target, JSON.stringify(headers), ends];
}
