/**
 * What go tells of modules and of itself before it builds, with the real go; and of a toolchain that is
 * a module, with a program that answers as that would.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { goMod, goModule } from "../../test/support/go_module.ts";
import { goProxy } from "../../test/support/go_proxy.ts";
import { succeed } from "../../test/support/process.ts";
import { tempDir } from "../../test/support/temp.ts";
import { modulesOf, toolchainOf } from "./modules.ts";

const library = { "lib.go": "package lib\n\nconst Word = 1\n" };
const main = (...paths: string[]) =>
  `package main\n\n${paths.map((path) => `import _ "${path}"\n`).join("")}\nfunc main() {}\n`;

Deno.test("modules: of each program its own, by the sums of go.sum, vendored or not", async () => {
  await using dir = await tempDir();
  const own = await goProxy(dir, [
    ["example.com/one@v1.0.0", library],
    ["example.com/two@v0.2.0", {
      "lib.go": 'package lib\n\nimport _ "example.com/one"\n',
      "go.mod": `${goMod("example.com/two")}\nrequire example.com/one v1.0.0\n`,
    }],
  ]);
  await goModule(dir, "example.com/app", {
    "a/main.go": main("example.com/one", "example.com/here"),
    "b/main.go": main("example.com/two"),
    "c/main.go": main("fmt"),
    "here/go.mod": "module example.com/here\n\ngo 1.22\n",
    "here/here.go": "package here\n",
  }, "work");
  const needed = "require example.com/two v0.2.0\nrequire example.com/here v1.0.0\n" +
    "replace example.com/here => ./here\n";
  await Deno.writeTextFile(dir.join("work/go.mod"), needed, { append: true });
  const environment = { ...Deno.env.toObject(), ...own };
  const directory = dir.join("work");
  const go = (...args: string[]) => succeed("go", args, { cwd: directory, env: environment });
  await go("mod", "tidy");
  const command = (await succeed("sh", ["-c", "command -v go"])).trim();
  const how = { command, environment, directory };
  const patterns = ["a", "b", "c"].map((name) => `example.com/app/${name}`);
  const found = async () => {
    const modules = await modulesOf(how, { flags: [], patterns });
    return patterns.map((path) => modules.get(path));
  };
  const text = await Deno.readTextFile(dir.join("work/go.sum"));
  const sum = (path: string) =>
    text.split("\n").find((line) => line.startsWith(`${path} v`) && !line.includes("/go.mod "))
      ?.split(" ")[2];
  const of = (name: string, version: string) => {
    const path = `example.com/${name}`;
    return { asked: { path, version }, path, version, sum: sum(path) };
  };
  const here = { path: "example.com/here", version: "v1.0.0" };
  const expected = [
    [{ asked: here, path: here.path, folder: "./here" }, of("one", "v1.0.0")],
    [of("one", "v1.0.0"), of("two", "v0.2.0")],
    [],
  ];
  assert.match(String(sum("example.com/one")), /^h1:/);
  assert.deepEqual(await found(), expected);
  await go("mod", "vendor");
  assert.deepEqual(await found(), expected);

  await dir.write("work/a/other.go", 'package main\n\nimport _ "example.com/none"\n');
  const offline = { ...how, environment: { ...environment, GOPROXY: "off" } };
  const asking = () => modulesOf(offline, { flags: ["-mod=mod"], patterns });
  await failsWith("GO_FAILED", asking, /^Cannot list the modules of .*:\nexample\.com\/[a-z/]+: /);
});

Deno.test("toolchain: its version, its sum where it is a module, and what shapes programs", async () => {
  await using dir = await tempDir();
  const cache = dir.join("modules");
  const version = "v0.0.1-go1.99.0.linux-arm64";
  const sum = `h1:${"a".repeat(43)}=`;
  await dir.write(`modules/cache/download/golang.org/toolchain/@v/${version}.ziphash`, `${sum}\n`);
  const told = async (GOROOT: string, more: Record<string, string> = {}) => {
    const values = { GOVERSION: "go1.99.0", GOROOT, GOMODCACHE: cache, ...more };
    const script = `#!/bin/sh\necho '${JSON.stringify(values)}'\n`;
    const command = await dir.write("bin/go", script);
    await Deno.chmod(command, 0o755);
    return await toolchainOf({ command, environment: { GOARCH: "arm64" }, directory: dir.path });
  };
  const plain = { version: "go1.99.0", settings: {} };
  const root = `${cache}/golang.org/toolchain@${version}`;
  assert.deepEqual(await told(root), { ...plain, sums: { "linux/arm64": sum } });
  assert.deepEqual(await told(`${root}x`), { ...plain, sums: {} });
  assert.deepEqual(await told("/usr/local/go"), { ...plain, sums: {} });
  const shaping = { CGO_ENABLED: "1", GOARM64: "v8.0", GOEXPERIMENT: "", GOFIPS140: "off" };
  const flags = { GOFLAGS: "-mod=mod -modcacherw -p=2 -tags=x -trimpath" };
  assert.deepEqual((await told("/usr/local/go", { ...shaping, ...flags })).settings, {
    CGO_ENABLED: "1",
    GOARM64: "v8.0",
    GOFLAGS: "-tags=x -trimpath",
  });
  await Deno.remove(dir.join(`modules/cache/download/golang.org/toolchain/@v/${version}.ziphash`));
  assert.deepEqual((await told(root)).sums, {});
});
