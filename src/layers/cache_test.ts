/**
 * The layer cache: the same bytes without work, and never wrong ones.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { filesBelow, type TempDir, tempDir } from "../../test/support/temp.ts";
import { copy } from "../content/copy.ts";
import { readAll } from "../io/streams.ts";
import { MemoryStore } from "../place/memory.ts";
import { type LayerCache, openLayerCache } from "./cache.ts";
import type { Layer, LayerPlan } from "./layer.ts";

const compression = { type: "gzip", level: 1 } as const;

/** A layer of one file; the key says that it is always the same. */
async function planOf(dir: TempDir, content: string, settled = true): Promise<LayerPlan> {
  const path = await dir.write("source", content);
  const entry = { type: "file", name: "a", mode: 0o555, size: content.length } as const;
  return { key: ["test"], entries: [{ entry, content: path }], bytes: content.length, settled };
}

const open = (dir: TempDir, keep = true) => openLayerCache(dir.join("cache"), keep);
const bytesOf = async ({ open }: Layer) => await readAll(await open(), 1 << 20, "the layer");
/** The one file in a folder of the cache. */
async function only(cache: LayerCache, folder: "keys" | "blobs"): Promise<string> {
  const [name, ...others] = await filesBelow(`${cache.directory}/${folder}`);
  assert.deepEqual([typeof name, others], ["string", []]);
  return `${cache.directory}/${folder}/${name}`;
}

Deno.test("cache: the next build gets the same bytes, without a look at the files", async () => {
  await using dir = await tempDir();
  const plan = await planOf(dir, "content");
  const first = await open(dir);
  const layer = await first.layer(plan, { compression });
  const bytes = await bytesOf(layer);
  await Deno.remove(dir.join("source"));
  const second = await open(dir);
  const told: number[] = [];
  const again = await second.layer(plan, { compression, onBytes: (count) => told.push(count) });
  assert.deepEqual([again.descriptor, again.diffId], [layer.descriptor, layer.diffId]);
  assert.deepEqual(await bytesOf(again), bytes);
  assert.deepEqual([first.wrote, second.wrote, told], [true, false, []]);
});

Deno.test("cache: another key or compression is another layer", async () => {
  await using dir = await tempDir();
  const cache = await open(dir);
  const plan = await planOf(dir, "content");
  const layers = [
    await cache.layer(plan, { compression }),
    await cache.layer(plan, { compression: { type: "gzip", level: 9 } }),
    await cache.layer(plan, { compression: { type: "none" } }),
    await cache.layer({ ...(await planOf(dir, "other")), key: ["other"] }, { compression }),
  ];
  assert.equal(new Set(layers.map(({ descriptor }) => descriptor.mediaType)).size, 2);
  assert.deepEqual((await filesBelow(`${cache.directory}/keys`)).length, 4);
  assert.equal(new Set(layers.slice(0, 3).map(({ diffId }) => diffId)).size, 1);
  assert.notEqual(layers[3]?.diffId, layers[0]?.diffId);
});

Deno.test("cache: equal layers asked for at once are written once", async () => {
  await using dir = await tempDir();
  const cache = await open(dir);
  const plan = await planOf(dir, "content");
  let writers = 0;
  const ask = () => {
    let told = false;
    const onBytes = (): void => {
      if (!told) writers++;
      told = true;
    };
    return cache.layer(plan, { compression, onBytes });
  };
  const layers = await Promise.all([ask(), ask(), ask()]);
  assert.equal(new Set(layers.map(({ descriptor }) => descriptor.digest)).size, 1);
  assert.equal(writers, 1);
});

Deno.test("cache: several processes may write the same layer", async () => {
  await using dir = await tempDir();
  const plan = await planOf(dir, "content");
  const caches = await Promise.all([open(dir), open(dir), open(dir)]);
  const layers = await Promise.all(caches.map((cache) => cache.layer(plan, { compression })));
  for (const layer of layers) {
    assert.deepEqual(await bytesOf(layer), await bytesOf(layers[0] ?? layer));
  }
  assert.equal((await filesBelow(dir.join("cache"))).length, 2);
});

Deno.test("cache: a damaged entry is written anew", async () => {
  const damage: Readonly<Record<string, (cache: LayerCache) => Promise<void>>> = {
    "key is no JSON": async (cache) => await Deno.writeTextFile(await only(cache, "keys"), "{"),
    "key names a path": async (cache) => {
      const entry = { mediaType: "x", digest: "sha256:../../x", size: 1, diffId: "sha256:x" };
      await Deno.writeTextFile(await only(cache, "keys"), JSON.stringify(entry));
    },
    "key is null": async (cache) => await Deno.writeTextFile(await only(cache, "keys"), "null"),
    "blob is gone": async (cache) => await Deno.remove(await only(cache, "blobs")),
    "blob is cut": async (cache) => await Deno.truncate(await only(cache, "blobs"), 10),
    "blob is longer": async (cache) =>
      await Deno.writeTextFile(await only(cache, "blobs"), "x", { append: true }),
  };
  for (const [what, harm] of Object.entries(damage)) {
    await using dir = await tempDir();
    const cache = await open(dir);
    const plan = await planOf(dir, "content");
    const bytes = await bytesOf(await cache.layer(plan, { compression }));
    await harm(cache);
    const next = await open(dir);
    assert.deepEqual(await bytesOf(await next.layer(plan, { compression })), bytes, what);
    assert.equal(next.wrote, true);
    assert.deepEqual((await open(dir)).wrote, false);
  }
});

