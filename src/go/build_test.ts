/**
 * Arguments of the go command, ko's flags in ko's order; and the build ID of what go made.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { simpleModule } from "../../test/support/go_module.ts";
import { succeed } from "../../test/support/process.ts";
import { tempDir } from "../../test/support/temp.ts";
import { buildArguments, buildFlags, buildIdOf, type GoFlags } from "./build.ts";
import { listArguments } from "./list.ts";

const NONE: GoFlags = {
  flags: [],
  ldflags: [],
  gcflags: [],
  asmflags: [],
  disableOptimizations: false,
  trimpath: false,
};

Deno.test("arguments: flags of go build", () => {
  const cases: readonly (readonly [Partial<GoFlags>, readonly string[]])[] = [
    [{}, []],
    [{ trimpath: true }, ["-trimpath"]],
    [{ flags: ["-tags", "a b"], trimpath: true }, ["-tags", "a b", "-trimpath"]],
    [{ ldflags: ["-s", "-w", "-X main.v=1 2"] }, ["-ldflags=-s -w -X main.v=1 2"]],
    [{ gcflags: ["-m"] }, ["-gcflags=-m"]],
    [{ gcflags: ["all=-m", "-l"] }, ["-gcflags=all=-m -l"]],
    [{ asmflags: ["-D", "X"] }, ["-asmflags=-D X"]],
    [{ disableOptimizations: true }, ["-gcflags=all=-N -l"]],
    [{ disableOptimizations: true, gcflags: ["-m"] }, ["-gcflags=all=-N -l -m"]],
    [{ ldflags: ["-s"], asmflags: ["-a"], gcflags: ["-m"], trimpath: true, flags: ["-v"] }, [
      "-v",
      "-trimpath",
      "-gcflags=-m",
      "-asmflags=-a",
      "-ldflags=-s",
    ]],
  ];
  for (const [go, expected] of cases) assert.deepEqual(buildFlags({ ...NONE, ...go }), expected);
});

Deno.test("arguments: one go build makes all binaries of a group in a folder", () => {
  const group = {
    binaries: [{ importPath: "m/a", file: "a" }, { importPath: "m/b", file: "b" }],
    go: { ...NONE, flags: ["-v"] },
  };
  const found = buildArguments(group, "/out/dir");
  assert.deepEqual(found, ["build", "-v", "-o", "/out/dir/", "m/a", "m/b"]);
});

Deno.test("arguments: go list sees the files that go build will see", () => {
  const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
    [[], []],
    [["-v", "-race", "-p=4"], []],
    [["-tags=a,b", "-v"], ["-tags=a,b"]],
    [["--tags=a\nb"], ["--tags=a\nb"]],
    [["-tags", "a b", "-v"], ["-tags", "a b"]],
    [["-v", "-mod", "vendor", "-modfile=x.mod"], ["-mod", "vendor", "-modfile=x.mod"]],
    [["-overlay", "o.json"], ["-overlay", "o.json"]],
    // Without its value it is for go build to refuse.
    [["-v", "-tags"], []],
    [["-ldflags=-tags=x", "-modcacherw"], []],
  ];
  for (const [flags, expected] of cases) {
    const query = { more: ["-find"], fields: ["Name", "Dir"], flags, patterns: ["./a", "-x"] };
    const found = listArguments(query);
    const end = found.indexOf("--");
    assert.deepEqual(found.slice(0, 4), ["list", "-e", "-find", "-json=Name,Dir"]);
    assert.deepEqual(found.slice(4, end), expected);
    // A pattern is no flag, whatever it begins with.
    assert.deepEqual(found.slice(end), ["--", "./a", "-x"]);
  }
});

Deno.test("build id: is the one that go reads, and none where flags leave it out", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const env = { ...Deno.env.toObject(), GOWORK: "off", GOFLAGS: "", CGO_ENABLED: "0" };
  const build = async (name: string, ...args: string[]) => {
    const path = dir.join(name);
    await succeed("go", ["build", "-o", path, ...args, "."], { cwd: dir.path, env });
    return path;
  };
  const path = await build("first");
  assert.equal(await buildIdOf(path), (await succeed("go", ["tool", "buildid", path])).trim());
  for (const flag of ["-ldflags=-buildid=", "-ldflags=-buildid=a/b/c/d"]) {
    assert.equal(await buildIdOf(await build("none", flag)), undefined);
  }
});

Deno.test("build id: other files have none", async () => {
  await using dir = await tempDir();
  for (const content of ["", "x", "a/b/c/d", "y".repeat(70_000)]) {
    assert.equal(await buildIdOf(await dir.write("file", content)), undefined);
  }
  await failsWith("IO_FAILED", () => buildIdOf(dir.join("absent")), /there is no such file/);
});
