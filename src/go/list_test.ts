/**
 * From what `go list` tells to main packages, or to one line that says what was wrong.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { type ListedPackage, refuseUnreadable, selectMains } from "./list.ts";

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
    "./lib": /^Cannot build ".\/lib": package m\/lib is not main but x; .*use \.\/\.\.\. for all$/,
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
