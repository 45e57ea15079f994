/**
 * What names the content of a binary, against `go tool buildid`.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { simpleModule } from "../../test/support/go_module.ts";
import { succeed } from "../../test/support/process.ts";
import { tempDir } from "../../test/support/temp.ts";
import { digestOf } from "../io/hash.ts";
import { binaryContent } from "./build_id.ts";

Deno.test("build id: is the one that go reads, and another one for another program", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const env = { ...Deno.env.toObject(), GOWORK: "off", GOFLAGS: "", CGO_ENABLED: "0" };
  const build = async (name: string, ...args: string[]) => {
    const path = dir.join(name);
    await succeed("go", ["build", "-o", path, ...args, "."], { cwd: dir.path, env });
    const { size, id } = await binaryContent(path);
    assert.equal(size, (await Deno.stat(path)).size);
    return { path, id };
  };
  const first = await build("first");
  assert.equal(first.id, (await succeed("go", ["tool", "buildid", first.path])).trim());
  const other = await build("other", "-ldflags=-X main.version=2");
  assert.equal(other.id, (await succeed("go", ["tool", "buildid", other.path])).trim());
  assert.notEqual(other.id, first.id);

  // go touches a binary without changing it.
  await Deno.utime(first.path, 1, 1);
  assert.equal((await binaryContent(first.path)).id, first.id);

  const none = await build("none", "-ldflags=-buildid=");
  assert.equal(none.id, digestOf(await Deno.readFile(none.path)));
});

Deno.test("build id: any other file is named by its bytes", async () => {
  await using dir = await tempDir();
  for (const content of ["", "x", "a/b/c/d", "y".repeat(70_000)]) {
    const found = await binaryContent(await dir.write("file", content));
    assert.deepEqual(found, { size: content.length, id: digestOf(content) });
  }
  await failsWith("IO_FAILED", () => binaryContent(dir.join("absent")), /there is no such file/);
});
