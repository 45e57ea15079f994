/**
 * Files: where few may be open, small ones as text, and what appears whole or not at all.
 * @module
 */
import assert from "node:assert/strict";
import { run, succeed } from "../../test/support/process.ts";
import { tempDir } from "../../test/support/temp.ts";
import { KodenoError } from "../errors.ts";
import {
  ioFailure,
  isNotFound,
  readSmallText,
  removeStaleTemporaries,
  temporaryPath,
  writeAll,
  writeAtomically,
} from "./files.ts";

Deno.test("open files: one that is too many waits for another to be closed", async () => {
  await using dir = await tempDir();
  const module = new URL("files.ts", import.meta.url).href;
  const script = await dir.write(
    "many.ts",
    `import { ioFailure, isOutOfFiles, openPatiently } from ${JSON.stringify(module)};
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

const PARTS = /^\.kodeno-(.+)-(\d+)-(\d+)\.tmp$/;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

Deno.test("atomic: a file is there when all of it is", async () => {
  await using dir = await tempDir();
  const path = dir.join("file");
  const during: string[][] = [];
  const result = await writeAtomically(path, dir.path, async (file) => {
    await file.write(bytes("half"));
    during.push(await dir.list());
    await file.write(bytes(" and half"));
    return 7;
  });
  assert.equal(result, 7);
  assert.equal(during[0]?.length, 1);
  assert.notEqual(during[0]?.[0], "file");
  assert.deepEqual(await dir.list(), ["file"]);
  assert.equal(await Deno.readTextFile(path), "half and half");
  await writeAtomically(path, dir.path, (file) => writeAll(file, bytes("new")));
  assert.equal(await Deno.readTextFile(path), "new");
});

Deno.test("atomic: a failed write leaves what was there", async () => {
  await using dir = await tempDir();
  for (const before of [[], ["file"]]) {
    if (before.length > 0) await dir.write("file", "old");
    const work = writeAtomically(dir.join("file"), dir.path, async (file) => {
      await file.write(bytes("half"));
      throw new Error("cable cut");
    });
    await assert.rejects(work, /cable cut/);
    assert.deepEqual(await dir.list(), before);
  }
  assert.equal(await Deno.readTextFile(dir.join("file")), "old");
});

Deno.test("atomic: a target that cannot be replaced leaves no temporary file", async () => {
  await using dir = await tempDir();
  await dir.write("folder/x", "");
  await assert.rejects(
    writeAtomically(dir.join("folder"), dir.path, (file) => writeAll(file, bytes("x"))),
  );
  await assert.rejects(
    writeAtomically(dir.join("x"), dir.join("absent"), (file) => writeAll(file, bytes("x"))),
  );
  assert.deepEqual(await dir.list(), ["folder"]);
});

Deno.test("atomic: writers of one file do not meet", async () => {
  await using dir = await tempDir();
  const texts = Array.from({ length: 10 }, (_, i) => `${i}`.repeat(1000));
  const write = (text: string) =>
    writeAtomically(dir.join("file"), dir.path, (file) => writeAll(file, bytes(text)));
  await Promise.all(texts.map(write));
  assert.ok(texts.includes(await Deno.readTextFile(dir.join("file"))));
  assert.deepEqual(await dir.list(), ["file"]);
});

Deno.test("atomic: what a killed writer leaves is removed by the next, and nothing else", async () => {
  await using dir = await tempDir();
  const module = new URL("files.ts", import.meta.url).href;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `const { writeAtomically } = await import(${JSON.stringify(module)});
      await writeAtomically(Deno.args[0] + "/file", Deno.args[0], async (file) => {
        await file.write(new TextEncoder().encode("half"));
        console.log("writing");
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      });`,
      dir.path,
    ],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  const [running = ""] = await dir.list();
  await removeStaleTemporaries(dir.path);
  assert.deepEqual(await dir.list(), [running], "its writer is alive");
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  assert.deepEqual(await dir.list(), [running]);

  const [, host, pid] = PARTS.exec(running) ?? [];
  assert.equal(Number(pid), child.pid);
  const own = temporaryPath(dir.path);
  await Deno.writeTextFile(own, "of this process");
  const day = 24 * 60 * 60 * 1000;
  const keep = [
    "file.tmp",
    ".kodeno-x.tmp",
    ".kodeno-elsewhere-1-1.tmp",
    `.kodeno-${host}-1-9.tmp`,
  ];
  for (const name of [...keep, ".kodeno-elsewhere-1-2.tmp"]) await dir.write(name, "");
  // A folder, too: of another host, and from the day before yesterday.
  await dir.write(".kodeno-elsewhere-1-3.tmp/x", "");
  const old = new Date(Date.now() - 2 * day);
  await Deno.utime(dir.join(".kodeno-elsewhere-1-2.tmp"), old, old);
  await Deno.utime(dir.join(".kodeno-elsewhere-1-3.tmp"), old, old);
  await removeStaleTemporaries(dir.path);
  assert.deepEqual(await dir.list(), [...keep, own.slice(dir.path.length + 1)].sort());
});

Deno.test("atomic: what an earlier process of the same number has left is no longer its", async () => {
  await using dir = await tempDir();
  const own = temporaryPath(dir.path);
  await Deno.writeTextFile(own, "");
  const [name = "", host, pid, n] = PARTS.exec(own.slice(dir.path.length + 1)) ?? [];
  assert.equal(Number(pid), Deno.pid);
  // As it is in a container, whose first process has the same number each time.
  for (const earlier of [1, Number(n) - 1_000_000]) {
    await dir.write(`.kodeno-${host}-${pid}-${earlier}.tmp/blob`, "left");
  }
  await removeStaleTemporaries(dir.path);
  assert.deepEqual(await dir.list(), [name]);
});

Deno.test("atomic: one that cannot be removed keeps nothing else from being removed", async () => {
  await using dir = await tempDir();
  const [, host] = PARTS.exec(temporaryPath(dir.path).slice(dir.path.length + 1)) ?? [];
  const gone = new Deno.Command(Deno.execPath(), { args: ["--version"], stdout: "null" }).spawn();
  await gone.status;
  const stale = (i: number): string => `.kodeno-${host}-${gone.pid}-${i}.tmp`;
  for (let i = 0; i < 12; i++) {
    // Links that lead nowhere cannot be asked about as files are.
    if (i % 2 === 0) await Deno.symlink("nowhere", dir.join(stale(i)));
    else for (let k = 0; k < 14; k++) await dir.write(`${stale(i)}/${k}`, "left");
  }
  // All of a process, or of several ones, at once.
  await Promise.all(Array.from({ length: 6 }, () => removeStaleTemporaries(dir.path)));
  assert.deepEqual(await dir.list(), []);
});

Deno.test("atomic: cleaning never fails", async () => {
  await using dir = await tempDir();
  await removeStaleTemporaries(dir.join("absent"));
  await removeStaleTemporaries(await dir.write("file", ""));
});
