/**
 * Layouts whose list of images is an index itself: which entries are one image, and which are not.
 * @module
 */
import assert from "node:assert/strict";
import { copy } from "../content/copy.ts";
import { type Blob, image, imageGraph, jsonBlob, pushAll } from "../../test/support/image_graph.ts";
import { type TempDir, tempDir } from "../../test/support/temp.ts";
import { MediaType } from "../oci/descriptor.ts";
import { IMAGE_NAME, REF_NAME } from "../oci/entries.ts";
import { parseIndex } from "../oci/manifest.ts";
import { readDocument } from "../content/walk.ts";
import { wholeImages } from "./flat_index.ts";
import { openLayout } from "./layout/layout.ts";
import { MemoryStore } from "./memory.ts";

const graph = imageGraph("flat");
const [amd64, arm64 = amd64] = graph.manifests;
const on = (architecture: string) => ({ platform: { os: "linux", architecture } });
const AMD64 = { ...amd64.descriptor, ...on("amd64") };
const ARM64 = { ...arm64.descriptor, ...on("arm64") };

async function openWith(dir: TempDir, entries: readonly unknown[], more: readonly Blob[] = []) {
  const folder = await Deno.makeTempDir({ dir: dir.path });
  const layout = await openLayout(folder, { create: true });
  await pushAll(layout, [...graph.blobs, ...more]);
  const text = JSON.stringify({ schemaVersion: 2, manifests: entries });
  await Deno.writeTextFile(`${folder}/index.json`, text);
  return wholeImages(layout);
}

Deno.test("flat index: entries that differ in the platform alone are one image", async () => {
  await using dir = await tempDir();
  const names = [
    {},
    { annotations: { [REF_NAME]: "v1" } },
    { annotations: { [REF_NAME]: "v1", [IMAGE_NAME]: "reg.local/app:v1" } },
  ];
  for (const name of names) {
    // What the entries do not say of the platform, the configs do.
    for (
      const manifests of [[AMD64, ARM64], [amd64.descriptor, ARM64], [AMD64, arm64.descriptor]]
    ) {
      const images = await openWith(dir, manifests.map((d) => ({ ...d, ...name })));
      const [root, ...others] = await images.entries();
      assert.ok(root !== undefined && others.length === 0);
      assert.deepEqual(root.annotations, name.annotations);
      assert.deepEqual(await images.resolve(""), root);
      const index = parseIndex(await readDocument(images, root), "the index");
      assert.deepEqual(index.manifests, [AMD64, ARM64]);
      // Any place takes it, and it is the same whoever asks.
      const store = new MemoryStore();
      await copy(images, root, store, { tags: ["app:v1"] });
      assert.equal((await store.resolve("app:v1")).digest, root.digest);
      // A part is still there by its digest.
      assert.equal((await images.resolve(arm64.descriptor.digest)).digest, arm64.descriptor.digest);
      assert.equal((await images.partsOf(root.digest))?.length, 2);
    }
  }
});

Deno.test("flat index: attestations of its images are in it, and what else is there stays", async () => {
  await using dir = await tempDir();
  const attestation = {
    ...graph.root.descriptor,
    mediaType: MediaType.manifest,
    platform: { os: "unknown", architecture: "unknown" },
    annotations: {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": amd64.descriptor.digest,
    },
  };
  const config = { os: "linux", architecture: "s390x" };
  const { manifest: about, config: ofAbout } = image(config, []);
  const sbom = jsonBlob({
    ...JSON.parse(new TextDecoder().decode(about.bytes)),
    subject: graph.root.descriptor,
  }, MediaType.manifest);
  const named = { ...graph.root.descriptor, annotations: { [REF_NAME]: "v1" } };
  const entries = [named, AMD64, attestation, sbom.descriptor, ARM64];
  const images = await openWith(dir, entries, [sbom, ofAbout]);
  const [first, root, last, ...others] = await images.entries();
  assert.ok(root !== undefined && others.length === 0);
  assert.deepEqual([first, last], [named, sbom.descriptor]);
  const index = parseIndex(await readDocument(images, root), "the index");
  assert.deepEqual(index.manifests, [AMD64, ARM64, attestation]);
});

Deno.test("flat index: an entry that is not there belongs to the image of its name", async () => {
  await using dir = await tempDir();
  const { mediaType } = amd64.descriptor;
  const lost = { mediaType, digest: `sha256:${"0".repeat(64)}`, size: 7 };
  const name = { annotations: { [REF_NAME]: "v1" } };
  const images = await openWith(dir, [amd64.descriptor, lost].map((d) => ({ ...d, ...name })));
  const [root, ...others] = await images.entries();
  assert.ok(root !== undefined && others.length === 0);
  const index = parseIndex(await readDocument(images, root), "the index");
  assert.deepEqual(index.manifests, [AMD64, lost]);
});

Deno.test("flat index: images that are not told apart by the platform stay what they are", async () => {
  await using dir = await tempDir();
  const name = (tag: string) => ({ annotations: { [REF_NAME]: tag } });
  const { mediaType } = amd64.descriptor;
  const lost = { mediaType, digest: `sha256:${"0".repeat(64)}`, size: 7 };
  const lists = [
    [AMD64],
    [AMD64, { ...ARM64, ...on("amd64") }],
    [AMD64, AMD64],
    [{ ...AMD64, ...name("v1") }, { ...ARM64, ...name("v2") }],
    [{ ...AMD64, ...name("v1") }, ARM64],
    [AMD64, ARM64, graph.root.descriptor],
    [AMD64, lost],
    [{ ...AMD64, artifactType: "application/x-sbom" }, ARM64],
  ];
  for (const entries of lists) {
    assert.deepEqual(await (await openWith(dir, entries)).entries(), entries);
  }
});
