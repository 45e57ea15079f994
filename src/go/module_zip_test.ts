import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { goProxy } from "../../test/support/go_proxy.ts";
import { succeed } from "../../test/support/process.ts";
import { filesBelow, tempDir } from "../../test/support/temp.ts";
import { isUnpacked, unpackToolchain, zipSum } from "./module_zip.ts";

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

Deno.test("module zip: a toolchain is unpacked as go does it, and damage to that is found", async () => {
  await using dir = await tempDir();
  await goProxy(dir, [[MODULE, {
    "bin/go": "go",
    "pkg/tool/linux_amd64/link": "link",
    "lib/wasm/go_js_wasm_exec": "exec",
    "src/_go.mod": "module std\n",
    "VERSION": "go1.99.0\n",
  }]]);
  const folder = dir.join("mod", MODULE);
  const zip = { path: dir.join(ZIP), module: MODULE };
  assert.equal(await isUnpacked(zip, folder), false);
  await unpackToolchain(zip, folder);
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
  assert.equal(await isUnpacked(zip, folder), true);
  for (const name of await filesBelow(folder)) {
    const file = `${folder}/${name}`;
    const bytes = await Deno.readFile(file);
    await Deno.truncate(file, 1);
    assert.equal(await isUnpacked(zip, folder), false, name);
    await Deno.writeFile(file, bytes);
  }
  await Deno.writeTextFile(`${folder}/VERSION`, "go1.98.0\n");
  assert.equal(await isUnpacked(zip, folder), false);

  const [, ...parts] = MODULE.split("/");
  const other = { ...zip, module: `else/${parts.join("/")}` };
  const unpacking = unpackToolchain(other, dir.join("other"));
  await failsWith("BAD_CONTENT", () => unpacking, /leads out of it/);
});
