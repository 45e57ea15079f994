/**
 * Whether content is what it says, asked again and again: what is as it was is not read a second time.
 * @module
 */
import assert from "node:assert/strict";
import { imageGraph } from "../../test/support/image_graph.ts";
import { MemoryStore } from "../place/memory.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { ContentCheck } from "./check.ts";

Deno.test("content: a blob is read again where its stamp is another one, or it could not be read", async () => {
  const { root, blobs } = imageGraph();
  const store = new MemoryStore();
  for (const { descriptor, bytes } of blobs) await store.add(descriptor.mediaType, bytes);
  const read: string[] = [];
  const stamps = new Map<string, string>();
  let fails = false;
  const source = {
    fetch: (d: Descriptor) => {
      read.push(d.digest);
      return fails ? Promise.reject(new Error("busy")) : store.fetch(d);
    },
  };
  const stampOf = (d: Descriptor) => Promise.resolve(stamps.get(d.digest));
  const check = new ContentCheck(source, { stampOf });
  const look = async () => {
    read.length = 0;
    return (await check.graph([root.descriptor])).failures;
  };
  assert.deepEqual(await look(), []);
  assert.ok(read.length > 2);
  assert.deepEqual(await look(), []);
  assert.deepEqual(read, []);
  stamps.set(root.descriptor.digest, "2");
  fails = true;
  await assert.rejects(look, /busy/);
  fails = false;
  assert.deepEqual(await look(), []);
  assert.deepEqual(read, [root.descriptor.digest]);
});
