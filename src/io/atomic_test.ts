/**
 * What appears whole or not at all, and what of it a killed process has left.
 * @module
 */
import assert from "node:assert/strict";
import { tempDir } from "../../test/support/temp.ts";
import { removeStaleTemporaries, temporaryPath, writeAtomically } from "./atomic.ts";
import { writeAll } from "./files.ts";

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
  const module = new URL("atomic.ts", import.meta.url).href;
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
