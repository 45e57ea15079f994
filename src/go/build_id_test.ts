import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { simpleModule } from "../../test/support/go_module.ts";
import { succeed } from "../../test/support/process.ts";
import { tempDir } from "../../test/support/temp.ts";
import { buildIdOf } from "./build_id.ts";

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
