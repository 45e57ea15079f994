/**
 * `kodeno deps` and `kodeno sync` with real modules: the files that are listed shape the image, and
 * no others do.
 * @module
 */
import assert from "node:assert/strict";
import { isAbsolute } from "node:path";
import { compileGlob } from "../../src/io/globs.ts";
import { assertFails } from "../support/failure.ts";
import { goMod, goModule, printer, simpleModule } from "../support/go_module.ts";
import { kodeno } from "../support/kodeno.ts";
import { filesBelow, type TempDir, tempDir } from "../support/temp.ts";

type Env = Readonly<Record<string, string>>;

/** What `kodeno deps` lists. */
async function listed(dir: TempDir, args: readonly string[], env: Env = {}): Promise<string[]> {
  const { code, stdout, stderr } = await kodeno(["deps", ...args], { cwd: dir.path, env });
  assert.equal(code, 0, stderr);
  return stdout.split("\n").filter((line) => line !== "");
}

const LINKED = "shared/h.txt";

/** A module with a file of every kind that shapes an image, and with some that do not. */
async function richModule(): Promise<TempDir> {
  const dir = await tempDir();
  await goModule(dir, "example.com/rich", {
    "cmd/app/main.go": `package main

import (
	"example.com/local"
	"example.com/rich/asm"
	"example.com/rich/data"
)

func main() { print(local.Name, data.Text, asm.Answer()) }
`,
    "cmd/app/kodata/a.txt": "a",
    "cmd/app/kodata/sub/b.txt": "b",
    "cmd/app/main_test.go": "package main\n",
    "cmd/other/main.go": printer("other"),
    "asm/asm.go": "package asm\n\nfunc Answer() int\n",
    "asm/asm_amd64.s":
      '#include "textflag.h"\n#include "value.h"\nTEXT \u00b7Answer(SB),NOSPLIT,$0-8\n' +
      "\tMOVQ $VALUE, AX\n\tMOVQ AX, ret+0(FP)\n\tRET\n",
    "asm/asm_arm64.s":
      '#include "textflag.h"\n#include "value.h"\nTEXT \u00b7Answer(SB),NOSPLIT,$0-8\n' +
      "\tMOVD $VALUE, R0\n\tMOVD R0, ret+0(FP)\n\tRET\n",
    "asm/value.h": "#define VALUE 42\n",
    "data/data.go": `package data

import "embed"

//go:embed text/*.txt
var files embed.FS

var Text = read()
`,
    "data/read.go":
      'package data\n\nfunc read() string {\n\ttext, _ := files.ReadFile("text/a.txt")\n\treturn string(text)\n}\n',
    "data/read_windows.go": "package data\n\nvar windows = true\n",
    "data/tagged.go": "//go:build special\n\npackage data\n\nvar special = true\n",
    "data/text/a.txt": "embedded",
    "data/text/b.md": "not embedded",
    "local/go.mod": goMod("example.com/local"),
    "local/local.go": 'package local\n\nconst Name = "local"\n',
    "unused/unused.go": "package unused\n",
    "README.md": "# Rich\n",
    [LINKED]: "linked",
    ".ko.yaml": "defaultLdflags: [-s]\n",
  });
  await dir.write(
    "go.mod",
    `${goMod("example.com/rich")}\nrequire example.com/local v0.0.0\n\n` +
      "replace example.com/local => ./local\n",
  );
  await Deno.mkdir(dir.join(".git"));
  await Deno.symlink(`../../../${LINKED}`, dir.join("cmd/app/kodata/link.txt"));
  return dir;
}

const RICH = [
  ".ko.yaml",
  "asm/asm.go",
  "asm/asm_amd64.s",
  "asm/value.h",
  "cmd/app/kodata/a.txt",
  "cmd/app/kodata/link.txt",
  "cmd/app/kodata/sub/b.txt",
  "cmd/app/main.go",
  "data/data.go",
  "data/read.go",
  "data/text/a.txt",
  "go.mod",
  "local/go.mod",
  "local/local.go",
  LINKED,
];

