/**
 * Folders that are watched for images, and changes in them that may matter.
 * @module
 */
import assert from "node:assert/strict";
import { tempDir } from "../../test/support/temp.ts";
import { FolderWatch, mayMatter, watchedFolders } from "./folders.ts";
import type { ImageFiles } from "./image_files.ts";

Deno.test("watched folders: those of packages, kodata, embedded files and what is missing", async () => {
  await using dir = await tempDir();
  for (
    const name of ["cmd/app/main.go", "cmd/app/kodata/sub/a.txt", "lib/lib.go", "lib/data/x/y"]
  ) {
    await dir.write(name, "");
  }
  await dir.write("outside/big/z", "");
  const Module = { Path: "m", Main: true, Dir: dir.path };
  const app = dir.join("cmd/app");
  const image: ImageFiles = {
    importPath: "m/cmd/app",
    packageDirectory: app,
    packages: [
      { ImportPath: "m/cmd/app", Dir: app, Module },
      { ImportPath: "m/lib", Dir: dir.join("lib"), Module, EmbedPatterns: ["data/*"] },
      { ImportPath: "m/to/come", Module: { Path: "m" } },
    ],
    files: [dir.join("cmd/app/main.go"), dir.join("lib/lib.go")],
    absent: [dir.join("go.sum")],
    beside: [],
  };
  const watched = await watchedFolders([image], dir.path, ["./cmd/app"]);
  const below = [...watched.folders].map((path) => path.slice(dir.path.length + 1)).sort();
  const data = ["cmd/app/kodata", "cmd/app/kodata/sub", "lib/data", "lib/data/x"];
  assert.deepEqual(below, [
    "",
    "cmd",
    "cmd/app",
    ...data.slice(0, 2),
    "lib",
    ...data.slice(2),
    "to",
    "to/come",
  ]);

  const matters = (name: string) => mayMatter(dir.join(name), [image], watched);
  const yes = [
    "lib/new.go",
    "go.sum",
    "lib/data/x/new",
    "cmd/app/kodata/b",
    "to/come",
    "to",
    "lib",
  ];
  const no = ["cmd/app/a_test.go", "cmd/app/_x.go", "README.md", "outside/big", "cmd/app/.swp"];
  assert.deepEqual([...yes, ...no].filter(matters), yes);

  const open = await watchedFolders([image], dir.path, ["./..."]);
  assert.ok(open.folders.has(dir.join("outside/big")));
  assert.ok(mayMatter(dir.join("outside/big"), [image], open));
});

Deno.test("watched folders: of a package whose folder went, the one above", async () => {
  await using dir = await tempDir();
  const Dir = dir.join("cmd/app");
  await dir.write("cmd/lib.go", "");
  const Module = { Path: "m", Main: true, Dir: dir.path };
  const app = { ImportPath: "m/cmd/app", Dir, Module, EmbedPatterns: ["data/*"] };
  const image = {
    importPath: "m/cmd/app",
    packageDirectory: Dir,
    files: [],
    absent: [],
    beside: [],
  };
  const { folders } = await watchedFolders([{ ...image, packages: [app] }], dir.path, ["."]);
  assert.ok(folders.has(dir.join("cmd")));
});

const QUIET_MS = 50;
const END = AbortSignal.timeout(60_000);

Deno.test("folders: changes in each by itself, not in what lies below", async () => {
  await using dir = await tempDir();
  await dir.write("a/deep/x", "");
  await dir.write("b/x", "");
  using folders = new FolderWatch();
  const [a, b] = [dir.join("a"), dir.join("b")];
  assert.deepEqual(folders.watch([a, b, dir.join("none"), dir.join("b/x")]), [a, b]);
  assert.deepEqual(folders.watch([a, b]), []);
  await dir.write("a/deep/x", "1");
  await dir.write("b/y", "1");
  assert.deepEqual([...await folders.next(QUIET_MS, END)], [dir.join("b/y")]);
});

Deno.test("folders: whole trees and files, but for what does not matter", async () => {
  await using dir = await tempDir();
  await dir.write("a/deep/x", "");
  await dir.write("b/file", "");
  using folders = new FolderWatch(true, (path) => !path.endsWith("~"));
  folders.watch([dir.join("a"), dir.join("b/file")]);
  await dir.write("a/deep/x~", "1");
  await dir.write("b/other", "1");
  await dir.write("a/deep/x", "1");
  assert.deepEqual([...await folders.next(QUIET_MS, END)], [dir.join("a/deep/x")]);
  await dir.write("b/file", "1");
  assert.deepEqual([...await folders.next(QUIET_MS, END)], [dir.join("b/file")]);
});

Deno.test("folders: what is told by hand counts, and the signal ends the waiting", async () => {
  using folders = new FolderWatch();
  folders.add("/somewhere");
  assert.deepEqual([...await folders.next(QUIET_MS)], ["/somewhere"]);
  const signal = AbortSignal.timeout(50);
  await assert.rejects(folders.next(QUIET_MS, signal), (error) => error === signal.reason);
});
