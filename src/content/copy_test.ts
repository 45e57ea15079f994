/**
 * What is copied of an image whose content is not all in its place: foreign layers, which are left
 * behind or brought from elsewhere, and blobs that descriptors carry themselves.
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { failsWith } from "../../test/support/fails.ts";
import {
  type Blob,
  blob,
  image,
  index,
  jsonBlob,
  pushAll,
} from "../../test/support/image_graph.ts";
import type { KodenoEvent } from "../events.ts";
import { digestOf } from "../io/hash.ts";
import { type Descriptor, MediaType } from "../oci/descriptor.ts";
import { MemoryStore } from "../place/memory.ts";
import { fetchBlob, inlineContent } from "./blobs.ts";
import { copy, measureCopy } from "./copy.ts";
import { summarize } from "./reader.ts";
import { verify } from "./check.ts";

const FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
const PLATFORM = { os: "windows", architecture: "amd64" };

/** An index over an image of a foreign layer and one of its own. */
function windowsImage(urls: readonly string[] = ["https://layers.example/x"]) {
  const base = blob("the system", FOREIGN);
  const own = blob("the program");
  const { manifest, config } = image(PLATFORM, [
    { ...base, descriptor: { ...base.descriptor, urls } },
    own,
  ]);
  const root = index([[manifest, PLATFORM]]);
  return { base, own, config, manifest, root, blobs: [own, config, manifest, root] };
}

async function storeOf(blobs: readonly Blob[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  await pushAll(store, blobs);
  return store;
}

Deno.test("copy: foreign layers are left behind, and told of", async () => {
  const { base, root, blobs } = windowsImage();
  // Whether or not the source has them.
  for (const source of [await storeOf(blobs), await storeOf([base, ...blobs])]) {
    const target = new MemoryStore();
    const events: KodenoEvent[] = [];
    const emit = (event: KodenoEvent) => events.push(event);
    const sizes = blobs.map(({ bytes }) => bytes.length).reduce((a, b) => a + b);
    const plan = await measureCopy(source, [root.descriptor], target);
    assert.deepEqual(plan, { blobs: 4, bytes: sizes });
    await copy(source, root.descriptor, target, { tags: ["app:v1"], image: "app:v1", emit });
    const notes = events.filter((event) => event.type === "note");
    assert.deepEqual(notes.map(({ level }) => level), ["warning"]);
    const told = new RegExp(
      `^Left out foreign layer ${base.descriptor.digest} of app:v1: .* layers\\.example, .*--foreign`,
    );
    assert.match(notes[0]?.message ?? "", told);
    assert.equal(await target.has(root.descriptor), true);
    assert.equal(await target.has(base.descriptor), false);
    assert.equal((await verify(target, root.descriptor)).blobs, 4);
    const { size } = await summarize(target, root.descriptor);
    assert.equal(size, sizes + base.bytes.length);
  }
});

Deno.test("copy: foreign layers come from where they are, also into what has the rest", async () => {
  const { base, own, root, blobs } = windowsImage();
  const asked: Descriptor[] = [];
  const elsewhere = await storeOf([base]);
  const foreign = {
    fetch: async (d: Descriptor) => {
      asked.push(d);
      return await elsewhere.fetch(d);
    },
  };
  const source = await storeOf(blobs);
  const target = new MemoryStore();
  await copy(source, root.descriptor, target);
  const plan = await measureCopy(source, [root.descriptor], target, { foreign });
  assert.deepEqual(plan, { blobs: 1, bytes: base.bytes.length });
  const moved: string[] = [];
  await copy(source, root.descriptor, target, {
    foreign,
    tags: ["app:v1"],
    onBlob: ({ digest }, isMoved) => isMoved && moved.push(digest),
  });
  assert.deepEqual(moved, [base.descriptor.digest]);
  assert.deepEqual(asked.map(({ urls }) => urls), [["https://layers.example/x"]]);
  assert.equal((await verify(target, root.descriptor)).blobs, 5);
  // What the source has is not asked for elsewhere, nor what is no foreign layer.
  const nobody = { fetch: () => Promise.reject(new Error("asked")) };
  await copy(await storeOf([base, ...blobs]), root.descriptor, new MemoryStore(), {
    foreign: nobody,
  });
  const lacking = await storeOf(blobs.filter((one) => one !== own));
  await failsWith(
    "NOT_FOUND",
    () => copy(lacking, root.descriptor, new MemoryStore(), { foreign }),
  );
  // Other bytes than those that were named do not get in, and are not laid to the source.
  const liar = { fetch: async () => await storeOf([own]).then((s) => s.fetch(own.descriptor)) };
  const fooled = new MemoryStore();
  const layout = { what: "layout x", resolve: source.resolve, fetch: source.fetch.bind(source) };
  const lied = () => copy(layout, root.descriptor, fooled, { foreign: liar });
  await failsWith("BAD_CONTENT", lied, /^(?!.*layout x).*the place it came from is damaged/);
  assert.equal(await fooled.has(root.descriptor), false);
});

Deno.test("copy: what else says its URLs comes from there, too, where it is asked for", async () => {
  const own = blob("the program");
  const described = {
    ...own,
    descriptor: { ...own.descriptor, urls: ["https://layers.example/x"] },
  };
  const { manifest, config } = image(PLATFORM, [described]);
  const source = await storeOf([manifest, config]);
  const target = new MemoryStore();
  await failsWith("NOT_FOUND", () => copy(source, manifest.descriptor, target));
  await copy(source, manifest.descriptor, target, { foreign: await storeOf([own]) });
  assert.equal(await target.has(own.descriptor), true);
});

/** An image whose config is in its manifest alone. */
function inlineImage(data: string) {
  const config = blob("{}", "application/vnd.oci.empty.v1+json");
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    config: { ...config.descriptor, data },
    layers: [],
  }, MediaType.manifest);
  return { config, manifest };
}

