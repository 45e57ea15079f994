/**
 * What can be named on the command line: import paths, folders and patterns, and which images come
 * of them.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { goMod, goModule, printer } from "../support/go_module.ts";
import { kodeno } from "../support/kodeno.ts";
import { assertClean, configOf, digestIn, outputOf } from "../support/layout.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** Builds, and gives the printed references without their digests, and the whole lines. */
async function build(
  dir: TempDir,
  patterns: readonly string[],
  folder = ".",
): Promise<{ names: string[]; lines: string[]; out: string }> {
  const args = ["build", ...patterns, "--oci-layout", dir.join("out"), "--base-image=scratch"];
  const { code, stdout, stderr } = await kodeno(args, { cwd: dir.join(folder) });
  assert.equal(code, 0, stderr);
  const lines = stdout.trimEnd().split("\n");
  return { names: lines.map((line) => line.split(":")[0] ?? ""), lines, out: dir.join("out") };
}

const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

/** A module with two programs and a library. */
async function twoPrograms(): Promise<TempDir> {
  const dir = await tempDir();
  await goModule(dir, "example.com/mod", {
    "cmd/api/main.go": printer("api"),
    "cmd/worker/main.go": printer("worker"),
    "cmd/internal/lib/lib.go": "package lib\n",
  });
  return dir;
}

const PATTERNS: readonly (readonly [string[], string[]])[] = [
  [["example.com/mod/cmd/api"], ["api"]],
  [["ko://example.com/mod/cmd/api"], ["api"]],
  [["./cmd/worker"], ["worker"]],
  [["./cmd/worker/"], ["worker"]],
  [["cmd/worker"], ["worker"]],
  [["./..."], ["api", "worker"]],
  [["example.com/mod/..."], ["api", "worker"]],
  [["./cmd/w..."], ["worker"]],
  [["./cmd/worker", "ko://example.com/mod/cmd/api"], ["worker", "api"]],
  [["./cmd/api", "example.com/mod/cmd/api", "./..."], ["api", "worker"]],
];

for (const [patterns, expected] of PATTERNS) {
  Deno.test(`patterns: ${patterns.join(" ")} gives ${expected.join(" and ")}`, async () => {
    await using dir = await twoPrograms();
    const { names, lines, out } = await build(dir, patterns);
    assert.deepEqual(names, expected);
    for (const [i, name] of names.entries()) {
      assert.equal(await outputOf(out, digestIn(lines[i] ?? ""), name), `${name} dev\n`);
    }
  });
}

Deno.test("patterns: an absolute folder, and one above the working directory", async () => {
  await using dir = await twoPrograms();
  assert.deepEqual((await build(dir, [dir.join("cmd/api")], "cmd")).names, ["api"]);
  assert.deepEqual((await build(dir, ["../api"], "cmd/worker")).names, ["api"]);
  assert.deepEqual((await build(dir, [], "cmd/worker")).names, ["worker"]);
});

Deno.test("patterns: a folder that is a module of its own is built in that module", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/outer", { "main.go": printer("outer") });
  await goModule(dir, "example.com/inner", { "main.go": printer("inner") }, "tools/inner");
  await dir.write("tools/inner/sub/main.go", printer("sub"));
  const { names, lines, out } = await build(dir, ["tools/inner", "./tools/inner/...", "."]);
  assert.deepEqual(names, ["inner", "sub", "outer"]);
  for (const [i, name] of names.entries()) {
    assert.equal(await outputOf(out, digestIn(lines[i] ?? ""), name), `${name} dev\n`);
  }
});

Deno.test("patterns: from a folder without a module, a module below can be named", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/inner", { "main.go": printer("inner") }, "inner");
  assert.deepEqual((await build(dir, ["./inner"])).names, ["inner"]);
});

Deno.test("patterns: modules of a workspace are built together", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/one", { "main.go": printer("one") }, "one");
  await goModule(dir, "example.com/two", { "main.go": printer("two") }, "two");
  await dir.write("go.work", "go 1.22\n\nuse (\n\t./one\n\t./two\n)\n");
  assert.deepEqual((await build(dir, ["./one", "example.com/two"])).names, ["one", "two"]);
});

Deno.test("patterns: programs of one base name get ko's hash, and each its own binary", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/mod", {
    "a/server/main.go": printer("server of a"),
    "b/server/main.go": printer("server of b"),
    "b/server/kodata/b.txt": "b",
    "c/other/main.go": printer("other"),
  });
  const { names, lines, out } = await build(dir, ["./..."]);
  assert.deepEqual(names, [
    `server-${md5("example.com/mod/a/server")}`,
    `server-${md5("example.com/mod/b/server")}`,
    "other",
  ]);
  const outputs = [];
  for (const [i, name] of ["server", "server", "other"].entries()) {
    outputs.push(await outputOf(out, digestIn(lines[i] ?? ""), name));
  }
  assert.deepEqual(outputs, ["server of a dev\n", "server of b dev\n", "other dev\n"]);
  await assertClean(out);
});

Deno.test("patterns: a program whose path ends in a major version is named by it, as in ko", async () => {
  await using dir = await tempDir();
  await dir.write("go.mod", goMod("example.com/tool/v2"));
  await dir.write("main.go", printer("tool"));
  const { names, lines, out } = await build(dir, ["."]);
  assert.deepEqual(names, ["v2"]);
  const digest = digestIn(lines[0] ?? "");
  assert.deepEqual((await configOf(out, digest)).config?.Entrypoint, ["/ko-app/v2"]);
  assert.equal(await outputOf(out, digest, "v2"), "tool dev\n");
});

Deno.test("patterns: slashes that say nothing are taken off, as in ko", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/mod", { "cmd/a/main.go": printer("a") });
  await dir.write(".ko.yaml", "builds:\n- main: ./cmd//a/\n  labels: {found: it}\n");
  for (const pattern of ["./cmd/a/", "example.com/mod/cmd/a/", "ko://example.com//mod//cmd/a"]) {
    const { names, lines, out } = await build(dir, [pattern]);
    assert.deepEqual(names, ["a"], pattern);
    assert.deepEqual((await configOf(out, digestIn(lines[0] ?? ""))).config?.Labels, {
      found: "it",
    });
  }
});
