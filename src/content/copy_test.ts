/**
 * What is copied of an image whose content is not all in its place: blobs that descriptors carry
 * themselves.
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
import { digestOf } from "../io/hash.ts";
import { MediaType } from "../oci/descriptor.ts";
import { MemoryStore } from "../place/memory.ts";
import { fetchBlob, inlineContent } from "./blobs.ts";
import { copy } from "./copy.ts";
import { verify } from "./walk.ts";

async function storeOf(blobs: readonly Blob[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  await pushAll(store, blobs);
  return store;
}

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
