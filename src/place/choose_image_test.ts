/**
 * Which image of several platforms a platform asks for, and when it does not tell; what is moved of an
 * index that is there in part.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { imageGraph, index, pushAll } from "../../test/support/image_graph.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parsePlatformSpec } from "../oci/platform.ts";
import { MemoryStore } from "./memory.ts";
import { onlyMatch, presentImage } from "./choose_image.ts";

const image = (os: string, architecture: string, variant?: string) => ({
  platform: { os, architecture, ...(variant ? { variant } : {}) },
});
const [ARM, V6, V7] = [
  image("linux", "arm"),
  image("linux", "arm", "v6"),
  image("linux", "arm", "v7"),
];
const match = (text: string, ...images: ReturnType<typeof image>[]) =>
  onlyMatch([image("windows", "arm64"), {}, ...images], parsePlatformSpec(text), "load x");

Deno.test("choose: the image that a platform asks for, and no other in its place", () => {
  assert.equal(match("linux/arm", V7), V7);
  assert.equal(match("linux/arm/v7", V6, V7), V7);
  assert.equal(match("linux/arm", V6, ARM), ARM);
  assert.equal(match("linux/arm/v5", V6, V7), undefined);
  assert.equal(match("linux", V6, V6), V6);
  assert.equal(match("linux/arm64", V6), undefined);
});

Deno.test("choose: a platform that leaves open which image is meant is refused", async () => {
  const several = /Cannot load x: linux\/arm may be linux\/arm\/v6, linux\/arm\/v7; say which one/;
  await failsWith("BAD_PLATFORM", () => match("linux/arm", V6, V7), several);
  await failsWith("BAD_PLATFORM", () => match("linux", V6, image("linux", "amd64")), /say which/);
});

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
