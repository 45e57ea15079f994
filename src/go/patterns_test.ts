/**
 * Where `go` has to run for what the user named, with real folders.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { goMod } from "../../test/support/go_module.ts";
import { type TempDir, tempDir } from "../../test/support/temp.ts";
import { groupPatterns } from "./list.ts";

/** A module with commands, a module inside of it, and one beside it. */
async function modules(): Promise<TempDir> {
  const dir = await tempDir();
  await dir.write("app/go.mod", goMod("example.com/app"));
  for (const name of ["cmd/a", "cmd/b", "..odd"]) await dir.write(`app/${name}/main.go`, "");
  await dir.write("app/inner/go.mod", goMod("example.com/inner"));
  await dir.write("app/inner/cmd/c/main.go", "");
  await dir.write("beside/go.mod", goMod("example.com/beside"));
  await dir.write("beside/cmd/d/main.go", "");
  await dir.write("nowhere/main.go", "");
  return dir;
}

Deno.test("patterns: each runs where its module is", async () => {
  await using dir = await modules();
  const cases: readonly (readonly [string, folder: string, pattern: string])[] = [
    [".", "app", "."],
    ["./", "app", "."],
    ["./cmd/a", "app", "./cmd/a"],
    ["./cmd/a/", "app", "./cmd/a"],
    ["cmd/a", "app", "./cmd/a"],
    ["./cmd/../cmd/a", "app", "./cmd/a"],
    ["./...", "app", "./..."],
    ["./cmd/...", "app", "./cmd/..."],
    ["cmd/...", "app", "./cmd/..."],
    ["./cmd/a...", "app", "./cmd/a..."],
    ["./..odd", "app", "./..odd"],
    ["...", "app", "..."],
    [dir.join("app/cmd/b"), "app", "./cmd/b"],
    [dir.join("app") + "/...", "app", "./..."],
    ["./inner", "app/inner", "."],
    ["./inner/cmd/c", "app/inner", "./cmd/c"],
    ["./inner/...", "app/inner", "./..."],
    ["../beside/cmd/d", "beside", "./cmd/d"],
    ["../beside/...", "beside", "./..."],
    ["example.com/app/cmd/a", "app", "example.com/app/cmd/a"],
    ["example.com/app/...", "app", "example.com/app/..."],
    ["ko://example.com/app/cmd/a", "app", "example.com/app/cmd/a"],
    ["ko://./cmd/a", "app", "./cmd/a"],
    ["net/http", "app", "net/http"],
  ];
  for (const [given, folder, pattern] of cases) {
    const expected = [{ directory: dir.join(folder), patterns: [pattern] }];
    assert.deepEqual(await groupPatterns(dir.join("app"), [given]), expected, given);
  }
});

Deno.test("patterns: those of one folder go together, each once; none is the folder itself", async () => {
  await using dir = await modules();
  const app = dir.join("app");
  assert.deepEqual(await groupPatterns(app, []), [{ directory: app, patterns: ["."] }]);
  const given = ["./cmd/a", "../beside/cmd/d", "cmd/b", "ko://./cmd/a"];
  assert.deepEqual(await groupPatterns(app, given), [
    { directory: app, patterns: ["./cmd/a", "./cmd/b"] },
    { directory: dir.join("beside"), patterns: ["./cmd/d"] },
  ]);
});

Deno.test("patterns: modules of one workspace are built from where the user is", async () => {
  await using dir = await modules();
  await dir.write("go.work", "go 1.22\n\nuse (\n\t./app\n\t./beside\n)\n");
  const cases = [["../beside/cmd/d", "../beside/cmd/d"], ["../beside/...", "../beside/..."]];
  for (const [given = "", pattern] of cases) {
    const expected = [{ directory: dir.join("app"), patterns: [pattern] }];
    assert.deepEqual(await groupPatterns(dir.join("app"), [given]), expected);
  }
});

Deno.test("patterns: what is no folder of a module is refused", async () => {
  await using dir = await modules();
  const cases: Record<string, RegExp> = {
    "": /it is empty/,
    "ko://": /it is empty/,
    "./absent": /^Cannot build ".\/absent": there is no such folder$/,
    "./absent/...": /there is no such folder/,
    "./cmd/a/main.go": /it is a file; name its folder/,
    "../nowhere": /there is no go.mod in .*nowhere or above; run "go mod init" there/,
    "./cmd/a ./cmd/b": /neither an import path nor a folder/,
    "-toolexec=x": /neither an import path nor a folder/,
  };
  for (const [given, why] of Object.entries(cases)) {
    await failsWith("BAD_PACKAGE", () => groupPatterns(dir.join("app"), [given]), why);
  }
});
