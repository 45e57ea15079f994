/**
 * Folders of binaries: what go left there counts only where a record says what it is.
 * @module
 */
import assert from "node:assert/strict";
import { tempDir } from "../../test/support/temp.ts";
import { listBinaryFolders, withBinaryFolder } from "./binaries.ts";

Deno.test("binaries: what go did not write and nobody knows is made anew", async () => {
  await using dir = await tempDir();
  const folder = dir.join("bin", "linux");
  const made: string[] = [];
  /** Writes as go does: what is there stays. */
  const build = async (files: readonly string[]): Promise<void> => {
    for (const file of files) {
      if (await Deno.stat(`${folder}/${file}`).catch(() => undefined)) continue;
      made.push(file);
      await Deno.writeTextFile(`${folder}/${file}`, `binary ${file}`);
    }
  };
  const run = () =>
    withBinaryFolder(folder, async (binaries) => {
      await binaries.make(["a", "b"], build);
      return [...binaries.records.values()].map(({ size }) => size);
    });
  assert.deepEqual(await run(), [8, 8]);
  assert.deepEqual(made.splice(0), ["a", "b"]);
  // Without a build ID in it nobody can tell what go has found to be of the present sources.
  await run();
  assert.deepEqual(made.splice(0).sort(), ["a", "b"]);
  const [found] = await listBinaryFolders(dir.join("bin"));
  assert.deepEqual([found?.path, found?.binaries, found?.size], [folder, 2, 16]);

  // A holder that was killed leaves a lock that says nothing: half a binary may lie there.
  await Deno.writeTextFile(`${folder}.lock`, "busy\n");
  await withBinaryFolder(folder, ({ records }) => {
    assert.equal(records.size, 0);
    return Promise.resolve();
  });
  assert.equal((await listBinaryFolders(dir.join("bin")))[0]?.binaries, 0);
});

Deno.test("binaries: a lock that cannot be written hides no failure", async () => {
  await using dir = await tempDir();
  const folder = dir.join("bin", "linux");
  const work = () =>
    withBinaryFolder(folder, async () => {
      await Deno.remove(`${folder}.lock`);
      await Deno.mkdir(`${folder}.lock`);
      throw new Error("go has failed");
    });
  await assert.rejects(work, /^Error: go has failed$/);
});
