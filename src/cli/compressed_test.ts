/**
 * Which line reads a compressed archive in the stead of the one that was run.
 * @module
 */
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { KodenoError } from "../errors.ts";
import { readInstead } from "./compressed.ts";

const FILE = "f.tar.zst";

Deno.test("compressed archives: the line that reads one does what was asked for", () => {
  const lines: readonly (readonly [archive: string, args: readonly string[], line: string])[] = [
    [resolve(FILE), ["load", FILE], "zstd -dc f.tar.zst | kodeno load -"],
    [
      resolve(FILE),
      ["push", `./${FILE}`, "app:v1", "--to", "reg.example/x", "--bare"],
      "zstd -dc ./f.tar.zst | kodeno push - app:v1 --to reg.example/x --bare",
    ],
    [
      resolve(FILE),
      ["copy", `archive:${FILE}:app:v1`, "oci:out"],
      "zstd -dc f.tar.zst | kodeno copy archive:-:app:v1 oci:out",
    ],
    [resolve(FILE), ["ls", `archive:${FILE}`], "zstd -dc f.tar.zst | kodeno ls archive:-"],
    ["/it's", ["merge", "my out", "/it's"], "zstd -dc '/it'\\''s' | kodeno merge 'my out' -"],
    ["stdin", ["ls", "-"], "zstd -dc | kodeno ls -"],
    ["/dev/fd/63", ["ls", "/dev/fd/63"], "zstd -dc | kodeno ls -"],
  ];
  for (const [archive, args, line] of lines) {
    const error = new KodenoError("BAD_PLACE", "no", { archive, compression: "zstd" });
    assert.equal(readInstead(error, args), `, or "${line}"`);
  }
});

Deno.test("compressed archives: where none was named, there is no such line", () => {
  const base = { archive: resolve(FILE), compression: "zstd" };
  const builds = [["build"], ["build", "--base-image", `archive:${FILE}`]];
  for (const args of builds) {
    assert.equal(readInstead(new KodenoError("BAD_PLACE", "no", base), args), "");
  }
  const other = new KodenoError("BAD_PLACE", "no", { archive: resolve(FILE) });
  assert.equal(readInstead(other, ["load", FILE]), "");
});
