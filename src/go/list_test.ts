/**
 * From what `go list` tells to main packages, or to one line that says what was wrong; and where `go`
 * has to run for what the user named, with real folders.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { goMod } from "../../test/support/go_module.ts";
import { type TempDir, tempDir } from "../../test/support/temp.ts";
import { groupPatterns, type ListedPackage, refuseUnreadable, selectMains } from "./list.ts";

const main = (path: string, ...patterns: string[]): ListedPackage => ({
  ImportPath: path,
  Name: "main",
  Dir: `/src/${path}`,
  Match: patterns,
});
const library = (path: string, ...patterns: string[]) => ({
  ...main(path, ...patterns),
  Name: "x",
});

Deno.test("packages: mains in the order of the patterns, each once", () => {
  const listed = [main("m/a", "./a", "./..."), main("m/b", "./..."), library("m/c", "./...")];
  const select = (...patterns: string[]) =>
    selectMains({ directory: "/src/m", patterns }, listed).map((p) => p.importPath);
  assert.deepEqual(select("./..."), ["m/a", "m/b"]);
  assert.deepEqual(select("./a"), ["m/a"]);
  assert.deepEqual(select("./...", "./a"), ["m/a", "m/b"]);
  const [first] = selectMains({ directory: "/src/m", patterns: ["./a"] }, listed);
  assert.deepEqual(first, {
    importPath: "m/a",
    packageDirectory: "/src/m/a",
    directory: "/src/m",
  });
});

Deno.test("packages: a pattern that names no main package says why", async () => {
  const listed: readonly ListedPackage[] = [
    library("m/lib", "./lib", "./lib/..."),
    { ImportPath: "m/empty", Match: ["./empty"] },
    {
      ImportPath: "m/absent",
      Match: ["./absent"],
      Error: { Err: "no required module\n\tprovides it; to add it:\n\tgo get m/absent" },
    },
  ];
  const cases: Record<string, RegExp> = {
    "./lib": /^Cannot build ".\/lib": package m\/lib is not main but x$/,
    "./lib/...": /^Cannot build ".\/lib\/...": it matches no main package$/,
    "./empty": /package m\/empty is not main but without Go files/,
    "./absent": /: no required module provides it; to add it: go get m\/absent$/,
    "./nothing": /it matches no package$/,
    "./nothing/...": /it matches no main package$/,
  };
  for (const [pattern, why] of Object.entries(cases)) {
    const work = () => selectMains({ directory: "/src/m", patterns: [pattern] }, listed);
    const { message } = await failsWith("BAD_PACKAGE", work, why);
    assert.ok(!message.includes("\n"), message);
  }
});

Deno.test("packages: one that go cannot read is not left out of a pattern with dots", async () => {
  const broken = {
    ImportPath: "m/b",
    Match: ["./..."],
    Error: { Err: "expected 'package',\n\tx" },
  };
  const refuse = (...listed: readonly ListedPackage[]) =>
    refuseUnreadable({ directory: "/src/m", patterns: ["./...", "./e"] }, listed);
  const message = /^Cannot build ".\/\.\.\.": package m\/b cannot be read: expected 'package', x$/;
  await failsWith("BAD_PACKAGE", () => refuse(main("m/a", "./..."), broken), message);
  // go build says what is wrong with a main package; one that is named is refused where it is chosen.
  refuse({ ...main("m/a", "./..."), Error: { Err: "x" } }, {
    ...broken,
    Match: ["./e", "./f/..."],
  });
});

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
    // A module may be called as if it were a file.
    ["example.com/nats.go", "app", "example.com/nats.go"],
    // go writes patterns without these slashes and dots, and says so of what they match.
    ["example.com/app/cmd/a/", "app", "example.com/app/cmd/a"],
    ["example.com//app/cmd//a", "app", "example.com/app/cmd/a"],
    ["example.com/app/./lib/../cmd/a", "app", "example.com/app/cmd/a"],
    ["example.com/app//...", "app", "example.com/app/..."],
    ["example.com/app/.../", "app", "example.com/app/..."],
    ["ko://example.com/app//cmd/a//", "app", "example.com/app/cmd/a"],
    ["ko://./cmd//a/", "app", "./cmd/a"],
    [".//cmd//a//", "app", "./cmd/a"],
    ["./cmd/.../", "app", "./cmd/..."],
    ["cmd//a/", "app", "./cmd/a"],
    ["..//beside//cmd/d/", "beside", "./cmd/d"],
    [dir.join("app") + "//cmd//b/", "app", "./cmd/b"],
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
    "./cmd/a/main.go": /it is a file; name its folder, "\.\/cmd\/a"$/,
    "cmd/a/main.go": /it is a file; name its folder, "\.\/cmd\/a"$/,
    "../beside/cmd/d/main.go": /it is a file; name its folder, "\.\.\/beside\/cmd\/d"$/,
    "cmd/a/mian.go": /there is no such file; name its folder, "\.\/cmd\/a"$/,
    "./go.mod": /it is a file; name its folder, "\."$/,
    "../nowhere": /there is no go.mod in .*nowhere or above; run "go mod init" there/,
    "./cmd/a ./cmd/b": /neither an import path nor a folder/,
    "-toolexec=x": /neither an import path nor a folder/,
  };
  for (const [given, why] of Object.entries(cases)) {
    await failsWith("BAD_PACKAGE", () => groupPatterns(dir.join("app"), [given]), why);
  }
});
