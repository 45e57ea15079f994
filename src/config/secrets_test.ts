/**
 * What is left out of texts that others get to read.
 * @module
 */
import assert from "node:assert/strict";
import { openValue } from "./secrets.ts";

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
