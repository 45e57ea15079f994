/**
 * Reading what `go list` prints: cut into objects while it comes, and which packages are whose.
 * @module
 */
import assert from "node:assert/strict";
import { ObjectSplitter } from "./list.ts";
import { closureOf, filesOf, isOwn, type SourcePackage } from "./sources.ts";

Deno.test("deps: objects come out whole, wherever the text is cut", () => {
  const whole = [{ a: 1 }, { b: { c: ["}", "{\n}"] } }].map((one) =>
    JSON.stringify(one, undefined, "\t")
  );
  const text = whole.map((one) => `${one}\n`).join("");
  for (let size = 1; size <= text.length; size++) {
    const found: string[] = [];
    const splitter = new ObjectSplitter((one) => found.push(one));
    for (let at = 0; at < text.length; at += size) splitter.add(text.slice(at, at + size));
    assert.deepEqual(found, whole, `pieces of ${size}`);
  }
});

Deno.test("deps: the user's own are main modules, folders in their place, and what is vendored", () => {
  const path = { Path: "example.com/m" };
  const cases: readonly (readonly [own: boolean, module: SourcePackage["Module"]])[] = [
    [true, undefined],
    [true, { ...path, Main: true, Dir: "/m" }],
    [true, { ...path, Dir: "/beside", Replace: { Path: "../beside" } }],
    [true, path],
    [false, { ...path, Dir: "/cache/m@v1" }],
    [false, {
      ...path,
      Dir: "/cache/fork@v1",
      Replace: { Path: "example.com/fork", Version: "v1" },
    }],
  ];
  for (const [own, Module] of cases) {
    const one = { ImportPath: "x", ...(Module ? { Module } : {}) };
    assert.equal(isOwn(one), own, JSON.stringify(Module));
  }
});

Deno.test("deps: files of all kinds, by their whole paths", () => {
  const one: SourcePackage = {
    ImportPath: "example.com/m/p",
    Dir: "/m/p",
    GoFiles: ["a.go"],
    CgoFiles: ["b.go"],
    SFiles: ["c.s"],
    HFiles: ["d.h"],
    SysoFiles: ["e.syso"],
    EmbedFiles: ["data/f.txt"],
    InvalidGoFiles: ["g.go", "/else/h.go"],
  };
  const names = ["a.go", "b.go", "d.h", "c.s", "e.syso", "data/f.txt", "g.go"];
  assert.deepEqual(filesOf(one), [...names.map((name) => `/m/p/${name}`), "/else/h.go"]);
});

Deno.test("deps: a package stands for all it imports, by the names that go has for them", () => {
  const packages = new Map<string, SourcePackage>(
    [
      { ImportPath: "main", Imports: ["a", "fmt"], ImportMap: { a: "v/a" } },
      { ImportPath: "v/a", Imports: ["b"] },
      { ImportPath: "b", Imports: ["v/a"] },
      { ImportPath: "other", Imports: ["b"] },
    ].map((one) => [one.ImportPath, one]),
  );
  const found = closureOf(packages, "main").map(({ ImportPath }) => ImportPath);
  assert.deepEqual(found.sort(), ["b", "main", "v/a"]);
});
