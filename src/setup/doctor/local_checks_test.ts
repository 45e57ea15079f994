import assert from "node:assert/strict";
import { compareVersions } from "./local_checks.ts";

Deno.test("doctor: versions of Go are compared by their numbers", () => {
  const rising = [
    "1.9",
    "1.21",
    "1.22beta1",
    "1.22rc1",
    "1.22rc2",
    "1.22",
    "1.22.1",
    "1.22.10",
    "2",
  ];
  for (const [i, a] of rising.entries()) {
    for (const [j, b] of rising.entries()) {
      assert.equal(Math.sign(compareVersions(a, b)), Math.sign(i - j), `${a} ${b}`);
    }
  }
  assert.equal(compareVersions("1.26.8", "1.26.8-custom"), 0);
});
