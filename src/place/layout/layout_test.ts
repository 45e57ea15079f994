/**
 * A layout on disk beyond the contract of places: the bytes of `index.json`, what other tools put
 * there, and taking back what failed. The contract is run by test/contract.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith, soon } from "../../../test/support/fails.ts";
import {
  type Blob,
  blob,
  image,
  imageGraph,
  jsonBlob,
  pushAll,
} from "../../../test/support/image_graph.ts";
import { fingerprint } from "../../../test/support/layout.ts";
import { type TempDir, tempDir } from "../../../test/support/temp.ts";
import { copy } from "../../content/copy.ts";
import { verify } from "../../content/check.ts";
import { type Descriptor, MediaType } from "../../oci/descriptor.ts";
import { listed } from "../../oci/entries.ts";
import { encodeJson } from "../../oci/manifest.ts";
import { MemoryStore } from "../memory.ts";
import { collectGarbage } from "./gc.ts";
import { type Layout, openLayout } from "./layout.ts";
import { withoutLeases } from "./leases.ts";
import { mergeLayouts } from "./merge.ts";

const GRAPH = imageGraph();
const ROOT = GRAPH.root.descriptor;

async function filled(dir: TempDir, name = "layout"): Promise<Layout> {
  const layout = await openLayout(dir.join(name), { create: true });
  await pushAll(layout, GRAPH.blobs);
  return layout;
}

Deno.test("layout: a digest removes what has it, and nothing that is only called so", async () => {
  await using dir = await tempDir();
  const layout = await filled(dir);
  await layout.tag(ROOT, "app:v1");
  const path = dir.join("layout/index.json");
  const index = JSON.parse(await Deno.readTextFile(path));
  const [manifest] = GRAPH.manifests;
  const annotations = { "io.containerd.image.name": ROOT.digest };
  index.manifests.push({ ...manifest.descriptor, annotations });
  await Deno.writeTextFile(path, JSON.stringify(index));
  await layout.remove([ROOT.digest]);
  const left = (await layout.entries()).map(({ digest }) => digest);
  assert.deepEqual(left, [manifest.descriptor.digest]);
});

Deno.test("layout: a name removes what is called so, and not what has it for a digest", async () => {
  for (const name of ["app:v1", "app", "v1", "reg.local/app:v1"]) {
    await using dir = await tempDir();
    const layout = await filled(dir);
    await layout.tag(ROOT, name === "v1" ? name : "reg.local/app:v1");
    const path = dir.join("layout/index.json");
    const index = JSON.parse(await Deno.readTextFile(path));
    // Nobody can use it, but it is not what was asked for.
    const odd = { mediaType: MediaType.manifest, digest: name, size: 1 };
    index.manifests.unshift(odd);
    await Deno.writeTextFile(path, JSON.stringify(index));
    await layout.remove([name]);
    const { manifests } = JSON.parse(await Deno.readTextFile(path));
    assert.deepEqual(manifests, [odd], name);
    await layout.remove([name]);
    assert.deepEqual(await layout.entries(), [], name);
  }
});

Deno.test("layout: index.json does not tell in which order images came", async () => {
  const names = ["b:v1", "a:v2", "c/d:v1", "a:v1", "v1"];
  const texts: string[] = [];
  for (const order of [names, names.toReversed(), names.toSorted()]) {
    await using dir = await tempDir();
    const layout = await filled(dir);
    // All at once, as images are finished, and from several processes.
    const layouts = [layout, await openLayout(layout.directory)];
    await Promise.all(order.map((name, i) => layouts[i % 2]?.tag(ROOT, name)));
    texts.push(await Deno.readTextFile(dir.join("layout/index.json")));
  }
  assert.equal(new Set(texts).size, 1);
  const { manifests } = JSON.parse(texts[0] ?? "") as { manifests: Descriptor[] };
  assert.deepEqual(manifests[0], {
    ...ROOT,
    annotations: {
      "io.containerd.image.name": "docker.io/library/a:v1",
      "org.opencontainers.image.ref.name": "v1",
    },
  });
  assert.equal(manifests.length, names.length);
});

Deno.test("layout: the same again does not touch index.json", async () => {
  await using dir = await tempDir();
  const layout = await filled(dir);
  await layout.tag(ROOT, "app:v1");
  const path = dir.join("layout/index.json");
  const { ino } = await Deno.stat(path);
  await layout.tag(ROOT, "app:v1");
  await (await filled(dir)).tag(ROOT, "app:v1");
  assert.equal((await Deno.stat(path)).ino, ino);
  const { manifest, config } = image({ os: "linux", architecture: "386" }, [GRAPH.shared]);
  await pushAll(layout, [config, manifest]);
  await layout.tag(manifest.descriptor, "app:v1");
  assert.deepEqual((await layout.entries()).map((e) => e.digest), [manifest.descriptor.digest]);
});

Deno.test("layout: what another tool wrote into index.json stays", async () => {
  await using dir = await tempDir();
  const layout = await filled(dir);
  const foreign = {
    ...ROOT,
    annotations: { "org.opencontainers.image.ref.name": "theirs", "org.example": "x" },
    "org.example.field": { deep: [1] },
    platform: { os: "linux", architecture: "amd64", features: ["x"] },
  };
  const document = { schemaVersion: 2, annotations: { by: "them" }, "x-more": 1 };
  const write = { ...document, manifests: [{ ...foreign, data: "eA==" }, foreign] };
  await dir.write("layout/index.json", JSON.stringify(write, undefined, 2));
  await layout.tag(ROOT, "app:v1");
  const { manifests, ...rest } = JSON.parse(await Deno.readTextFile(dir.join("layout/index.json")));
  assert.deepEqual(rest, document);
  const theirs = manifests.filter((e: Descriptor) => e.annotations?.["org.example"] === "x");
  assert.deepEqual(theirs, write.manifests);
  assert.equal(manifests.length, 3);
});

Deno.test("layout: entries are read once, and again when somebody has changed them", async () => {
  await using dir = await tempDir();
  const layout = await filled(dir);
  await layout.tag(ROOT, "app:v1");
  const path = dir.join("layout/index.json");
  const longAgo = new Date(Date.now() - 10_000);
  const text = await Deno.readTextFile(path);
  // A file that was just changed may be changed again at what its clock has for the same time.
  const same = await layout.entries();
  assert.equal(await layout.entries(), same);
  await Deno.writeTextFile(path, text.replaceAll("v1", "v2"));
  await Deno.utime(path, longAgo, longAgo);
  const [other] = await layout.entries();
  assert.match(JSON.stringify(other), /v2/);
  await (await openLayout(layout.directory)).tag(ROOT, "app:v3");
  assert.equal((await layout.entries()).length, 2);
});

Deno.test("layout: images are found by name, tag and digest", async () => {
  await using dir = await tempDir();
  const layout = await filled(dir);
  const platform = { os: "linux", architecture: "amd64" };
  await layout.tag({ ...GRAPH.manifests[0].descriptor, platform }, "app:amd64");
  await layout.tag(ROOT, "app:latest");
  for (const ref of ["app", "latest", "app:latest", ROOT.digest]) {
    assert.equal((await layout.resolve(ref)).digest, ROOT.digest);
  }
  assert.deepEqual((await layout.resolve("amd64")).platform, platform);
  const why = /Cannot find image "v9" in layout .*: it has app:amd64, app:latest$/;
  await failsWith("NOT_FOUND", () => layout.resolve("v9"), why);
});

Deno.test("layout: what was damaged or deleted is not there", async () => {
  await using dir = await tempDir();
  const layout = await filled(dir);
  await layout.tag(ROOT, "app:v1");
  const path = (d: Descriptor) => dir.join("layout/blobs", d.digest.replace(":", "/"));
  const shared = GRAPH.shared.descriptor;
  await Deno.truncate(path(shared), 3);
  await failsWith("BAD_CONTENT", () => layout.fetch(shared), /it has 3 bytes, not the/);
  for (const harm of [() => Promise.resolve(), () => Deno.remove(path(shared))]) {
    await harm();
    const opened = await openLayout(layout.directory);
    assert.deepEqual([await opened.has(shared), await opened.has(ROOT)], [false, false]);
    await failsWith("NOT_FOUND", () => opened.tag(ROOT, "app:v2"), /it is not there, or not whole/);
  }
  const opened = await openLayout(layout.directory);
  await pushAll(opened, [GRAPH.shared]);
  assert.equal(await opened.has(ROOT), true);
  await Deno.writeFile(path(ROOT), new Uint8Array(ROOT.size));
  const next = await openLayout(layout.directory);
  await failsWith("BAD_CONTENT", () => next.has(ROOT), /its content has digest/);
});

Deno.test("layout: a document is there with its own size only", async () => {
  await using dir = await tempDir();
  const layout = await filled(dir);
  assert.ok(await layout.has(ROOT));
  assert.ok(!(await layout.has({ ...ROOT, size: ROOT.size + 1 })));
});

Deno.test("layout: of a document that is an index and a manifest, gc keeps what both lead to", async () => {
  await using dir = await tempDir();
  const layout = await filled(dir);
  const { bytes } = GRAPH.manifests[0];
  const both = blob(
    encodeJson({
      ...JSON.parse(new TextDecoder().decode(bytes)),
      mediaType: undefined,
      manifests: [],
    }),
    MediaType.manifest,
  );
  await pushAll(layout, [both]);
  await layout.tag(both.descriptor, "app:v1");
  await layout.tag({ ...both.descriptor, mediaType: MediaType.index }, "app:v2");
  await collectGarbage(layout, { minimumAgeMs: -Infinity });
  await verify(layout, both.descriptor);
});

Deno.test("layout: a damaged index.json is told, and not written over", async () => {
  const list = '{"schemaVersion":2,"manifests":{}}';
  const cases = { "{": /not JSON/, "{}": /schemaVersion/, [list]: /manifests/ };
  for (const [text, why] of Object.entries(cases)) {
    await using dir = await tempDir();
    const layout = await filled(dir);
    await dir.write("layout/index.json", text);
    await failsWith("BAD_CONTENT", () => layout.entries(), why);
    await failsWith("BAD_CONTENT", () => layout.tag(ROOT, "app:v1"), /index.json of layout/);
    assert.equal(await Deno.readTextFile(dir.join("layout/index.json")), text);
  }
});

Deno.test("layout: failed work takes back the layout it made", async () => {
  await using dir = await tempDir();
  await (await filled(dir)).undo();
  assert.deepEqual(await dir.list(), []);
  await (await openLayout(dir.join("empty"), { create: true })).undo();
  assert.deepEqual(await dir.list(), []);
  // An empty folder of the user's is the user's.
  await Deno.mkdir(dir.join("own"));
  await (await openLayout(dir.join("own"), { create: true })).undo();
  assert.deepEqual([await dir.list(), await dir.list("own")], [["own"], []]);
});

Deno.test("layout: what was there before, was named, or is somebody else's stays", async () => {
  const cases: Readonly<Record<string, (dir: TempDir) => Promise<Layout>>> = {
    "it was there before": async (dir) => {
      await openLayout(dir.join("layout"), { create: true });
      return await filled(dir);
    },
    "an image was named": async (dir) => {
      const layout = await filled(dir);
      await layout.tag(ROOT, "app:v1");
      return layout;
    },
    "another process named one": async (dir) => {
      const layout = await filled(dir);
      await (await openLayout(layout.directory)).tag(ROOT, "app:v1");
      return layout;
    },
  };
  for (const [what, make] of Object.entries(cases)) {
    await using dir = await tempDir();
    const layout = await make(dir);
    const before = await fingerprint(dir.path);
    await layout.undo();
    assert.deepEqual(await fingerprint(dir.path), before, what);
  }
  await using dir = await tempDir();
  const layout = await filled(dir);
  const theirs = blob("of another process");
  {
    using other = await openLayout(layout.directory);
    await pushAll(other, [theirs]);
    // Who is still at work may count on any blob.
    const before = await fingerprint(dir.path);
    await layout.undo();
    assert.deepEqual(await fingerprint(dir.path), before);
  }
  await layout.undo();
  const opened = await openLayout(layout.directory);
  assert.deepEqual([await opened.has(theirs.descriptor), await opened.has(ROOT)], [true, false]);
});

Deno.test("layout: what a killed process left goes away with the next change", async () => {
  await using dir = await tempDir();
  const layout = await filled(dir);
  const name = ".kodeno-elsewhere-1-1.tmp";
  const old = new Date(Date.now() - 48 * 60 * 60 * 1000);
  await Deno.utime(await dir.write(`layout/${name}`, "half a blob"), old, old);
  await (await openLayout(layout.directory)).tag(ROOT, "app:v1");
  assert.deepEqual(await dir.list("layout"), ["blobs", "index.json", "oci-layout"]);
});

Deno.test("layout: a folder that cannot be written to is told in one line", async () => {
  await using dir = await tempDir();
  const layout = await openLayout(dir.join("layout"), { create: true });
  await Deno.remove(dir.join("layout/blobs"), { recursive: true });
  const push = () => pushAll(layout, [GRAPH.shared]);
  await failsWith("IO_FAILED", push, /^Cannot write blob sha256:.* to layout .*: there is no such/);
  assert.deepEqual(await dir.list("layout"), ["index.json", "oci-layout"]);
});

Deno.test("layout: an index.json that could not be read again is not written", async () => {
  await using dir = await tempDir();
  const layout = await filled(dir);
  await layout.tag(ROOT, "a:v1");
  const before = await Deno.readFile(dir.join("layout/index.json"));
  const many = Array.from({ length: 40_000 }, () => ROOT);
  const change = () => layout.change((entries) => Promise.resolve([...entries, ...many]));
  await failsWith(
    "BAD_PLACE",
    change,
    /index\.json would have more than 4194304 bytes; use another/,
  );
  assert.deepEqual(await Deno.readFile(dir.join("layout/index.json")), before);
});

Deno.test("layout: a blob that another tool takes away before the name is there is brought again", async () => {
  await using dir = await tempDir();
  const from = new MemoryStore();
  await pushAll(from, GRAPH.blobs);
  const layout = await openLayout(dir.join("layout"), { create: true });
  const shared = dir.join("layout/blobs/sha256", GRAPH.shared.descriptor.digest.slice(7));
  let taken = 0;
  const take = (limit: number) => (d: Descriptor) => {
    if (d.digest === ROOT.digest && taken++ < limit) Deno.removeSync(shared);
  };
  await copy(from, ROOT, layout, { tags: ["app:v1"], onBlob: take(2) });
  assert.equal(taken, 3);
  assert.equal((await verify(layout, ROOT)).blobs, GRAPH.blobs.length);
  taken = 0;
  const never = () => copy(from, ROOT, layout, { tags: ["app:v2"], onBlob: take(9) });
  await failsWith("NOT_FOUND", never, /Cannot tag .* it is not there, or not whole/);
  assert.equal(taken, 3);
});

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
async function withImages(path: string): Promise<Layout> {
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
    await withImages(dir.join("l"));
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
  const layout = await withImages(dir.join("l"));
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

Deno.test("living: what refers to an image and cannot be used stays when that goes, and with gc", async () => {
  await using dir = await tempDir();
  const layout = await withImages(dir.join("l"));
  const path = dir.join("l/index.json");
  const index = JSON.parse(await Deno.readTextFile(path));
  const tag = `${ONE.root.descriptor.digest.replace(":", "-")}.sig`;
  const annotations = { "org.opencontainers.image.ref.name": tag };
  const odd = { ...ONE.shared.descriptor, mediaType: 1, annotations };
  index.manifests.push({ ...SIGNATURE.descriptor, annotations }, odd);
  await Deno.writeTextFile(path, JSON.stringify(index));
  await layout.remove(["app:v1"]);
  const left = digestsOf(LOST, OF_LOST, ONE.shared);
  assert.deepEqual(await digestsIn(layout), left);
  await collectGarbage(layout, NOW);
  assert.deepEqual(await digestsIn(layout), left);
  const text = await Deno.readTextFile(path);
  assert.deepEqual(JSON.parse(text).manifests.at(-1), odd);
  await Deno.lstat(dir.join("l/blobs/sha256", odd.digest.slice(7)));
});

Deno.test("living: a part that another image has keeps what refers to it", async () => {
  await using dir = await tempDir();
  const layout = await withImages(dir.join("l"));
  await layout.tag(ONE.manifests[0].descriptor, "amd64:v1");
  await layout.remove(["app:v1"]);
  const left = [LOST, OF_LOST, OF_PLATFORM, ONE.manifests[0]];
  assert.deepEqual(await digestsIn(layout), digestsOf(...left));
  await collectGarbage(layout, NOW);
  assert.equal(await layout.has(ONE.manifests[0].descriptor), true);
});

Deno.test("living: a name of its own keeps what refers to an image, and the image", async () => {
  await using dir = await tempDir();
  const layout = await withImages(dir.join("l"));
  await layout.tag(SBOM.descriptor, "sbom:v1");
  await layout.remove(["app:v1"]);
  assert.ok((await digestsIn(layout)).includes(SIGNATURE.descriptor.digest));
  assert.deepEqual((await collectGarbage(layout, NOW)).removed, []);
  assert.equal(await layout.has(ONE.root.descriptor), true);
});

Deno.test("living: a note of thousands that went stays short", () => {
  const note = listed(Array.from({ length: 5000 }, () => SBOM.descriptor.digest));
  assert.match(note, / and 4980 more$/);
  assert.ok(note.length < 2000);
});

Deno.test("living: a damaged image can be removed; what nobody can tell of stays", async () => {
  await using dir = await tempDir();
  const layout = await withImages(dir.join("l"));
  const path = dir.join("l/blobs/sha256", ONE.root.descriptor.digest.slice(7));
  await Deno.writeFile(path, ONE.root.bytes.toReversed());
  await layout.remove(["app:v1"]);
  assert.equal((await layout.entries()).length, 5);
});

const LOOSE = blob("named by nobody");

Deno.test("lease: what was found or brought stays till the layout is closed", async () => {
  await using dir = await tempDir();
  const path = dir.join("layout");
  const bringing = await openLayout(path, { create: true });
  await pushAll(bringing, [LOOSE]);
  const finding = await openLayout(path);
  assert.equal(await finding.has(LOOSE.descriptor), true);
  const other = await openLayout(path);
  const left = async () => {
    const { removed, busy } = await collectGarbage(other, NOW);
    return [removed.length, busy.length];
  };
  assert.deepEqual(await left(), [0, 1]);
  await bringing.close();
  assert.deepEqual(await left(), [0, 1]);
  assert.equal(await other.has(LOOSE.descriptor), true);
  await finding.close();
  await finding.close();
  // Whoever collects does not count on anything.
  assert.deepEqual(await left(), [1, 0]);
});

Deno.test("lease: several of a process are one, and the last one counts", async () => {
  await using dir = await tempDir();
  const layout = await openLayout(dir.join("layout"), { create: true });
  const alone = (waitMs = 50) =>
    withoutLeases(layout.directory, waitMs, () => Promise.resolve("alone"));
  const one = await layout.hold();
  const waiting = alone();
  // A second one does not wait behind who waits for the first.
  const two = await soon(layout.hold());
  assert.equal(await waiting, "busy");
  one[Symbol.dispose]();
  assert.equal(await alone(), "busy");
  two[Symbol.dispose]();
  assert.equal(await soon(alone(4000)), "alone");
});

Deno.test("lease: who waits ends with the signal, and new ones come in after the work", async () => {
  await using dir = await tempDir();
  const layout = await openLayout(dir.join("layout"), { create: true });
  const during = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const work = withoutLeases(layout.directory, 50, () => {
    begun.resolve();
    return during.promise;
  });
  await begun.promise;
  const signal = AbortSignal.timeout(20);
  await assert.rejects(soon(layout.hold({ signal })), /timeout/i);
  const holding = layout.hold();
  during.resolve();
  await work;
  (await soon(holding))[Symbol.dispose]();
});

Deno.test("lease: without blobs, there is nothing to hold", async () => {
  await using dir = await tempDir();
  const layout = await openLayout(dir.join("layout"), { create: true });
  await Deno.remove(dir.join("layout/blobs"), { recursive: true });
  (await layout.hold())[Symbol.dispose]();
  const { removed, busy } = await collectGarbage(layout, NOW);
  assert.deepEqual([removed, busy], [[], []]);
});