Deno.test("cache: changed bytes reach no place, and are forgotten", async () => {
  await using dir = await tempDir();
  const cache = await open(dir);
  const plan = await planOf(dir, "content");
  const { descriptor } = await cache.layer(plan, { compression });
  const path = await only(cache, "blobs");
  const right = await Deno.readFile(path);
  await Deno.writeFile(path, right.toReversed());
  const target = new MemoryStore();
  const move = async () => {
    const layer = await cache.layer(plan, { compression });
    const resolve = () => Promise.resolve(layer.descriptor);
    await copy({ resolve, fetch: (_, o) => layer.open(o) }, layer.descriptor, target);
  };
  const { detail } = await failsWith("BAD_CONTENT", move);
  assert.equal(detail["digest"], descriptor.digest);
  assert.equal(await target.has(descriptor), false);
  await cache.evict(descriptor.digest);
  await cache.evict("sha256:../../../source");
  await move();
  assert.deepEqual(await readAll(await target.fetch(descriptor), 1 << 20, "it"), right);
});

Deno.test("cache: files that were just written are not trusted to be the same", async () => {
  await using dir = await tempDir();
  const first = await (await open(dir)).layer(await planOf(dir, "one", false), { compression });
  const second = await (await open(dir)).layer(await planOf(dir, "two", false), { compression });
  assert.notEqual(second.descriptor.digest, first.descriptor.digest);
  assert.deepEqual(await filesBelow(dir.join("cache/keys")), []);
});

Deno.test("cache: one that keeps nothing looks nothing up and leaves nothing", async () => {
  await using dir = await tempDir();
  const passing = await open(dir, false);
  const layer = await passing.layer(await planOf(dir, "one"), { compression });
  assert.ok((await bytesOf(layer)).length > 0);
  const other = await passing.layer(await planOf(dir, "two"), { compression });
  assert.notEqual(other.descriptor.digest, layer.descriptor.digest);
  await passing.close();
  assert.deepEqual(await filesBelow(dir.join("cache")), []);

  // Nor does it harm those that keep theirs.
  const plan = await planOf(dir, "three");
  const bytes = await bytesOf(await (await open(dir)).layer(plan, { compression }));
  const again = await open(dir, false);
  await again.layer(plan, { compression });
  await again.close();
  assert.deepEqual(await bytesOf(await (await open(dir)).layer(plan, { compression })), bytes);
});

Deno.test("cache: what fails leaves nothing, and can be tried again", async () => {
  await using dir = await tempDir();
  const cache = await open(dir);
  const plan = await planOf(dir, "content");
  await dir.write("source", "another length");
  await failsWith("BAD_SOURCE_FILE", () => cache.layer(plan, { compression }), /it changed/);
  const controller = new AbortController();
  const { signal } = controller;
  const onBytes = () => controller.abort(new Error("stopped by the test"));
  const stopped = cache.layer(plan, { compression, signal, onBytes });
  await assert.rejects(stopped, /stopped by the test/);
  assert.deepEqual(await filesBelow(dir.join("cache")), []);
  await dir.write("source", "content");
  assert.ok((await bytesOf(await cache.layer(plan, { compression }))).length > 0);
});

Deno.test("cache: says when its folder is of no use, or a layer went away", async () => {
  await using dir = await tempDir();
  await failsWith(
    "IO_FAILED",
    async () => await openLayerCache(await dir.write("file", ""), true),
    /^Cannot make layer cache .*file: a part of the path is a file/,
  );
  const cache = await open(dir);
  const layer = await cache.layer(await planOf(dir, "content"), { compression });
  const bytes = await Deno.readFile(await only(cache, "blobs"));
  await Deno.remove(await only(cache, "blobs"));
  // What it was made of is still there, so it is made once more.
  assert.deepEqual(await readAll(await layer.open(), 1 << 20, "it"), bytes);
  await Deno.remove(await only(cache, "blobs"));
  await dir.write("source", "changed");
  const { detail } = await failsWith("NOT_FOUND", layer.open, /Cannot find layer sha256:/);
  assert.equal(detail["digest"], layer.descriptor.digest);
});

Deno.test("cache: keys go with their layers, and use is remembered", async () => {
  await using dir = await tempDir();
  const cache = await open(dir);
  const plan = await planOf(dir, "content");
  const { descriptor } = await cache.layer(plan, { compression });
  await Deno.utime(await only(cache, "blobs"), 1, 1);
  const [old] = await cache.list();
  assert.deepEqual([old?.size, old?.used], [descriptor.size, 1000]);
  await cache.layer(plan, { compression });
  assert.ok(((await cache.list())[0]?.used ?? 0) > Date.now() - 60_000);
  await cache.removeDeadKeys();
  await only(cache, "keys");
  await cache.remove(await cache.list());
  await cache.removeDeadKeys();
  assert.deepEqual(await filesBelow(dir.join("cache")), []);
});
