/**
 * What lives in a layout: what refers to an image goes with it, by each way an image can go, and what
 * refers to something that was never there stays.
 * @module
 */
import assert from "node:assert/strict";
import { copy } from "../../content/copy.ts";
import { MediaType } from "../../oci/media_types.ts";
import {
  type Blob,
  blob,
  imageGraph,
  jsonBlob,
  pushAll,
} from "../../../test/support/image_graph.ts";
import { tempDir } from "../../../test/support/temp.ts";
import { MemoryStore } from "../memory.ts";
import { collectGarbage } from "./gc.ts";
import { type Layout, openLayout } from "./layout.ts";
import { droppedNote } from "./living.ts";
import { mergeLayouts } from "./merge.ts";

const ONE = imageGraph("one");
const TWO = imageGraph("two");
const NOW = { minimumAgeMs: -Infinity, waitMs: 50 };
const CONFIG = blob("{}", "application/vnd.oci.empty.v1+json");

/** Says something about a manifest. */
function about({ descriptor: subject }: Blob, text: string): Blob {
  const head = { schemaVersion: 2, mediaType: MediaType.manifest, artifactType: text };
  return jsonBlob({ ...head, config: CONFIG.descriptor, layers: [], subject }, MediaType.manifest);
}

const SBOM = about(ONE.root, "x/sbom");
const SIGNATURE = about(SBOM, "x/signature");
const OF_PLATFORM = about(ONE.manifests[0], "x/platform");
const LOST = about(imageGraph("elsewhere").root, "x/lost");
const OF_LOST = about(LOST, "x/of-lost");

/** A layout with an image under a name and what refers to it, and what refers to nothing there. */
async function filled(path: string): Promise<Layout> {
  const layout = await openLayout(path, { create: true });
  await pushAll(layout, [...ONE.blobs, CONFIG]);
  await layout.tag(ONE.root.descriptor, "app:v1");
  // What refers to another comes first, as other tools may write it.
  for (const one of [SIGNATURE, OF_LOST, SBOM, LOST, OF_PLATFORM]) await pushAll(layout, [one]);
  await layout.change((entries) =>
    Promise.resolve([
      ...[SIGNATURE, OF_LOST, SBOM].map(({ descriptor }) => descriptor),
      ...entries,
      ...[LOST, OF_PLATFORM].map(({ descriptor }) => descriptor),
    ])
  );
  await layout.close();
  return layout;
}

/** Digests of entries, sorted. */
const digestsIn = async (layout: Layout) =>
  (await layout.entries()).map(({ digest }) => digest).sort();
const digestsOf = (...blobs: readonly Blob[]) =>
  blobs.map(({ descriptor }) => descriptor.digest).sort();

Deno.test("living: what refers to an image goes when its last name goes or moves", async () => {
  const from = new MemoryStore();
  await pushAll(from, [...TWO.blobs, CONFIG]);
  await copy(from, TWO.root.descriptor, from, { tags: ["app:v1"] });
  const other = await openLayout(await Deno.makeTempDir(), { create: true });
  await copy(from, TWO.root.descriptor, other, { tags: ["app:v1"] });
  const ways: Readonly<Record<string, (layout: Layout) => Promise<unknown>>> = {
    rm: (layout) => layout.remove(["app:v1"]),
    "rm by digest": (layout) => layout.remove([ONE.root.descriptor.digest]),
    copy: (layout) => copy(from, TWO.root.descriptor, layout, { tags: ["app:v1"] }),
    merge: (layout) => mergeLayouts(layout, [other], { force: true }),
  };
  for (const [way, work] of Object.entries(ways)) {
    await using dir = await tempDir();
    const notes: string[] = [];
    await filled(dir.join("l"));
    const layout = await openLayout(dir.join("l"), { emit: ({ message }) => notes.push(message) });
    // One of two names is not the last.
    await layout.tag(ONE.root.descriptor, "also:v1");
    await layout.remove(["also:v1"]);
    assert.equal((await layout.entries()).length, 6, way);
    assert.deepEqual(notes, [], way);
    await work(layout);
    const left = way.startsWith("rm") ? [LOST, OF_LOST] : [LOST, OF_LOST, TWO.root];
    assert.deepEqual(await digestsIn(layout), digestsOf(...left), way);
    assert.equal(notes.length, 1, way);
    for (const digest of digestsOf(SBOM, SIGNATURE, OF_PLATFORM)) {
      assert.ok(notes.join().includes(digest), way);
    }
    const { removed, dropped } = await collectGarbage(layout, NOW);
    assert.deepEqual(dropped, [], way);
    const gone = digestsOf(...ONE.blobs, SBOM, SIGNATURE, OF_PLATFORM);
    assert.deepEqual(removed.map(({ digest }) => digest), gone, way);
  }
  await Deno.remove(other.directory, { recursive: true });
});

