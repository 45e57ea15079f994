/**
 * Files: where few may be open, small ones as text, and how a failure is told.
 * @module
 */
import assert from "node:assert/strict";
import { run, succeed } from "../../test/support/process.ts";
import { tempDir } from "../../test/support/temp.ts";
import { KodenoError } from "../errors.ts";
import { ioFailure, isNotFound, readSmallText } from "./files.ts";

Deno.test("open files: one that is too many waits for another to be closed", async () => {
  await using dir = await tempDir();
  const module = new URL("files.ts", import.meta.url).href;
  const script = await dir.write(
    "many.ts",
    `import { ioFailure, isOutOfFiles, openWithRetry } from ${JSON.stringify(module)};
    const path = new URL(import.meta.url).pathname;
    const files = [];
    let failed;
    try {
      for (;;) files.push(await Deno.open(path));
    } catch (error) {
      failed = error;
    }
    const last = openWithRetry(path);
    setTimeout(() => files[0].close(), 200);
    (await last).close();
    const wrapped = ioFailure("read it", failed);
    console.log(isOutOfFiles(failed), isOutOfFiles(wrapped), files.length > 1);`,
  );
  const command = `ulimit -n 64; exec '${Deno.execPath()}' run -A --no-check '${script}'`;
  const { code, stdout, stderr } = await run("bash", ["-c", command]);
  assert.deepEqual([code, stdout], [0, "true true true\n"], stderr);
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

async function thrownBy(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  assert.fail("it did not fail");
}

Deno.test("fail: a failed file operation says what to do next", async () => {
  await using dir = await tempDir();
  const file = await dir.write("file", "");
  const cases: (readonly [() => Promise<unknown>, RegExp])[] = [
    [() => Deno.open(dir.join("absent")), /there is no such file$/],
    [() => Deno.open(`${file}/below`), /a part of the path is a file$/],
    [() => Promise.reject(new Error("(os error 13)")), /permission denied; choose another place/],
    [() => Promise.reject(new Error("(os error 130)")), /\(os error 130\)$/],
    [() => Promise.reject(new Error("EROFS: x")), /read-only; choose another place$/],
    [() => Promise.reject("a text"), /a text$/],
  ];
  if (Deno.build.os === "linux") {
    const full = () => Deno.writeTextFile("/dev/full", "x");
    cases.push([full, /no space is left on the disk; free some/]);
  }
  for (const [work, why] of cases) {
    const thrown = await thrownBy(work);
    const error = ioFailure("write it", thrown);
    assert.deepEqual([error.code, error.exitCode, error.cause], ["IO_FAILED", 1, thrown]);
    assert.match(error.message, /^Cannot write it: /);
    assert.match(error.message, why);
  }
  assert.equal(isNotFound(await thrownBy(() => Deno.stat(dir.join("absent")))), true);
  assert.equal(isNotFound(await thrownBy(() => Deno.stat(`${file}/below`))), false);
});

Deno.test("fail: an error that already says so stays as it is", () => {
  const error = new KodenoError("NOT_FOUND", "Cannot find it");
  assert.equal(ioFailure("write it", error), error);
});