Deno.test("deps: each file that is listed shapes the image, and no other one does", async () => {
  await using dir = await richModule();
  const files = await listed(dir, ["./cmd/app"]);
  assert.deepEqual(files, RICH);
  const env = { KODENO_CACHE: dir.join(".cache") };
  const image = async (): Promise<string> => {
    const args = ["build", "./cmd/app", "--oci-layout", "out"];
    const { code, stdout } = await kodeno(args, { cwd: dir.path, env });
    return code === 0 ? stdout : "failed";
  };
  const before = await image();
  assert.match(before, /^app:latest@sha256:/);
  const all = (await filesBelow(dir.path)).filter((name) => !/^(out|\.cache)\//.test(name));
  assert.ok(all.length > RICH.length + 6, `${all}`);
  for (const name of all) {
    const path = await Deno.realPath(dir.join(name));
    const content = await Deno.readFile(path);
    await Deno.writeTextFile(path, "\n)broken(\n", { append: true });
    const after = await image();
    assert.equal(after !== before, files.includes(name), `${name}: ${after}`);
    await Deno.writeFile(path, content);
  }
  assert.equal(await image(), before);
});

Deno.test("deps: JSON is one array of the same paths, all of them relative", async () => {
  await using dir = await richModule();
  const { stdout } = await kodeno(["deps", "--json", "./cmd/app"], { cwd: dir.path });
  const paths = JSON.parse(stdout) as string[];
  assert.deepEqual(paths, RICH);
  assert.equal(stdout.trim().split("\n").length, 1);
  assert.ok(!paths.some(isAbsolute));
  // From another folder of the module, as for an artifact whose context that is.
  const inner = await kodeno(["deps"], { cwd: dir.join("cmd/app") });
  const expected = RICH.filter((name) => name !== ".ko.yaml").map((name) =>
    name.startsWith("cmd/app/") ? name.slice("cmd/app/".length) : `../../${name}`
  );
  assert.deepEqual(inner.stdout.trim().split("\n"), expected.sort());
});

Deno.test("deps: the files of all platforms that are built, and of no other", async () => {
  await using dir = await richModule();
  const both = await listed(dir, ["./cmd/app", "--platform", "linux/amd64,linux/arm64"]);
  assert.deepEqual(both, [...RICH, "asm/asm_arm64.s"].sort());
  const arm = await listed(dir, ["./cmd/app", "--platform=linux/arm64"]);
  assert.deepEqual(arm, both.filter((name) => name !== "asm/asm_amd64.s"));
  const tagged = await listed(dir, ["./cmd/app", "--flags=-tags=special"]);
  assert.deepEqual(tagged, [...RICH, "data/tagged.go"].sort());
  const env = { GOFLAGS: "-tags=special" };
  assert.deepEqual(await listed(dir, ["./cmd/app"], env), tagged);
});

Deno.test("deps: of several programs, and of one that .ko.yaml has settings for", async () => {
  await using dir = await richModule();
  const two = [...RICH, "cmd/other/main.go"].sort();
  assert.deepEqual(await listed(dir, ["./cmd/app", "./cmd/other"]), two);
  assert.deepEqual(await listed(dir, ["./..."]), two);
  const other = [".ko.yaml", "cmd/other/main.go", "go.mod", "local/go.mod"];
  assert.deepEqual(await listed(dir, ["./cmd/other"]), other);
  await dir.write(
    ".ko.yaml",
    'builds:\n  - main: ./cmd/app\n    flags: ["-tags={{.Env.TAG}}"]\n' +
      '    ldflags: ["-X main.v={{.Env.ONLY_SET_LATER}}"]\n',
  );
  const env = { TAG: "special" };
  assert.deepEqual(await listed(dir, ["./..."], env), [...two, "data/tagged.go"].sort());
  assert.deepEqual(await listed(dir, ["./cmd/other"], env), other);
  await dir.write("conf/my.yaml", "");
  const named = await listed(dir, ["./cmd/other"], { KO_CONFIG_PATH: "conf/my.yaml" });
  assert.deepEqual(named, ["cmd/other/main.go", "conf/my.yaml", "go.mod", "local/go.mod"]);
});

Deno.test("deps: a workspace, vendored packages, a profile, an overlay and another go.mod", async (t) => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/app", {
    "main.go": 'package main\n\nimport "example.com/lib"\n\nfunc main() { print(lib.Name) }\n',
  }, "app");
  await goModule(dir, "example.com/lib", {
    "lib.go": 'package lib\n\nconst Name = "lib"\n',
  }, "lib");
  await dir.write("go.work", "go 1.22\n\nuse (\n\t./app\n\t./lib\n)\n");
  await t.step("workspace", async () => {
    const files = ["app/go.mod", "app/main.go", "go.work", "lib/go.mod", "lib/lib.go"];
    assert.deepEqual(await listed(dir, ["./app"]), files);
    await dir.write("go.work.sum", "");
    assert.deepEqual(await listed(dir, ["./app"]), [...files, "go.work.sum"].sort());
  });
  await t.step("vendored", async () => {
    await Deno.remove(dir.join("go.work"));
    const mod = `${goMod("example.com/app")}\nrequire example.com/lib v1.0.0\n`;
    await dir.write("app/go.mod", mod);
    const lib = "package lib\n\nconst Name = 1\n";
    await dir.write("app/vendor/example.com/lib/lib.go", lib);
    await dir.write(
      "app/vendor/modules.txt",
      "# example.com/lib v1.0.0\n## explicit; go 1.22\nexample.com/lib\n",
    );
    const vendored = ["vendor/example.com/lib/lib.go", "vendor/modules.txt"];
    await using app = { path: dir.join("app"), [Symbol.asyncDispose]: async () => {} } as TempDir;
    assert.deepEqual(await listed(app, []), ["go.mod", "main.go", ...vendored]);
    await dir.write("app/default.pgo", "");
    assert.deepEqual(await listed(app, []), ["default.pgo", "go.mod", "main.go", ...vendored]);
    assert.deepEqual(await listed(app, ["--flags=-pgo=off"]), ["go.mod", "main.go", ...vendored]);
    await Deno.remove(dir.join("app/default.pgo"));
  });
  await t.step("overlay and modfile", async () => {
    await dir.write(
      "app/alt.mod",
      `${goMod("example.com/app")}\nreplace example.com/lib => ../lib\n`,
    );
    await dir.write("app/alt.sum", "");
    await dir.write("app/fake.go", "package main\n\nfunc main() {}\n");
    await dir.write("app/overlay.json", '{"Replace": {"main.go": "fake.go"}}');
    const flags = "--flags=-mod=mod -modfile=alt.mod -overlay=overlay.json";
    await using app = { path: dir.join("app"), [Symbol.asyncDispose]: async () => {} } as TempDir;
    const files = ["../lib/go.mod", "alt.mod", "alt.sum", "fake.go", "main.go", "overlay.json"];
    assert.deepEqual(await listed(app, [flags]), files);
  });
});

