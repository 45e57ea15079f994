/**
 * How long names are shortened, so that what differs stays.
 * @module
 */
import assert from "node:assert/strict";
import { shortNames } from "./short_names.ts";

const CASES: readonly (readonly [string[], number, string[]])[] = [
  [[], 10, []],
  [["example.com/app/cmd/api"], 23, ["example.com/app/cmd/api"]],
  [["example.com/app/cmd/api"], 22, ["api"]],
  [["example.com/app/cmd/api", "example.com/app/cmd/api"], 22, ["api", "api"]],
  [["example.com/app/cmd/api", "example.com/app/tools/gen"], 24, ["cmd/api", "tools/gen"]],
  [["example.com/app", "example.com/app/cmd/long"], 20, ["app", "app/cmd/long"]],
  [["example.com/one/a", "example.org/two/long/b"], 20, [
    "example.com/one/a",
    "examp...g/two/long/b",
  ]],
  [["/x", "an-absolute-path-is-no-name"], 20, ["/x", "an-ab...h-is-no-name"]],
  [["example.com/team/tool/v2"], 20, ["tool/v2"]],
  [["reg.test/team/api:v1.2.3-dirty"], 20, ["api:v1.2.3-dirty"]],
  [["no-folder-but-a-very-long-name"], 20, ["no-fo...ry-long-name"]],
  // Never so short that nobody knows what it is.
  [["no-folder-but-a-very-long-name"], 1, ["no-...g-name"]],
];

Deno.test("names: what all share goes first, then the middle", () => {
  for (const [names, length, expected] of CASES) {
    const found = shortNames(names, length);
    assert.deepEqual(found, expected);
    assert.ok(found.every((name) => name.length <= Math.max(length, 12)));
  }
});
