/**
 * What is moved of an index that is there in part: its only image, or what one has to choose from.
 * @module
 */
import assert from "node:assert/strict";
import { imageGraph, index, pushAll } from "../../../test/support/image_graph.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { MemoryStore } from "../memory.ts";
import { presentImage } from "./present.ts";

Deno.test("present: the only image of an index, or the index itself", async () => {
  const [amd64, arm64 = amd64] = imageGraph("image").manifests;
  const [attestation, other = attestation] = imageGraph("other").manifests;
  const store = new MemoryStore();
  await pushAll(store, [...imageGraph("image").blobs, ...imageGraph("other").blobs]);
  const of = async (images: readonly string[], there: readonly (typeof amd64)[]) => {
    const all = {
      amd64: [amd64, { os: "linux", architecture: "amd64" }],
      arm64: [arm64, { os: "linux", architecture: "arm64" }],
      s390x: [other, { os: "linux", architecture: "s390x" }],
      attestation: [attestation, { os: "unknown", architecture: "unknown" }],
    } as const;
    const list = index(images.map((name) => all[name as keyof typeof all]));
    await pushAll(store, [list]);
    const digests = new Set(there.map(({ descriptor }) => descriptor.digest));
    const place = {
      fetch: (d: Descriptor) => store.fetch(d),
      holds: (d: Descriptor) => digests.has(d.digest),
    };
    const annotations = { name: "kept" };
    const found = await presentImage(place, { ...list.descriptor, annotations });
    assert.deepEqual(found.annotations, annotations);
    return found.digest === list.descriptor.digest ? "index" : found.digest;
  };
  const only = amd64.descriptor.digest;
  assert.equal(await of(["amd64", "arm64"], [amd64]), only);
  assert.equal(await of(["amd64", "attestation"], [amd64]), only);
  assert.equal(await of(["amd64", "arm64", "attestation"], [amd64, attestation]), only);
  assert.equal(await of(["amd64", "attestation"], [amd64, attestation]), "index");
  assert.equal(await of(["amd64", "arm64", "s390x"], [amd64, arm64]), "index");
  assert.equal(await of(["amd64", "arm64"], []), "index");
});
