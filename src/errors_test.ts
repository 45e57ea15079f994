/**
 * Messages of errors: what they quote cannot pretend to be more than one line.
 * @module
 */
import assert from "node:assert/strict";
import { KodenoError, messageOf, nearest, withoutLogins } from "./errors.ts";

Deno.test("errors: a message is one line, whatever it quotes", () => {
  const quoted = "a\nError: b\r\x1b[2K\u009b31m\u202e\u2028";
  const { message } = new KodenoError("BAD_CONTENT", `Cannot read ${quoted}: it is not JSON`);
  assert.equal(
    message,
    "Cannot read a\\u{a}Error: b\\u{d}\\u{1b}[2K\\u{9b}31m\\u{202e}\\u{2028}: it is not JSON",
  );
});

Deno.test("errors: of a very long message the start and the end are left", () => {
  const name = "x".repeat(100_000);
  const { message } = new KodenoError("BAD_REFERENCE", `Cannot use ${name}: it is too long`);
  assert.match(message, /^Cannot use x+ \.\.\. x+: it is too long$/);
  assert.ok(message.length < 8000, String(message.length));
});

Deno.test("errors: what compilers and faulty files say keeps its lines", () => {
  for (const code of ["BAD_CONFIG", "GO_FAILED"] as const) {
    assert.equal(
      new KodenoError(code, "a.yaml:1:1: x\na.yaml:2:1: y").message.split("\n").length,
      2,
    );
  }
});

Deno.test("nearest: a mistyped word, but no other word", () => {
  const keys = ["flags", "fromImage", "platforms", "main", "ldflags", "gcflags"];
  const cases: readonly (readonly [word: string, found: string | undefined])[] = [
    ["flag", "flags"],
    ["lfags", "flags"],
    ["FLAGS", "flags"],
    ["fromimage", "fromImage"],
    ["plattforms", "platforms"],
    ["ldflag", "ldflags"],
    ["mian", "main"],
    ["x", undefined],
    ["repository", undefined],
    ["flags".repeat(100), undefined],
  ];
  for (const [word, found] of cases) assert.equal(nearest(word, keys), found, word);
  assert.equal(nearest("a", []), undefined);
});

Deno.test("errors: URLs lose logins and tokens, and nothing else", () => {
  const cases = [
    ["https://user:pass@host/path", "https://***@host/path"],
    [
      "-X main.a=https://tok@host,b=ssh://u:p@ss@host:22/x",
      "-X main.a=https://***@host,b=ssh://***@host:22/x",
    ],
    [
      "https://proxy.test,https://u:p@other.test,direct",
      "https://proxy.test,https://***@other.test,direct",
    ],
    ["https://host/p?a=1&access_token=abc&b=2", "https://host/p?a=1&access_token=***&b=2"],
    ["https://host/p@v1?key=a", "https://host/p@v1?key=***"],
    ["https://u:p/w@host/path", "https://***@host/path"],
    ["https://u:p?w@host,direct", "https://***@host,direct"],
    ["go: https://u:12x/w@x@host: bad", "go: https://***@host: bad"],
    [
      "git+https://git.test:8443/app@refs/heads/main",
      "git+https://git.test:8443/app@refs/heads/main",
    ],
    ["http://[::1]:5000/x@v1", "http://[::1]:5000/x@v1"],
    ['{"a":"https://host/x","b":"c@d"}', '{"a":"https://host/x","b":"c@d"}'],
    ["registry.test/base@sha256:00", "registry.test/base@sha256:00"],
    ["-X main.at=a@b", "-X main.at=a@b"],
  ];
  for (const [text = "", expected] of cases) assert.equal(withoutLogins(text), expected);
});

Deno.test("errors: no message tells a login, whoever has made it", () => {
  const url = "https://user:pa/s3cret@host.test/x";
  const said = "https://***@host.test/x";
  assert.equal(new KodenoError("GO_FAILED", `go: ${url}\nexit 1`).message, `go: ${said}\nexit 1`);
  assert.equal(messageOf(new TypeError(`Invalid URL: '${url}'`)), `Invalid URL: '${said}'`);
});