Deno.test("living: gc takes what refers to an image that other tools took the name of", async () => {
  await using dir = await tempDir();
  const layout = await filled(dir.join("l"));
  assert.deepEqual((await collectGarbage(layout, NOW)).removed, []);
  const text = await Deno.readTextFile(dir.join("l/index.json"));
  const index = JSON.parse(text);
  index.manifests = index.manifests.filter(({ annotations }: { annotations?: unknown }) =>
    annotations === undefined
  );
  await Deno.writeTextFile(dir.join("l/index.json"), JSON.stringify(index));
  const young = await collectGarbage(layout, { minimumAgeMs: 60_000 });
  assert.deepEqual([young.removed, young.dropped], [[], []]);
  assert.equal((await layout.entries()).length, 5);
  const dry = await collectGarbage(layout, { ...NOW, dryRun: true });
  const { removed, dropped } = await collectGarbage(layout, NOW);
  assert.deepEqual(dry.dropped, dropped);
  assert.deepEqual(dropped.toSorted(), digestsOf(SBOM, SIGNATURE, OF_PLATFORM));
  assert.equal(removed.length, ONE.blobs.length + 3);
  assert.deepEqual(await digestsIn(layout), digestsOf(LOST, OF_LOST));
  assert.deepEqual((await collectGarbage(layout, NOW)).removed, []);
});

Deno.test("living: a part that another image has keeps what refers to it", async () => {
  await using dir = await tempDir();
  const layout = await filled(dir.join("l"));
  await layout.tag(ONE.manifests[0].descriptor, "amd64:v1");
  await layout.remove(["app:v1"]);
  const left = [LOST, OF_LOST, OF_PLATFORM, ONE.manifests[0]];
  assert.deepEqual(await digestsIn(layout), digestsOf(...left));
  await collectGarbage(layout, NOW);
  assert.equal(await layout.has(ONE.manifests[0].descriptor), true);
});

Deno.test("living: a name of its own keeps what refers to an image, and the image", async () => {
  await using dir = await tempDir();
  const layout = await filled(dir.join("l"));
  await layout.tag(SBOM.descriptor, "sbom:v1");
  await layout.remove(["app:v1"]);
  assert.ok((await digestsIn(layout)).includes(SIGNATURE.descriptor.digest));
  assert.deepEqual((await collectGarbage(layout, NOW)).removed, []);
  assert.equal(await layout.has(ONE.root.descriptor), true);
});

Deno.test("living: a note of thousands that went stays short", () => {
  const dropped = Array.from({ length: 5000 }, () => SBOM.descriptor);
  const { message } = droppedNote("l", dropped);
  assert.match(message, / and 4980 more from layout l, too: /);
  assert.ok(message.length < 2000);
});

Deno.test("living: a damaged image can be removed; what nobody can tell of stays", async () => {
  await using dir = await tempDir();
  const layout = await filled(dir.join("l"));
  const path = dir.join("l/blobs/sha256", ONE.root.descriptor.digest.slice(7));
  await Deno.writeFile(path, ONE.root.bytes.toReversed());
  await layout.remove(["app:v1"]);
  assert.equal((await layout.entries()).length, 5);
});
