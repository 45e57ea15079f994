/**
 * Globs: the answers are those of doublestar 1.3.4, the library that Skaffold asks, which was run for
 * each row; the files listed are those of Skaffold's own function for the same tree.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { tempDir } from "../../test/support/temp.ts";
import { compileGlob, escapeGlob, listFiles, notIgnored } from "./globs.ts";

/** Rows of a glob, paths that it matches, and paths that it does not match. */
const ANSWERS: readonly (readonly [glob: string, yes: readonly string[], no: readonly string[]])[] =
  [
    ["go.mod", ["go.mod"], ["sub/go.mod", "go.mod2", "gooMod"]],
    ["**.go", ["main.go", ".go"], ["cmd/main.go"]],
    ["**/*.go", ["main.go", "cmd/main.go", "a/b/c.go", ".git/x.go"], ["main.go/x", "go.mod"]],
    ["a/**", ["a/b", "a/b/c", "a/.x"], ["a", "b/a", "ab"]],
    ["**", ["a", "a/b", ".x/y"], []],
    ["**/a", ["a", "b/a", "b/c/a"], ["ab", "a/b"]],
    ["a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["a/xb", "ab", "b"]],
    ["*", ["a", ".git"], ["a/b"]],
    ["*.go", ["x.go", ".go"], ["a/x.go"]],
    ["a*", ["a", "abc"], ["ba", "a/b"]],
    ["a**b", ["ab", "axxb"], ["a/b"]],
    ["?", ["a", "\u00e9"], ["ab", "", "/"]],
    ["[ab]c", ["ac", "bc"], ["cc", "c"]],
    ["[a-c]", ["a", "b", "c"], ["d", "-"]],
    ["[^a]", ["b", "^"], ["a"]],
    ["[!a]", ["!", "a"], ["b"]],
    ["[a\\-c]", ["a", "-", "c"], ["b"]],
    ["[c-a]", [], ["a", "b", "c"]],
    ["{a,b}.go", ["a.go", "b.go"], ["c.go", "{a,b}.go"]],
    ["**/*.{go,mod}", ["x.go", "a/go.mod"], ["x.gomod", "x.js"]],
    ["{a/**,b}", ["a/x/y", "b"], ["a", "b/x"]],
    ["{x,y/z}/a", ["x/a", "y/z/a"], ["y/a"]],
    ["{a,{b,c}d}", ["a", "bd", "cd"], ["d", "ad"]],
    ["\\*", ["*"], ["a", "\\*"]],
    ["a.b+(c)$^|", ["a.b+(c)$^|"], ["aXb+(c)$^|"]],
    ["a,b}", ["a,b}"], ["a"]],
    ["vendor/", ["vendor/"], ["vendor", "vendor/x"]],
    ["./a", ["./a"], ["a"]],
    ["!a", ["!a"], ["b", "a"]],
    ["+(a)", ["+(a)"], ["a", "aa"]],
    ["{1..3}", ["1..3"], ["2"]],
  ];

Deno.test("globs: match what Skaffold's library matches, and nothing else", () => {
  for (const [glob, yes, no] of ANSWERS) {
    const matches = compileGlob(glob);
    for (const path of yes) assert.ok(matches(path), `${glob} matches ${path}`);
    for (const path of no) assert.ok(!matches(path), `${glob} does not match ${path}`);
  }
});

Deno.test("globs: what is not closed is refused, and says what", async () => {
  const cases: Record<string, RegExp> = {
    "[a": /^Cannot use glob "\[a": a "\[" is not closed$/,
    "{a,b": /a "\{" is not closed/,
    "a\\": /ends in a backslash/,
    "[]": /is not a set of characters/,
    "[a-]": /is not a set of characters/,
  };
  for (const [glob, why] of Object.entries(cases)) {
    await failsWith("BAD_OPTION", () => compileGlob(glob), why);
  }
});

Deno.test("globs: any path matches itself when escaped", () => {
  for (const path of ["a[b]/c*?", "{a,b}", "back\\slash", "plain/path.go"]) {
    assert.ok(compileGlob(escapeGlob(path))(path), path);
    assert.ok(!compileGlob(escapeGlob(path))(`${path}x`), path);
  }
});

Deno.test("globs: many wildcards and many braces have an end", async () => {
  const name = "a".repeat(200);
  assert.equal(compileGlob(`${"*a".repeat(100)}*b`)(name), false);
  assert.equal(compileGlob(`${"*a".repeat(100)}*`)(name), true);
  const path = Array.from({ length: 60 }, () => "a").join("/");
  assert.equal(compileGlob(`${"**/a/".repeat(30)}**/b`)(path), false);
  assert.equal(compileGlob(`${"**/a/".repeat(30)}**`)(path), true);
  await failsWith(
    "BAD_OPTION",
    () => compileGlob("{a,b}".repeat(30)),
    /braces stand for over 1000/,
  );
});

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

Deno.test("files of globs: as Skaffold lists them", async () => {
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
    assert.deepEqual(await listFiles(dir.path, { paths, ignore }), found, paths.join());
  }
  for (const pattern of ["nothing", "*.rs", "**/none", "main.go/x", "[", "a/**/**/x.txt/y"]) {
    const why = pattern === "[" ? /"\[" is not closed/ : /it matches nothing/;
    await failsWith("BAD_OPTION", () => listFiles(dir.path, { paths: [pattern] }), why);
  }
  assert.equal((await listFiles(dir.path, { paths: ["."] })).length, FILES.length + 2);
});

