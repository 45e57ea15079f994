/**
 * Folders of binaries: what go left there counts only where a record says what it is.
 * @module
 */
import assert from "node:assert/strict";
import { tempDir } from "../../test/support/temp.ts";
import {
  binaryRoot,
  listBinaryFolders,
  openLayers,
  shrinkCache,
  withBinaryFolder,
} from "./binaries.ts";

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

Deno.test("cache: the least recently used goes first, until the bound is kept", async () => {
  // Used at second 1, 2, 3 and 4, of 1000 bytes each.
  const parts = ["layer 1", "binary 2", "layer 3", "binary 4"];
  const cases: readonly (readonly [maxBytes: number, left: readonly string[]])[] = [
    [4000, parts],
    [3999, parts.slice(1)],
    [3000, parts.slice(1)],
    [2000, parts.slice(2)],
    [1999, parts.slice(3)],
    [0, []],
  ];
  for (const [maxBytes, left] of cases) {
    await using dir = await tempDir();
    const config = { directory: dir.path, enabled: true, maxBytes };
    const layers = await openLayers(config);
    for (const part of parts) {
      const [kind, second] = part.split(" ");
      if (kind === "layer") {
        const path = await dir.write(`layers/blobs/${part}`, new Uint8Array(1000));
        await Deno.utime(path, Number(second), Number(second));
        await dir.write(`layers/keys/${part}`, "{}");
      } else {
        const folder = `${binaryRoot(dir.path)}/${part}`;
        await withBinaryFolder(folder, async () => {
          await Deno.writeFile(`${folder}/app`, new Uint8Array(600));
          await Deno.writeFile(`${folder}/other`, new Uint8Array(400));
        });
        await Deno.utime(`${folder}.lock`, Number(second), Number(second));
      }
    }
    await shrinkCache(config, layers);
    const found = [
      ...await dir.list("layers/blobs"),
      ...(await dir.list("bin")).filter((name) => !name.endsWith(".lock")),
    ];
    assert.deepEqual(found.sort(), left.toSorted(), `${maxBytes}`);
  }
});
