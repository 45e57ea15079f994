/**
 * Archives that kodeno writes and reads again: the same bytes each time, several images in one, all
 * platforms kept, and the archive as one of the places.
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { copy } from "../../src/content/copy.ts";
import type { Blobs } from "../../src/content/places.ts";
import { verify } from "../../src/content/check.ts";
import { readDocument } from "../../src/content/walk.ts";
import { openArchive } from "../../src/place/archive/archive_source.ts";
import { ArchiveTarget } from "../../src/place/archive/archive_target.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { targetContract } from "../contract/target_contract.ts";
import { failsWith } from "../support/fails.ts";
import { blob, imageGraph, pushAll } from "../support/image_graph.ts";
import { assertClean, fingerprint } from "../support/layout.ts";
import { succeed } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";
import { concat, member, realImage, tar, together, writeArchive } from "./images.ts";

targetContract("archive", async () => {
  const folder = await tempDir();
  const place = new ArchiveTarget(folder.join("images.tar"));
  return {
    place,
    traces: () => fingerprint(folder.path),
    async [Symbol.asyncDispose]() {
      await place[Symbol.asyncDispose]();
      assert.deepEqual(await folder.list(), []);
      await folder[Symbol.asyncDispose]();
    },
  };
});

Deno.test("archive: images, names and platforms come back, and go on into a layout", async () => {
  await using dir = await tempDir();
  const [one, two] = [imageGraph("one"), imageGraph("two")];
  const from = await openLayout(dir.join("from"), { create: true });
  await pushAll(from, [...one.blobs, ...two.blobs]);
  const names = ["app:v1", "reg.local:5000/team/app:v1", "v9"];
  for (const name of names) await from.tag(one.root.descriptor, name);
  await from.tag(two.root.descriptor, "other:latest");

  const path = dir.join("deep", "images.tar");
  await writeArchive(path, from, [
    { descriptor: two.root.descriptor, names: ["other:latest"] },
    { descriptor: one.root.descriptor, names },
  ]);
  assert.deepEqual(await dir.list("deep"), ["images.tar"]);

  const archive = await openArchive(path);
  assert.deepEqual(await archive.entries(), await from.entries());
  const to = await openLayout(dir.join("to"), { create: true });
  for (const name of [...names, "other:latest"]) {
    await copy(archive, await archive.resolve(name), to, { tags: [name] });
  }
  await assertClean(dir.join("to"));
  assert.deepEqual(await fingerprint(dir.join("to")), await fingerprint(dir.join("from")));
});

Deno.test("archive: a name that is given again is that of the later image alone", async () => {
  await using dir = await tempDir();
  const [one, two] = [await realImage("one"), await realImage("two")];
  const names = ["app:v1", "docker.io/library/app:v1"];
  const images = [one, two].map(({ root }, i) => ({ descriptor: root, names: [names[i] ?? ""] }));
  await writeArchive(dir.join("a.tar"), await together([one, two]), images);
  const archive = await openArchive(dir.join("a.tar"));
  assert.deepEqual((await archive.entries()).map(({ digest }) => digest), [two.root.digest]);
  assert.equal((await archive.resolve("app:v1")).digest, two.root.digest);
  assert.equal(archive.holds(one.root), false);
  assert.equal((await verify(archive, two.root)).blobs, 8);
});

Deno.test("archive: the same images give the same bytes, by whichever way", async () => {
  await using dir = await tempDir();
  const images = [await realImage("one"), await realImage("two")];
  const store = await together(images);
  const entries = images.map(({ root }, i) => ({ descriptor: root, names: [`app${i}:v1`] }));
  await writeArchive(dir.join("a.tar"), store, entries);
  await writeArchive(dir.join("b.tar"), store, entries.toReversed());
  const target = new ArchiveTarget(dir.join("c.tar"));
  for (const { descriptor, names } of entries.toReversed()) {
    await copy(store, descriptor, target, { tags: names });
  }
  await target.close();
  const bytes = await Deno.readFile(dir.join("a.tar"));
  assert.deepEqual(await Deno.readFile(dir.join("b.tar")), bytes);
  assert.deepEqual(await Deno.readFile(dir.join("c.tar")), bytes);
  assert.deepEqual(await dir.list(), ["a.tar", "b.tar", "c.tar"]);
});

Deno.test("archive: an image without a name is found by its digest", async () => {
  await using dir = await tempDir();
  const { store, root } = await realImage();
  await writeArchive(dir.join("a.tar"), store, [{ descriptor: root, names: [] }]);
  const archive = await openArchive(dir.join("a.tar"));
  assert.deepEqual(await archive.resolve(root.digest), root);
  assert.equal((await verify(archive, await archive.resolve(""))).blobs, 8);
});

Deno.test("archive: what fails leaves the one that is there as it is", async () => {
  await using dir = await tempDir();
  const { root, shared, blobs } = imageGraph();
  const lacking = new MemoryStore();
  await pushAll(lacking, blobs.filter((b) => b !== shared));
  const path = await dir.write("a.tar", "before");
  const entries = [{ descriptor: root.descriptor, names: ["app:v1"] }];
  const lies = {
    resolve: (ref: string) => whole.resolve(ref),
    fetch: async (d: typeof root.descriptor) =>
      await whole.fetch(d.digest === shared.descriptor.digest ? wrong.descriptor : d),
  };
  const whole = new MemoryStore();
  const wrong = blob("x".repeat(shared.bytes.length));
  await pushAll(whole, [...blobs, wrong]);
  await failsWith("NOT_FOUND", () => writeArchive(path, lacking, entries));
  await failsWith("BAD_CONTENT", () => writeArchive(path, lies, entries));
  await failsWith(
    "BAD_REFERENCE",
    () => writeArchive(path, whole, [{ descriptor: root.descriptor, names: ["A B"] }]),
  );
  const signal = AbortSignal.timeout(0);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await assert.rejects(writeArchive(path, whole, entries, { signal }));
  await failsWith("BAD_PLACE", () => writeArchive(dir.path, whole, entries), /it is a folder/);
  assert.equal(await Deno.readTextFile(path), "before");
  assert.deepEqual(await dir.list(), ["a.tar"]);
});

Deno.test("archive: a blob is let go of when the reader of a pipe goes while it is opened", async () => {
  await using dir = await tempDir();
  const pipe = dir.join("pipe");
  await succeed("mkfifo", [pipe]);
  const { root, shared, blobs } = imageGraph();
  const store = new MemoryStore();
  await pushAll(store, blobs);
  const reader = Deno.open(pipe);
  let isHeld = false;
  const near = {
    fetch: async (d: Descriptor) => {
      if (d.digest !== shared.descriptor.digest) return await store.fetch(d);
      (await reader).close();
      isHeld = true;
      return new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(shared.bytes),
        cancel: () => void (isHeld = false),
      });
    },
  };
  await using target = new ArchiveTarget(pipe, { near });
  await copy(store, root.descriptor, target, { tags: ["app:v1"] });
  await failsWith("IO_FAILED", () => target.close(), /its reader has gone/);
  assert.equal(isHeld, false);
});

Deno.test("archive: what only its descriptor carries is written from there", async () => {
  await using dir = await tempDir();
  const { store, root } = await realImage();
  const bytes = await readDocument(store, root);
  const near: Blobs = {
    fetch: async (d) => {
      assert.notEqual(d.digest, root.digest);
      return await store.fetch(d);
    },
  };
  await using target = new ArchiveTarget(dir.join("a.tar"), { near });
  const entry = { ...root, data: Buffer.from(bytes).toString("base64") };
  await copy(store, entry, target, { tags: ["app:v1"] });
  await target.close();
  assert.equal((await verify(await openArchive(dir.join("a.tar")), root)).blobs, 8);
});

Deno.test("archive: one that is replaced while it is read says so", async () => {
  await using dir = await tempDir();
  const { store, root } = await realImage();
  const path = dir.join("a.tar");
  await writeArchive(path, store, [{ descriptor: root, names: ["app:v1"] }]);
  const archive = await openArchive(path);
  await writeArchive(path, store, [{ descriptor: root, names: ["app:v2"] }]);
  await failsWith("BAD_CONTENT", () => archive.fetch(root), /changed while it was read/);
});

Deno.test("archive: one that gzip has compressed is read as what it was", async () => {
  await using dir = await tempDir();
  const { store, root } = await realImage();
  await writeArchive(dir.join("a.tar"), store, [{ descriptor: root, names: ["app:v1"] }]);
  const bytes = await Deno.readFile(dir.join("a.tar"));
  const half = Math.floor(bytes.length / 2);
  const pieces = [bytes.subarray(0, half), bytes.subarray(half)];
  const packed: Readonly<Record<string, readonly Uint8Array[]>> = {
    "one member": [gzipSync(bytes)],
    // As pigz and bgzip write them.
    "several members": pieces.map((piece) => gzipSync(piece)),
    "zeros behind it": [gzipSync(bytes), new Uint8Array(1024)],
  };
  const plain = await openArchive(dir.join("a.tar"));
  for (const [what, parts] of Object.entries(packed)) {
    await dir.write("a.tar.gz", concat(...parts));
    using archive = await openArchive(dir.join("a.tar.gz"));
    assert.deepEqual(await archive.entries(), await plain.entries(), what);
    assert.equal((await verify(archive, root)).blobs, 8, what);
  }
  assert.deepEqual(await dir.list(), ["a.tar", "a.tar.gz"]);
});

Deno.test("archive: a layer that OCI has no name for is refused by name", async () => {
  await using dir = await tempDir();
  const config = { os: "linux", architecture: "amd64" };
  const rootfs = { type: "layers", diff_ids: [`sha256:${"1".repeat(64)}`] };
  const saved = tar(
    member("c.json", JSON.stringify({ ...config, rootfs })),
    member("layer.tar", Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0)),
    member("manifest.json", JSON.stringify([{ Config: "c.json", Layers: ["layer.tar"] }])),
  );
  const path = await dir.write("a.tar", saved);
  await failsWith("BAD_CONTENT", () => openArchive(path), /layer layer\.tar is compressed with xz/);
});
