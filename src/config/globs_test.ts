/**
 * Globs: the answers are those of doublestar 1.3.4, the library that Skaffold asks, which was run for
 * each row.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { compileGlob, escapeGlob } from "./globs.ts";

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