Deno.test("copy: what descriptors carry themselves is content of the image", async () => {
  const { config, manifest } = inlineImage("e30=");
  const source = await storeOf([manifest]);
  assert.equal(await source.has(manifest.descriptor), true);
  assert.equal((await verify(source, manifest.descriptor)).blobs, 2);
  const target = new MemoryStore();
  await copy(source, manifest.descriptor, target);
  assert.equal(await target.has(config.descriptor), true);
  // What is empty, too.
  const nothing = blob("", "text/plain");
  await copy(new MemoryStore(), { ...nothing.descriptor, data: "" }, target);
  assert.equal(await target.has(nothing.descriptor), true);
  // A manifest may be carried, too, as by an entry of an index.json.
  const data = Buffer.from(manifest.bytes).toString("base64");
  const other = new MemoryStore();
  await copy(new MemoryStore(), { ...manifest.descriptor, data }, other, { tags: ["app:v1"] });
  assert.equal(await other.has(manifest.descriptor), true);
});

Deno.test("copy: what a descriptor carries and does not describe is not taken", async () => {
  for (const data of ["e3s=", "e30", "", "%"]) {
    const { config, manifest } = inlineImage(data);
    const d = { ...config.descriptor, data };
    if (data === "e30") assert.deepEqual(inlineContent(d), config.bytes);
    else {
      assert.equal(inlineContent(d), undefined, data);
      const source = await storeOf([manifest]);
      assert.equal(await source.has(manifest.descriptor), false);
      await failsWith("NOT_FOUND", () => copy(source, manifest.descriptor, new MemoryStore()));
      // Where the place has the blob, that counts.
      await pushAll(source, [config]);
      await copy(source, manifest.descriptor, new MemoryStore());
      const bytes = await new Response(await fetchBlob(source, d)).bytes();
      assert.equal(digestOf(bytes), config.descriptor.digest);
    }
  }
});
