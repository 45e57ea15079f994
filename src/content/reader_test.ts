/**
 * What a list says of an image of which a part is there, and what an image runs on.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { imageGraph, index, pushAll } from "../../test/support/image_graph.ts";
import { MemoryStore } from "../place/memory.ts";
import { imagePlatform, summarize } from "./reader.ts";

Deno.test("summary: platforms of an index that are not there do not count", async () => {
  const store = new MemoryStore();
  const there = imageGraph("there");
  const [missing] = imageGraph("missing").manifests;
  const list = index([
    [there.manifests[0], { os: "linux", architecture: "amd64" }],
    [missing, { os: "linux", architecture: "s390x" }],
  ]);
  await pushAll(store, [...there.blobs, list]);
  const { platforms, size } = await summarize(store, list.descriptor);
  const one = await summarize(store, there.manifests[0].descriptor);
  assert.deepEqual(platforms, ["linux/amd64"]);
  assert.equal(size, list.descriptor.size + one.size);
  await failsWith("NOT_FOUND", () => summarize(store, missing.descriptor));
});

Deno.test("platform: that of a manifest is in its config, and an index has none", async () => {
  const store = new MemoryStore();
  const { blobs, manifests: [manifest] } = imageGraph();
  const list = index([[manifest, { os: "linux", architecture: "amd64" }]]);
  await pushAll(store, [...blobs, list]);
  assert.equal((await imagePlatform(store, manifest.descriptor))?.os, "linux");
  assert.equal(await imagePlatform(store, list.descriptor), undefined);
  const [missing] = imageGraph("missing").manifests;
  await failsWith("NOT_FOUND", () => imagePlatform(store, missing.descriptor));
});
