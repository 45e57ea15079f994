/**
 * "Did you mean": what is near enough.
 * @module
 */
import assert from "node:assert/strict";
import { nearest } from "./nearest.ts";

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
