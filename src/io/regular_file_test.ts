/**
 * Small files as text: what is too large or no file is told at once.
 * @module
 */
import assert from "node:assert/strict";
import { succeed } from "../../test/support/process.ts";
import { tempDir } from "../../test/support/temp.ts";
import { readSmallText } from "./regular_file.ts";

Deno.test("regular file: a small text is read, also through a link", async () => {
  await using dir = await tempDir();
  await dir.write("a", "x".repeat(9000));
  await dir.write("empty", "");
  await Deno.symlink(dir.join("a"), dir.join("link"));
  assert.equal(readSmallText(dir.join("link"), 9000), "x".repeat(9000));
  assert.equal(readSmallText(dir.join("empty"), 0), "");
});

Deno.test("regular file: what is too large, no file, or not there is refused at once", async () => {
  await using dir = await tempDir();
  await dir.write("a", "x".repeat(9001));
  assert.throws(() => readSmallText(dir.join("a"), 9000), /^Error: it is larger than 9000 bytes$/);
  assert.throws(() => readSmallText(dir.path, 9), /it is no regular file|EISDIR/);
  assert.throws(() => readSmallText(dir.join("b"), 9), Deno.errors.NotFound);
});

Deno.test({
  name: "regular file: files of the kernel are read, pipes and devices are not waited for",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using dir = await tempDir();
    await succeed("mkfifo", [dir.join("pipe")]);
    assert.match(readSmallText("/proc/self/status", 100_000), /^Pid:/m);
    assert.throws(() => readSmallText(dir.join("pipe"), 9), /it is no regular file/);
    assert.throws(() => readSmallText("/dev/zero", 9), /it is no regular file/);
  },
});
