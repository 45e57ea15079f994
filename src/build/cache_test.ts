/**
 * The bound of the whole cache: layers and binaries alike, by when they were used last.
 * @module
 */
import assert from "node:assert/strict";
import { tempDir } from "../../test/support/temp.ts";
import { binaryRoot, withBinaryFolder } from "./binaries.ts";
import { openLayers, shrinkCache } from "./cache.ts";

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

Deno.test("cache: what was seen in layers goes after a month, or with all the rest", async () => {
  for (const [maxBytes, left] of [[1000, ["new"]], [0, []]] as const) {
    await using dir = await tempDir();
    const config = { directory: dir.path, enabled: true, maxBytes };
    const old = await dir.write("contents/old", "{}");
    await dir.write("contents/new", "{}");
    const month = Date.now() / 1000 - 31 * 24 * 60 * 60;
    await Deno.utime(old, month, month);
    await shrinkCache(config, await openLayers(config));
    assert.deepEqual(await dir.list("contents"), left);
  }
});
