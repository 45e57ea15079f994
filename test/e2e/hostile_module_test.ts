/**
 * Go modules whose files have names that shells, tables and terminals trip over: what Go builds, kodeno
 * builds, with every file of kodata in the image; what Go refuses is one clear error.
 * @module
 */
import assert from "node:assert/strict";
import { printer } from "../support/go_module.ts";
import { kodeno } from "../support/kodeno.ts";
import { fileOf, outputOf } from "../support/layout.ts";
import { tempDir } from "../support/temp.ts";

const NAMES = [
  "new\nline",
  "-rf",
  "--help",
  "quo'te\"s",
  "$(touch pwned)`touch pwned`",
  "tab\tbell\x07",
  "back\\slash",
  "%s%n",
  "..hidden",
  " blank ",
  "*",
  "@file",
  "\u202egpj.exe",
  "-d\n/sub dir/-x",
];

Deno.test("hostile module: every file of kodata is in the image, under its own name", async () => {
  await using dir = await tempDir();
  const module = "-mod ule'\"x;y";
  const main = `import _ "embed"

//go:embed data
var data string

func init() { syscall.Write(1, []byte(data)) }
`;
  const program = printer("it runs").replace('import "syscall"\n', 'import "syscall"\n' + main);
  await dir.write(`${module}/go.mod`, "module example.com/app\n\ngo 1.22\n");
  await dir.write(`${module}/main.go`, program);
  await dir.write(`${module}/a b\n.go`, "package main\n");
  await dir.write(`${module}/data`, "data: ");
  for (const name of NAMES) await dir.write(`${module}/kodata/${name}`, `content of ${name}`);
  await Deno.symlink("new\nline", dir.join(module, "kodata", "link\n"));
  const cwd = dir.join(module);

  const built = await kodeno(["build", "--oci-layout", dir.join("out")], { cwd });
  assert.equal(built.code, 0, built.stderr);
  assert.equal(await outputOf(dir.join("out"), "latest"), "data: it runs dev\n");
  for (const name of NAMES) {
    const bytes = await fileOf(dir.join("out"), "latest", `var/run/ko/${name}`);
    assert.equal(new TextDecoder().decode(bytes), `content of ${name}`);
  }
  const link = await fileOf(dir.join("out"), "latest", "var/run/ko/link\n");
  assert.equal(new TextDecoder().decode(link), "content of new\nline");
  assert.ok(!(await dir.list(module)).includes("pwned"));

  const { stdout: json } = await kodeno(["deps", "--json"], { cwd });
  const files: string[] = JSON.parse(json);
  const wanted = [...NAMES, "link\n"].map((name) => `kodata/${name}`);
  assert.deepEqual([...wanted, "a b\n.go", "data", "go.mod", "main.go"].sort(), files.sort());
  // One line each, for those who read lines.
  const { stdout: lines } = await kodeno(["deps"], { cwd });
  assert.equal(lines.trimEnd().split("\n").length, files.length);
  assert.ok(lines.split("\n").includes("kodata/new\\u000aline"));
});

Deno.test("hostile module: names that Go refuses are one error each", async () => {
  await using dir = await tempDir();
  await dir.write("go.mod", "module example.com/app\n\ngo 1.22\n");
  for (const folder of ["-dash", "sp ace", "new\nline", "quo'te", "$(touch pwned)"]) {
    await dir.write(`${folder}/main.go`, printer("hello"));
    const { code, stdout, stderr } = await kodeno(["build", `./${folder}`], { cwd: dir.path });
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.match(stderr, /^Error: Cannot [^\n]+\n$/);
  }
  await dir.write("-file.go", printer("hello"));
  const file = await kodeno(["build", "."], { cwd: dir.path });
  assert.deepEqual([file.code, file.stdout], [1, ""], file.stderr);
  assert.match(file.stderr, /invalid input file name "-file\.go"/);
  await dir.write("new\nline/go.mod", "module example.com/other\n\ngo 1.22\n");
  const inside = await kodeno(["build", "."], { cwd: dir.join("new\nline") });
  assert.deepEqual([inside.code, inside.stdout], [1, ""], inside.stderr);
  assert.match(inside.stderr, /invalid package directory/);
  assert.ok(!(await dir.list()).includes("pwned"));
});
