import assert from "node:assert/strict";
import { temporaryPath } from "../io/atomic.ts";
import { failsWith } from "../../test/support/fails.ts";
import { goProxy } from "../../test/support/go_proxy.ts";
import { succeed } from "../../test/support/process.ts";
import { filesBelow, names, tempDir } from "../../test/support/temp.ts";
import { unpackToolchain, zipSum } from "./module_zip.ts";

const MODULE = "golang.org/toolchain@v0.0.1-go1.99.0.linux-amd64";
const ZIP = "proxy/golang.org/toolchain/@v/v0.0.1-go1.99.0.linux-amd64.zip";

Deno.test("module zip: its sum is the one that go finds", async () => {
  await using dir = await tempDir();
  const module = "example.com/m@v1.0.0";
  const env = await goProxy(dir, [[module, { "\u00f6/a.go": "package a\n", "b.txt": "" }]]);
  const told = await succeed("go", ["mod", "download", "-json", module], {
    cwd: dir.path,
    env: { ...Deno.env.toObject(), ...env, GOFLAGS: "-modcacherw" },
  });
  const zip = dir.join("proxy/example.com/m/@v/v1.0.0.zip");
  assert.equal(await zipSum(zip, "it"), JSON.parse(told).Sum);
  // A bit of what is packed: nobody is told that a disk failed.
  const bytes = await Deno.readFile(zip);
  const data = 30 + new DataView(bytes.buffer).getUint16(26, true);
  bytes.fill(0xff, data, data + 4);
  await Deno.writeFile(zip, bytes);
  await failsWith("BAD_CONTENT", () => zipSum(zip, "it"), /^Cannot read it: /);
  await Deno.truncate(zip, 50);
  await failsWith("BAD_CONTENT", () => zipSum(zip, "it"), /^Cannot read it: /);
  await failsWith("IO_FAILED", () => zipSum(dir.join("none.zip"), "it"), /no such file/);
});

Deno.test("module zip: a toolchain is unpacked as go does it, whole or not at all", async () => {
  await using dir = await tempDir();
  await goProxy(dir, [[MODULE, {
    "bin/go": "go",
    "pkg/tool/linux_amd64/link": "link",
    "lib/wasm/go_js_wasm_exec": "exec",
    "src/_go.mod": "module std\n",
    "VERSION": "go1.99.0\n",
  }]]);
  const folder = dir.join("mod", MODULE);
  // No process has such a number.
  const dead = temporaryPath(dir.join("mod/golang.org")).replace(/\d+-\d+\.tmp$/, "4194305-1.tmp");
  await Deno.mkdir(`${dead}/bin`, { recursive: true });
  await unpackToolchain(dir.join(ZIP), MODULE, folder);
  assert.deepEqual(await names(dir.join("mod/golang.org")), [MODULE.replace("golang.org/", "")]);
  assert.deepEqual(await filesBelow(folder), [
    "VERSION",
    "bin/go",
    "go.mod",
    "lib/wasm/go_js_wasm_exec",
    "pkg/tool/linux_amd64/link",
    "src/_go.mod",
    "src/go.mod",
  ]);
  const programs = (await filesBelow(folder)).filter((name) =>
    ((Deno.statSync(`${folder}/${name}`).mode ?? 0) & 0o111) !== 0
  );
  assert.deepEqual(programs, ["bin/go", "lib/wasm/go_js_wasm_exec", "pkg/tool/linux_amd64/link"]);
  // One that is there is left alone.
  await Deno.writeTextFile(`${folder}/VERSION`, "mine");
  await unpackToolchain(dir.join(ZIP), MODULE, folder);
  assert.equal(await Deno.readTextFile(`${folder}/VERSION`), "mine");

  const other = dir.join("other/toolchain");
  const [, ...parts] = MODULE.split("/");
  const unpacking = unpackToolchain(dir.join(ZIP), `else/${parts.join("/")}`, other);
  await failsWith("BAD_CONTENT", () => unpacking, /leads out of it/);
  assert.deepEqual(await names(dir.join("other")), []);
});
