/**
 * Files by patterns; what is expected is what Skaffold lists.
 * @module
 */
import assert from "node:assert/strict";
import { tempDir } from "../../../test/support/temp.ts";
import { listFiles, NoFileMatches } from "./glob.ts";

const FILES = [
  ".hidden/h.go",
  "a/_test.go",
  "a/b.go",
  "a/c/d.go",
  "a/c/x.txt",
  "b/kodata/i.html",
  "b/{z}.txt",
  "go.mod",
  "main.go",
  "vendor/v/v.go",
  "x[1].go",
];

Deno.test("glob: files as Skaffold lists them", async () => {
  await using dir = await tempDir();
  for (const file of FILES) await dir.write(file, "");
  await Deno.symlink("a", dir.join("linkdir"));
  await Deno.symlink("main.go", dir.join("link.go"));
  const cases: readonly (readonly [paths: string[], ignore: string[], found: string[]])[] = [
    [["go.mod", "*.go"], [], ["go.mod", "link.go", "main.go", "x[1].go"]],
    // Two stars that are not alone are one.
    [["**.go"], [], ["link.go", "main.go", "x[1].go"]],
    [["a/**/*.go"], [], ["a/_test.go", "a/b.go", "a/c/d.go"]],
    [["a"], [], ["a/_test.go", "a/b.go", "a/c/d.go", "a/c/x.txt"]],
    [["a"], ["a/c"], ["a/_test.go", "a/b.go"]],
    [["a"], ["**/*_test.go", "**/*.{txt,md}"], ["a/b.go", "a/c/d.go"]],
    // What is ignored as a folder counts where files in it are named themselves.
    [["vendor/**/*.go"], ["vendor"], ["vendor/v/v.go"]],
    [["vendor/**/*.go"], ["vendor/**"], []],
    [["."], ["**"], []],
    [["x\\[1\\].go", "{b,go}*"], [], ["b/kodata/i.html", "b/{z}.txt", "go.mod", "x[1].go"]],
    [["[a-b]/?.go", "[^a]/kodata"], [], ["a/b.go", "b/kodata/i.html"]],
    [[".*/*"], [], [".hidden/h.go"]],
    // A link to a folder is followed by patterns, and a file otherwise.
    [["linkdir/*.go"], [], ["linkdir/_test.go", "linkdir/b.go"]],
    [["linkdir"], [], ["linkdir"]],
    [[], [], []],
  ];
  for (const [paths, ignore, found] of cases) {
    assert.deepEqual(await listFiles(dir.path, paths, ignore), found, paths.join());
  }
  for (const pattern of ["nothing", "*.rs", "**/none", "main.go/x", "[", "a/**/**/x.txt/y"]) {
    await assert.rejects(listFiles(dir.path, [pattern], []), NoFileMatches);
  }
  assert.equal((await listFiles(dir.path, ["."], [])).length, FILES.length + 2);
});

Deno.test("glob: links in circles have an end", async () => {
  await using dir = await tempDir();
  await dir.write("a/x.go", "");
  await Deno.symlink("..", dir.join("a/up"));
  await Deno.symlink(".", dir.join("a/here"));
  assert.deepEqual(await listFiles(dir.path, ["**/*.go"], []), ["a/x.go"]);
});

Deno.test("files of Skaffold: many wildcards and many braces have an end", async () => {
  await using dir = await tempDir();
  await dir.write("a".repeat(200), "");
  assert.deepEqual(await listFiles(dir.path, [`${"*a".repeat(100)}*`], []), ["a".repeat(200)]);
  await assert.rejects(() => listFiles(dir.path, [`${"*a".repeat(100)}*b`], []), /matches no file/);
  await assert.rejects(() => listFiles(dir.path, ["{a,b}".repeat(30)], []), /over 1000 patterns/);
});
