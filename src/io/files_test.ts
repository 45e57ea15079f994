/**
 * Files: where few may be open, and small ones as text.
 * @module
 */
import assert from "node:assert/strict";
import { run, succeed } from "../../test/support/process.ts";
import { tempDir } from "../../test/support/temp.ts";
import { readSmallText } from "./files.ts";

Deno.test("open files: one that is too many waits for another to be closed", async () => {
  await using dir = await tempDir();
  const script = await dir.write(
    "many.ts",
    `import { openPatiently } from ${JSON.stringify(new URL("files.ts", import.meta.url).href)};
    const path = new URL(import.meta.url).pathname;
    const files = [];
    let failed;
    try {
      for (;;) files.push(await Deno.open(path));
    } catch (error) {
      failed = error;
    }
    const last = openPatiently(path);
    setTimeout(() => files[0].close(), 200);
    (await last).close();
    console.log(/os error 24/.test(failed.message), files.length > 1);`,
  );
  const command = `ulimit -n 64; exec '${Deno.execPath()}' run -A --no-check '${script}'`;
  const { code, stdout, stderr } = await run("bash", ["-c", command]);
  assert.deepEqual([code, stdout], [0, "true true\n"], stderr);
});

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