Deno.test("files of globs: links in circles have an end", async () => {
  await using dir = await tempDir();
  await dir.write("a/x.go", "");
  await Deno.symlink("..", dir.join("a/up"));
  await Deno.symlink(".", dir.join("a/here"));
  assert.deepEqual(await listFiles(dir.path, { paths: ["**/*.go"] }), ["a/x.go"]);
});

Deno.test("files of globs: many wildcards and many braces have an end", async () => {
  await using dir = await tempDir();
  await dir.write("a".repeat(200), "");
  assert.deepEqual(await listFiles(dir.path, { paths: [`${"*a".repeat(100)}*`] }), [
    "a".repeat(200),
  ]);
  await assert.rejects(
    () => listFiles(dir.path, { paths: [`${"*a".repeat(100)}*b`] }),
    /matches nothing/,
  );
  await assert.rejects(
    () => listFiles(dir.path, { paths: ["{a,b}".repeat(30)] }),
    /over 1000 globs/,
  );
});

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
const LISTED: readonly (readonly [
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

Deno.test("files of globs: the files that Skaffold lists", async () => {
  await using dir = await tempDir();
  for (const name of TREE) await dir.write(name, "");
  for (const [paths, ignore, files] of LISTED) {
    const found = await listFiles(dir.path, { paths, ignore });
    assert.deepEqual(found, files, JSON.stringify({ paths, ignore }));
  }
});

Deno.test("files of globs: lead out of the folder, too", async () => {
  await using dir = await tempDir();
  for (const name of TREE) await dir.write(name, "");
  const found = await listFiles(dir.join("cmd"), { paths: ["../kodata/**"] });
  assert.deepEqual(found, ["../kodata/a.txt", "../kodata/sub/b.txt"]);
});

Deno.test("files of globs: one that matches nothing is refused, and says what it may have meant", async () => {
  await using dir = await tempDir();
  await dir.write("cmd/main.go", "");
  const list = (glob: string) => () => listFiles(dir.path, { paths: [glob] });
  await failsWith("BAD_OPTION", list("*.mod"), /"\*\.mod": it matches nothing in .*[^"]$/);
  await failsWith("BAD_OPTION", list("**.go"), /as in "\*\*\/\*\.go"$/);
});

Deno.test("globs: what lies in an ignored folder is ignored", () => {
  const wanted = notIgnored(["vendor", "**/*.pb.go"]);
  const paths = ["main.go", "vendor/x/x.go", "api/a.pb.go", "xvendor/y.go"];
  assert.deepEqual(paths.filter(wanted), ["main.go", "xvendor/y.go"]);
});
