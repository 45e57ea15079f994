/**
 * Names that are not UTF-8, which the runtime cannot say: whoever would need such a file is told, and
 * nobody else.
 * @module
 */
import assert from "node:assert/strict";
import { goModule, printer } from "../support/go_module.ts";
import { done, kodeno, kodenoCommand, kodenoEnvironment } from "../support/kodeno.ts";
import { outputOf } from "../support/layout.ts";
import { run, succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** Makes a file (`>`) or folder (`mkdir`) whose name `printf` gives. */
async function make(dir: TempDir, folder: string, command: string, name: string): Promise<void> {
  await Deno.mkdir(dir.join(folder), { recursive: true });
  const script = `cd "$1" && ${command} "$(printf '${name}')"`;
  await succeed("sh", ["-c", script, "sh", dir.join(folder)]);
}

/** A run that fails and names the folder. */
async function fails(dir: TempDir, args: readonly string[], message: RegExp): Promise<void> {
  const { code, stdout, stderr } = await kodeno(args, { cwd: dir.path });
  assert.deepEqual([code, stdout], [1, ""], `${args}: ${stderr}`);
  const lines = stderr.trimEnd().split("\n").filter((line) => !/: compiling$/.test(line));
  assert.equal(lines.length, 1, stderr);
  assert.match(lines[0] ?? "", message);
}

const NEXT = /" in it is not UTF-8; rename it$/;
const inFolder = (folder: string, name: string): RegExp =>
  new RegExp(`^Error: Cannot [^:]*${folder}[ :].*the name "${name}${NEXT.source}`);

Deno.test({
  name: "names: one that is not UTF-8 in kodata fails build, deps and watch",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    for (const command of [">", "mkdir"]) {
      await using dir = await tempDir();
      await goModule(dir, "example.com/mod", { "main.go": printer("one") });
      await make(dir, "kodata/sub", command, "caf\\351.txt");
      for (const args of [["build"], ["build", "--no-cache"], ["deps"], ["watch"]]) {
        await fails(dir, args, inFolder("kodata/sub", "caf\\\\xe9.txt"));
      }
    }
  },
});

Deno.test({
  name: "names: globs fail on one that they would match, and pass over others",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using dir = await tempDir();
    await goModule(dir, "example.com/mod", { "main.go": printer("one"), "data/a.txt": "" });
    await make(dir, "data", ">", "caf\\351.txt");
    const deps = (paths: string, ...ignore: string[]) => [
      "deps",
      "--paths",
      paths,
      ...ignore.flatMap((one) => ["--ignore", one]),
    ];
    const failing = ["data", "data/*.txt", "data/**", "**/*.txt", "**", "**/caf?.txt", "data/*"];
    for (const paths of failing) {
      await fails(dir, deps(paths), inFolder("data", "caf\\\\xe9.txt"));
    }
    assert.equal(await done(dir, deps("**/*.go")), "main.go");
    assert.equal(await done(dir, deps("data/a*")), "data/a.txt");
    assert.equal(await done(dir, deps("**/*.txt", "data/caf*")), "data/a.txt");
    // A folder may have anything in it.
    await make(dir, "data", "mkdir", "\\377");
    await fails(dir, deps("**/*.go"), inFolder("data", "\\\\xff"));
    assert.equal(await done(dir, deps("**/*.go", "data")), "main.go");
    assert.equal(await done(dir, deps("*.go")), "main.go");
  },
});

Deno.test({
  name: "names: a Go file of such a name is built, and deps cannot tell it",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using dir = await tempDir();
    await goModule(dir, "example.com/mod", { "main.go": printer("one") });
    await make(dir, ".", "echo package main >", "caf\\351.go");
    await done(dir, ["build"]);
    assert.equal(await outputOf(dir.join("out"), "latest", "mod"), "one dev\n");
    await fails(dir, ["deps"], inFolder(dir.path, "caf\\\\x\\?\\?.go"));
  },
});

Deno.test({
  name: "names: a folder of manifests with one that is not UTF-8 is not read in part",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using dir = await tempDir();
    await dir.write("deploy/a.yaml", "kind: A\n");
    await make(dir, "deploy", ">", "caf\\351.txt");
    await make(dir, "deploy", "mkdir", "\\377");
    assert.match(await done(dir, ["resolve", "-f", "deploy"]), /kind: A/);
    await fails(dir, ["resolve", "-R", "-f", "deploy"], inFolder("deploy", "\\\\xff"));
    await make(dir, "deploy", ">", "caf\\351.yaml");
    await fails(dir, ["resolve", "-f", "deploy"], inFolder("deploy", "caf\\\\xe9.yaml"));
  },
});

Deno.test({
  name:
    "names: a package or a working directory of such a name is no part of what is built in silence",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using dir = await tempDir();
    await goModule(dir, "example.com/mod", { "a/main.go": printer("a") });
    await make(dir, ".", "mkdir", "caf\\351");
    await succeed("sh", ["-c", 'cp "$1"/a/main.go "$1"/caf*', "sh", dir.path]);
    const all = await kodeno(["build", "./..."], { cwd: dir.path });
    assert.equal(all.code, 2, all.stderr);
    assert.match(all.stderr, /^Error: Cannot build ".\/...": .*caf\\xe9": invalid UTF-8$/m);
    const program = kodenoCommand();
    const script = 'cd "$1"/caf* && shift && exec "$@"';
    for (const command of ["build", "deps", "watch"]) {
      const args = ["-c", script, "sh", dir.path, ...program, command];
      const { code, stderr } = await run("sh", args, { env: kodenoEnvironment() });
      assert.deepEqual(
        [code, stderr],
        [
          2,
          "Error: Cannot run in this folder: its path is not UTF-8; rename it, or run kodeno elsewhere\n",
        ],
      );
    }
  },
});
