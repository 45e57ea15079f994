/**
 * Locks: within a process, between processes, and after one that died.
 * @module
 */
import assert from "node:assert/strict";
import { soon } from "../../test/support/fails.ts";
import { tempDir } from "../../test/support/temp.ts";
import { withLock, withLockFile } from "./lock.ts";

Deno.test("lock: one at a time, even when more wait than the runtime has threads", async () => {
  await using dir = await tempDir();
  const path = dir.join("lock");
  let inside = 0;
  const work = Array.from({ length: 100 }, (_, i) =>
    withLockFile(path, async () => {
      assert.equal(++inside, 1);
      // Needs a thread itself, while all the others wait.
      await Deno.writeTextFile(dir.join("count"), `${i}`);
      inside--;
      return i;
    }));
  assert.equal((await soon(Promise.all(work), 20_000)).length, 100);
});

Deno.test("lock: different files do not wait for each other", async () => {
  await using dir = await tempDir();
  const inner = () => withLockFile(dir.join("b"), () => Promise.resolve("done"));
  assert.equal(await soon(withLockFile(dir.join("a"), inner)), "done");
});

Deno.test("lock: failed work lets go", async () => {
  await using dir = await tempDir();
  const path = await dir.write("lock", "kept");
  const fail = () => withLock(path, () => Promise.reject(new Error("no")));
  await assert.rejects(fail(), /no/);
  await Promise.all([assert.rejects(fail(), /no/), assert.rejects(fail(), /no/)]);
  assert.equal(await soon(withLockFile(path, () => Promise.resolve(1))), 1);
  assert.equal(await Deno.readTextFile(path), "kept");
});

Deno.test("lock: a file that is not there is made only when asked for", async () => {
  await using dir = await tempDir();
  const path = dir.join("lock");
  await assert.rejects(withLock(path, () => Promise.resolve()), Deno.errors.NotFound);
  assert.deepEqual(await dir.list(), []);
  await withLockFile(path, () => Promise.resolve());
  assert.deepEqual(await dir.list(), ["lock"]);
});

Deno.test("lock: another process has to let go, or to die", async () => {
  await using dir = await tempDir();
  const path = await dir.write("lock", "");
  const module = new URL("lock.ts", import.meta.url).href;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `const { withLock } = await import(${JSON.stringify(module)});
      await withLock(Deno.args[0], async () => {
        console.log("locked");
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      });`,
      path,
    ],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  let got = false;
  const mine = withLock(path, () => Promise.resolve(got = true));
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(got, false);
  child.kill("SIGKILL");
  await soon(mine);
  await child.status;
  await reader.cancel();
});
