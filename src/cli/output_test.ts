/**
 * How sizes, times and rows are written for a person.
 * @module
 */
import assert from "node:assert/strict";
import { counted, formatBytes } from "../io/sizes.ts";
import { alignedRows, formatDuration, shortDigest } from "./output.ts";

Deno.test("output: sizes, times and digests are short", () => {
  const sizes = [[0, "0 B"], [999, "999 B"], [4_300_000, "4.3 MB"], [120e6, "120 MB"]] as const;
  for (const [bytes, expected] of sizes) assert.equal(formatBytes(bytes), expected);
  assert.equal(formatBytes(5e15), "5000 TB");
  assert.equal(formatDuration(449), "0.4s");
  assert.equal(formatDuration(72_000), "1m12s");
  assert.equal(shortDigest(`sha256:${"ab".repeat(32)}`), "sha256:abababababab");
});

Deno.test("output: one is told from several", () => {
  assert.deepEqual([0, 1, 2].map((n) => counted(n, "blob")), ["0 blobs", "1 blob", "2 blobs"]);
  assert.deepEqual([1, 2].map((n) => counted(n, "binary")), ["1 binary", "2 binaries"]);
});

Deno.test("output: cells stand one below the other, and nothing behind the last", () => {
  assert.deepEqual(alignedRows([], "  "), []);
  const rows = [["app:v1", "9 B", "linux/amd64"], ["x", "120 MB", ""]];
  assert.deepEqual(alignedRows(rows, "  ", [1]), [
    "app:v1     9 B  linux/amd64",
    "x       120 MB",
  ]);
});
