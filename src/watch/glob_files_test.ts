/**
 * Listing files by globs: the answers are those of Skaffold's own function for the same tree.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { tempDir } from "../../test/support/temp.ts";
import { globFiles, notIgnored } from "./glob_files.ts";

const TREE = [
  ".git/config",
  "cmd/app/main.go",
  "cmd/app/main_test.go",
  "go.mod",
  "kodata/a.txt",
  "kodata/sub/b.txt",
  "main.go",
  "vendor/x/x.go",
];

/** Rows of paths, of what is ignored, and of what Skaffold answers. */
const ANSWERS: readonly (readonly [
  paths: readonly string[],
  ignore: readonly string[],
  files: readonly string[],
])[] = [
  [["go.mod", "**.go"], [], ["go.mod", "main.go"]],
  [["**/*.go"], [], ["cmd/app/main.go", "cmd/app/main_test.go", "main.go", "vendor/x/x.go"]],
  [["**/*.go"], ["vendor"], [
    "cmd/app/main.go",
    "cmd/app/main_test.go",
    "main.go",
    // The glob finds the file itself; a folder on the way to it was never looked at.
    "vendor/x/x.go",
  ]],
  [["**/*.go"], ["vendor/**", "**/*_test.go"], ["cmd/app/main.go", "main.go"]],
  [["."], [], TREE],
  [["."], [".git", "vendor", "cmd"], ["go.mod", "kodata/a.txt", "kodata/sub/b.txt", "main.go"]],
  [["./kodata/"], [], ["kodata/a.txt", "kodata/sub/b.txt"]],
  [["kodata"], ["kodata/sub"], ["kodata/a.txt"]],
  [["kodata/sub/b.txt"], ["kodata"], ["kodata/sub/b.txt"]],
  [["*"], ["*.txt"], TREE],
  [["*/*.txt"], [], ["kodata/a.txt"]],
  [["cmd/../go.mod"], [], ["go.mod"]],
];

Deno.test("globs: list the files that Skaffold lists", async () => {
  await using dir = await tempDir();
  for (const name of TREE) await dir.write(name, "");
  for (const [paths, ignore, files] of ANSWERS) {
    const found = await globFiles(dir.path, { paths, ignore });
    assert.deepEqual(found, files, JSON.stringify({ paths, ignore }));
  }
});

Deno.test("globs: lead out of the folder, too", async () => {
  await using dir = await tempDir();
  for (const name of TREE) await dir.write(name, "");
  const found = await globFiles(dir.join("cmd"), { paths: ["../kodata/**"] });
  assert.deepEqual(found, ["../kodata/a.txt", "../kodata/sub/b.txt"]);
});

Deno.test("globs: one that matches nothing is refused, and says what it may have meant", async () => {
  await using dir = await tempDir();
  await dir.write("cmd/main.go", "");
  const list = (glob: string) => () => globFiles(dir.path, { paths: [glob] });
  await failsWith("BAD_OPTION", list("*.mod"), /"\*\.mod": it matches nothing in .*[^"]$/);
  await failsWith("BAD_OPTION", list("**.go"), /as in "\*\*\/\*\.go"$/);
});

Deno.test("globs: what lies in an ignored folder is ignored", () => {
  const wanted = notIgnored(["vendor", "**/*.pb.go"]);
  const paths = ["main.go", "vendor/x/x.go", "api/a.pb.go", "xvendor/y.go"];
  assert.deepEqual(paths.filter(wanted), ["main.go", "xvendor/y.go"]);
});
