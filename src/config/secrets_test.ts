/**
 * What is left out of texts that others get to read.
 * @module
 */
import assert from "node:assert/strict";
import { openValue, withoutLogins } from "./secrets.ts";

Deno.test("secrets: URLs lose logins and tokens, and nothing else", () => {
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
    ["registry.test/base@sha256:00", "registry.test/base@sha256:00"],
    ["-X main.at=a@b", "-X main.at=a@b"],
  ];
  for (const [text = "", expected] of cases) assert.equal(withoutLogins(text), expected);
});

Deno.test("secrets: a variable is one by its name", () => {
  assert.equal(openValue("API_TOKEN", "abc"), "***");
  assert.equal(openValue("signing-key", "abc"), "***");
  for (const name of ["DB_PASS", "pass", "GITHUB_PAT", "AUTH_HEADER", "PG-PWD"]) {
    assert.equal(openValue(name, "abc"), "***", name);
  }
  for (const name of ["GOFLAGS", "COMPASS", "AUTHOR", "PATH"]) {
    assert.equal(openValue(name, "-tags=x"), "-tags=x", name);
  }
});