Deno.test("deps: cgo sources count where cgo is on", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/app", {
    "main.go": printer("hello"),
    "cgo.go": 'package main\n\n// #include "x.h"\nimport "C"\n',
    "x.c": "",
    "x.h": "",
  });
  assert.deepEqual(await listed(dir, []), ["go.mod", "main.go", "x.h"]);
  const files = await listed(dir, ["--env", "CGO_ENABLED=1"]);
  assert.deepEqual(files, ["cgo.go", "go.mod", "main.go", "x.c", "x.h"]);
});

Deno.test("deps: code that does not compile is listed nevertheless, with a word about it", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  await dir.write("broken.go", "pakage main\n");
  await dir.write("absent.go", 'package main\n\nimport _ "example.com/app/absent"\n');
  const { code, stdout, stderr } = await kodeno(["deps"], { cwd: dir.path });
  assert.equal(code, 0);
  assert.deepEqual(stdout.trim().split("\n"), ["absent.go", "broken.go", "go.mod", "main.go"]);
  assert.match(stderr, /^go cannot read all packages: example.com\/app: expected 'package'/m);
});

Deno.test("deps: --paths and --ignore are Skaffold's", async () => {
  await using dir = await richModule();
  const ignored = await listed(dir, ["./cmd/app", "--ignore=asm", "--ignore", "**/*.txt"]);
  const rest = RICH.filter((name) => !name.startsWith("asm/") && !name.endsWith(".txt"));
  assert.deepEqual(ignored, rest);
  assert.deepEqual(await listed(dir, ["--paths=go.mod", "--paths=*/*.go"]), [
    "asm/asm.go",
    "data/data.go",
    "data/read.go",
    "data/read_windows.go",
    "data/tagged.go",
    "go.mod",
    "local/local.go",
    "unused/unused.go",
  ]);
  await assertFails(dir, ["deps", "--paths", "**.go"], {
    code: 2,
    message: /^Cannot list files of "\*\*\.go": it matches nothing in .*as in "\*\*\/\*\.go"$/,
  });
  await assertFails(dir, ["deps", "--ignore", "[a"], { code: 2, message: /a "\[" is not closed/ });
});

Deno.test("deps: what is no program is refused in one line", async () => {
  await using dir = await richModule();
  await assertFails(dir, ["deps", "./data"], { code: 2, message: /is not main but data/ });
  await assertFails(dir, ["deps", "./absent"], { code: 2, message: /there is no such folder/ });
  await Deno.remove(dir.join(LINKED));
  await assertFails(dir, ["deps", "./cmd/app"], { code: 1, message: /is a link to nothing/ });
});

Deno.test("sync: one rule for the kodata of each image, which matches its files", async () => {
  await using dir = await richModule();
  const yaml = await kodeno(["sync", "./cmd/..."], { cwd: dir.path });
  assert.equal(yaml.code, 0, yaml.stderr);
  assert.equal(
    yaml.stdout,
    `# example.com/rich/cmd/app
sync:
  manual:
    - src: cmd/app/kodata/**/*
      dest: /var/run/ko
      strip: cmd/app/kodata/
`,
  );
  assert.match(
    yaml.stderr,
    /^example.com\/rich\/cmd\/other has no kodata; there is nothing to sync$/m,
  );
  const { stdout } = await kodeno(["sync", "--json", "./cmd/app"], { cwd: dir.path });
  const [{ importPath, sync: { manual: [{ src, dest, strip }] } }] = JSON.parse(stdout);
  assert.equal(importPath, "example.com/rich/cmd/app");
  // As Skaffold goes about it: what matches goes to `dest` and the path less `strip`.
  const files = RICH.filter(compileGlob(src)).map((path) => `${dest}/${path.replace(strip, "")}`);
  assert.deepEqual(files, ["a.txt", "link.txt", "sub/b.txt"].map((name) => `/var/run/ko/${name}`));
});
