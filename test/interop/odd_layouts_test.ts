/**
 * What other tools write in another way than kodeno: `null` where it leaves out, and entries that it
 * cannot use beside good ones. Each command does with the good ones what it would do without the others.
 * @module
 */
import assert from "node:assert/strict";
import { verify } from "../../src/content/check.ts";
import { MediaType } from "../../src/oci/descriptor.ts";
import { openImages } from "../../src/place/open.ts";
import { openRegistry } from "../../src/place/registry/registry.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { startServe } from "../serve/served.ts";
import { member, tar } from "../archive/images.ts";
import { type Blob, blob, image, imageGraph, jsonBlob } from "../support/image_graph.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { entriesOf } from "../support/layout.ts";
import { tempDir } from "../support/temp.ts";
import { type OddLayout, writeOddArchive, writeOddLayout } from "./odd_layout.ts";

const NAME = "org.opencontainers.image.ref.name";
const named = (d: object, name: string) => ({ ...d, annotations: { [NAME]: name } });

/** An image of which each member that may be left out is `null`. */
function imageOfNulls(): { readonly root: Blob; readonly blobs: readonly Blob[] } {
  const layer = blob("a layer");
  const unsaid = { annotations: null, platform: null, artifactType: null, urls: null };
  const config = jsonBlob({
    architecture: "amd64",
    os: "linux",
    variant: null,
    created: null,
    author: null,
    config: { Entrypoint: null, Cmd: null, Env: null, User: null, WorkingDir: null, Labels: null },
    rootfs: { type: "layers", diff_ids: [layer.descriptor.digest] },
    history: null,
    "x-theirs": [1.5],
  }, MediaType.config);
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: null,
    artifactType: null,
    config: { ...config.descriptor, ...unsaid },
    layers: [{ ...layer.descriptor, ...unsaid }],
    subject: null,
    annotations: null,
  }, MediaType.manifest);
  const root = jsonBlob({
    schemaVersion: 2,
    mediaType: null,
    manifests: [{
      ...manifest.descriptor,
      ...unsaid,
      platform: { os: "linux", architecture: "amd64", variant: null, "os.version": null },
    }],
    subject: null,
    annotations: null,
  }, MediaType.index);
  return { root, blobs: [layer, config, manifest, root] };
}

Deno.test("odd layouts: null is what is not there, and the digest stays", async () => {
  await using dir = await tempDir();
  const { root, blobs } = imageOfNulls();
  const entry = { ...root.descriptor, platform: null, artifactType: null, data: null };
  const theirs = { ...entry, annotations: { [NAME]: "app:v1", "org.example": null } };
  const index = { schemaVersion: 2, manifests: [theirs], annotations: null, subject: null };
  await writeOddLayout(dir.join("l"), { index, blobs });
  await writeOddArchive(dir.join("a.tar"), { index, blobs });
  const { digest } = root.descriptor;
  for (const place of ["l", "a.tar"]) {
    assert.match(await done(dir, ["ls", place]), /^app:v1 {2}sha256:\S+ .*linux\/amd64$/);
    assert.doesNotMatch(await done(dir, ["inspect", place]), /damaged|missing|null/);
    const kind = place === "l" ? "oci" : "archive";
    assert.equal(
      await done(dir, ["copy", `${kind}:${place}`, `oci:c-${place}`]),
      `app:v1@${digest}`,
    );
    using copied = await openImages(dir.join(`c-${place}`));
    assert.equal((await verify(copied, await copied.resolve("app:v1"))).blobs, 4);
    const one = ["--platform", "linux/amd64"];
    await done(dir, ["copy", `${kind}:${place}:app:v1`, "archive:one.tar", ...one]);
  }
  // What others wrote stays as they wrote it, beside what is added.
  await done(dir, ["tag", "l", "app:v1", "app:v2"]);
  const { manifests, ...rest } = JSON.parse(await Deno.readTextFile(dir.join("l/index.json")));
  assert.deepEqual(manifests[0], theirs);
  assert.equal(manifests.length, 2);
  assert.deepEqual(rest, { schemaVersion: 2, annotations: null, subject: null });
});

Deno.test("odd layouts: numbers of others keep each digit when the index is written", async () => {
  await using dir = await tempDir();
  const { root, blobs } = imageGraph();
  const entry = JSON.stringify(named(root.descriptor, "v1")).replace(/}$/, ',"x":[1.0,2e2]}');
  const index = `{"schemaVersion":2,"y":12345678901234567890,"manifests":[${entry}]}`;
  await writeOddLayout(dir.join("l"), { index, blobs });
  await done(dir, ["tag", "l", "v1", "v2"]);
  const text = await Deno.readTextFile(dir.join("l/index.json"));
  assert.ok(text.startsWith('{"schemaVersion":2,"y":12345678901234567890,"manifests":['), text);
  assert.ok(text.includes(entry), text);
});

Deno.test("odd layouts: a manifest without layers has none; one of nothing is listed", async () => {
  await using dir = await tempDir();
  const config = jsonBlob({ rootfs: { type: "layers", diff_ids: null } }, MediaType.config);
  const bare = { schemaVersion: 2, config: config.descriptor };
  const manifests = [bare, { ...bare, layers: null }].map((value) =>
    jsonBlob(value, MediaType.manifest)
  );
  const entries = manifests.map(({ descriptor }, i) => named(descriptor, `v${i}`));
  const blobs = [config, ...manifests];
  await writeOddLayout(dir.join("l"), { index: { schemaVersion: 2, manifests: entries }, blobs });
  const lines = (await done(dir, ["ls", "l"])).split("\n");
  assert.equal(lines.length, 2);
  for (const line of lines) assert.match(line, /^v\d {2}sha256:\S+ {2}\d+ B\s*$/);
  for (const [i, { descriptor }] of manifests.entries()) {
    assert.equal(await done(dir, ["copy", `oci:l:v${i}`, "oci:c"]), `v${i}@${descriptor.digest}`);
  }
});

const good = imageGraph("good");
const GOOD = good.root.descriptor;

/** Entries that nobody can use, and what is said of each. */
const ODD: Readonly<Record<string, readonly [entry: unknown, why: RegExp]>> = {
  "an unknown algorithm": [
    named({ ...GOOD, digest: `blake3:${"a".repeat(64)}` }, "odd"),
    /its digest: it is not a digest/,
  ],
  "a broken digest": [named({ ...GOOD, digest: "sha256:../../x" }, "odd"), /its digest: /],
  "no digest": [named({ ...GOOD, digest: null }, "odd"), /its digest: /],
  "no media type": [named({ ...GOOD, mediaType: undefined }, "odd"), /its mediaType: /],
  "a size below zero": [named({ ...GOOD, size: -1 }, "odd"), /its size: /],
  "annotations that are numbers": [{ ...GOOD, annotations: { a: 1 } }, /its annotations\.a: /],
  "a platform that is a text": [{ ...GOOD, platform: "linux/amd64" }, /its platform: /],
  "an entry that is null": [null, /it is not an object/],
};

for (const [what, [odd, why]] of Object.entries(ODD)) {
  Deno.test(`odd layouts: ${what} beside a good image hinders nobody`, async () => {
    await using dir = await tempDir();
    const manifests = [odd, named(GOOD, "app:v1")];
    const layout: OddLayout = { index: { schemaVersion: 2, manifests }, blobs: good.blobs };
    await writeOddLayout(dir.join("l"), layout);
    await writeOddArchive(dir.join("a.tar"), layout);
    for (const [place, name] of [["l", "oci:l"], ["a.tar", "archive:a.tar"]] as const) {
      const [first = "", second = ""] = (await done(dir, ["ls", place])).split("\n");
      assert.match(first, why);
      assert.match(second, /^app:v1 .*linux\/amd64,linux\/arm64$/);
      const tree = await done(dir, ["inspect", place]);
      assert.match(tree.split("\n")[0] ?? "", why);
      assert.match(tree, /\napp:v1 index sha256:/);
      const lines = (await done(dir, ["ls", place, "--json"])).split("\n");
      assert.match(JSON.parse(lines[0] ?? "").problem, why);
      // Without a name, too: it is the only one that can be meant.
      for (const from of [name, `${name}:app:v1`]) {
        assert.equal(await done(dir, ["copy", from, "oci:c"]), `app:v1@${GOOD.digest}`);
      }
      const merged = await kodeno(["merge", `m-${place}`, place], { cwd: dir.path });
      assert.deepEqual([merged.code, merged.stdout], [0, `app:v1@${GOOD.digest}\n`], merged.stderr);
      assert.match(merged.stderr, why);
    }
    await done(dir, ["tag", "l", "app:v1", "app:v2"]);
    const texts = (await entriesOf(dir.join("l"))).map((entry) => JSON.stringify(entry));
    assert.ok(texts.includes(JSON.stringify(odd)), texts.join("\n"));
    await done(dir, ["rm", "l", "app:v2"]);
    assert.equal((await entriesOf(dir.join("l"))).length, 2);
  });
}

Deno.test("odd layouts: what is odd can be removed by what ls calls it", async () => {
  await using dir = await tempDir();
  const manifests = Object.values(ODD).map(([entry]) => entry);
  manifests.push(named(GOOD, "app:v1"));
  const layout = { index: { schemaVersion: 2, manifests }, blobs: good.blobs };
  await writeOddLayout(dir.join("l"), layout);
  const names = (await done(dir, ["ls", "l"])).split("\n").map((line) =>
    line.split(/\s+/)[1] ?? ""
  );
  await done(dir, ["rm", "l", ...names.filter((name) => !name.includes(GOOD.digest))]);
  const left = await entriesOf(dir.join("l"));
  assert.ok(left.every((entry) => entry?.digest === GOOD.digest), JSON.stringify(left));
});

Deno.test({
  name: "odd layouts: push takes the good images, and tells of the others",
  ...needs("docker-registry"),
  async fn() {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    const { digest } = GOOD;
    const lost = imageGraph("lost");
    const partly = imageGraph("partly");
    const manifests = [
      ...Object.values(ODD).map(([entry]) => entry),
      named(lost.root.descriptor, "lost:v1"),
      named(GOOD, "app:v1"),
    ];
    const layout = { index: { schemaVersion: 2, manifests }, blobs: good.blobs };
    await writeOddLayout(dir.join("l"), layout);
    const to = `${registry.host}/x`;
    const pushed = await kodeno(["push", "l", "--to", to], { cwd: dir.path });
    assert.deepEqual([pushed.code, pushed.stdout], [0, `${to}/app:v1@${digest}\n`], pushed.stderr);
    assert.match(pushed.stderr, /Left out lost:v1 of l: Cannot find blob/);
    // One of which a layer is missing is told of in the end, when the others are there.
    await writeOddLayout(dir.join("p"), {
      index: {
        schemaVersion: 2,
        manifests: [named(partly.root.descriptor, "partly:v1"), named(GOOD, "app:v2")],
      },
      blobs: [...good.blobs, ...partly.blobs.filter((one) => one !== partly.shared)],
    });
    const failed = await kodeno(["push", "p", "--to", to], { cwd: dir.path });
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, new RegExp(`Pushed ${to}/app:v2@${digest}`));
    assert.match(failed.stderr, /Cannot find blob/);
    await using store = openRegistry(`${to}/app`);
    assert.equal((await store.resolve("v2")).digest, digest);
  },
});

Deno.test("odd layouts: they are served without what is odd, which is told", async () => {
  await using dir = await tempDir();
  const odd = ODD["an unknown algorithm"]?.[0];
  const manifests = [odd, named(GOOD, "app:v1")];
  await writeOddLayout(dir.join("l"), {
    index: { schemaVersion: 2, manifests },
    blobs: good.blobs,
  });
  await using server = await startServe(dir.join("l"));
  await using store = openRegistry(`${server.host}/app`);
  assert.equal((await verify(store, await store.resolve("v1"))).blobs, good.blobs.length);
  assert.match(server.log(), /Left out odd: its digest: /);
});

Deno.test("odd layouts: an index of which one platform is odd gives the others", async () => {
  await using dir = await tempDir();
  const [amd64, arm64 = amd64] = good.manifests;
  const platform = (architecture: string) => ({ platform: { os: "linux", architecture } });
  const index = jsonBlob({
    schemaVersion: 2,
    manifests: [
      { ...amd64.descriptor, ...platform("amd64") },
      { ...arm64.descriptor, ...platform("arm64"), digest: `blake3:${"a".repeat(64)}` },
    ],
  }, MediaType.index);
  const manifests = [named(index.descriptor, "app:v1")];
  const blobs = [...good.blobs, index];
  await writeOddLayout(dir.join("l"), { index: { schemaVersion: 2, manifests }, blobs });
  assert.match(
    await done(dir, ["ls", "l"]),
    /linux\/amd64.* \(incomplete: blake3:a+: its digest: .*\)$/,
  );
  assert.match(
    await done(dir, ["inspect", "l"]),
    /linux\/arm64 manifest blake3:\S+ .*its digest: /,
  );
  const copied = await done(dir, ["copy", "oci:l", "oci:c", "--platform", "linux/amd64"]);
  assert.equal(copied, `app:v1@${amd64.descriptor.digest}`);
  const all = await kodeno(["copy", "oci:l", "oci:all"], { cwd: dir.path });
  assert.equal(all.code, 1);
  assert.match(all.stderr, /Cannot use blake3:a+ of layout l: its digest: it is not a digest/);
});

Deno.test("odd layouts: what is odd gets no other name", async () => {
  await using dir = await tempDir();
  const manifests = [named({ ...GOOD, mediaType: undefined }, "odd:v1")];
  const layout = { index: { schemaVersion: 2, manifests }, blobs: good.blobs };
  await writeOddLayout(dir.join("l"), layout);
  const refused = await kodeno(["tag", "l", "odd:v1", "app:v1"], { cwd: dir.path });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Cannot use sha256:\S+ of layout l: its mediaType: /);
  assert.equal((await entriesOf(dir.join("l"))).length, 1);
});

Deno.test("odd layouts: what an image names by an unknown algorithm is shown, and hinders no other", async () => {
  await using dir = await tempDir();
  const garbage = blob("nobody needs it");
  const unknown = `sha384:${"a".repeat(96)}`;
  const layer = blob("a layer");
  const { manifest, config } = image({ os: "linux", architecture: "amd64" }, [layer]);
  const value = JSON.parse(new TextDecoder().decode(manifest.bytes));
  const oddLayer = { ...layer.descriptor, digest: unknown };
  const images = {
    layer: { ...value, layers: [oddLayer] },
    config: { ...value, config: { ...config.descriptor, digest: unknown } },
    subject: { ...value, subject: { ...manifest.descriptor, digest: unknown } },
  };
  for (const [what, changed] of Object.entries(images)) {
    const odd = jsonBlob(changed, MediaType.manifest);
    const manifests = [named(odd.descriptor, "odd:v1"), named(GOOD, "app:v1")];
    const blobs = [garbage, layer, config, odd, ...good.blobs];
    await writeOddLayout(dir.join(what), { index: { schemaVersion: 2, manifests }, blobs });
    const all = await done(dir, ["ls", what]);
    const problem = /^odd:v1 .*\(incomplete: sha384:a+: its digest: .*\)\napp:v1 .*arm64$/;
    if (what !== "subject") {
      assert.match(all, problem);
      const tree = await done(dir, ["inspect", `${what}:odd:v1`]);
      assert.match(tree, new RegExp(`${what} sha384:a+ .*its digest: `));
      assert.match(tree, new RegExp(`${what === "layer" ? "config" : "layer"} sha256:`));
    }
    assert.equal(await done(dir, ["copy", `oci:${what}:app:v1`, "oci:c"]), `app:v1@${GOOD.digest}`);
    const copied = await kodeno(["copy", `oci:${what}:odd:v1`, "oci:c"], { cwd: dir.path });
    assert.deepEqual([copied.code, copied.stdout], [1, ""]);
    assert.match(copied.stderr, /^Error: Cannot use sha384:a+ of layout \w+: its digest: /);
    const merged = await kodeno(["merge", `m-${what}`, what], { cwd: dir.path });
    assert.equal(merged.code, 1);
    assert.match(merged.stderr, /^Merged app:v1\nError: Cannot use sha384:a+ of /);
    const removed = (await done(dir, ["gc", what, "--prune-now"])).split("\n");
    assert.ok(removed.includes(garbage.descriptor.digest) && !removed.includes(GOOD.digest));
    assert.ok(!removed.includes(odd.descriptor.digest));
  }
});

Deno.test("odd layouts: gc removes what nobody needs, and nothing that others may need", async () => {
  await using dir = await tempDir();
  const garbage = blob("nobody needs it");
  const blobs = [...good.blobs, garbage];
  for (const [what, [odd]] of Object.entries(ODD)) {
    const index = { schemaVersion: 2, manifests: [odd, named(GOOD, "app:v1")] };
    await writeOddLayout(dir.join(what), { index, blobs });
    assert.equal(await done(dir, ["gc", what, "--prune-now"]), garbage.descriptor.digest, what);
  }
  // Who knows the algorithm may use what kodeno cannot, with all that it leads to.
  const theirs = imageGraph("theirs");
  const { root } = theirs;
  const unknown = { ...root.descriptor, digest: `blake3:${"a".repeat(64)}` };
  const index = { schemaVersion: 2, manifests: [unknown] };
  const layout = { index, blobs: [garbage, ...theirs.blobs.filter((one) => one !== root)] };
  const path = `blobs/blake3/${"a".repeat(64)}`;
  await writeOddLayout(dir.join("l"), { ...layout, files: { [path]: root.bytes } });
  assert.equal(await done(dir, ["gc", "l", "--prune-now"]), garbage.descriptor.digest);
  await writeOddLayout(dir.join("d"), { ...layout, files: { [path]: "{" } });
  const refused = await kodeno(["gc", "d", "--prune-now"], { cwd: dir.path });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Cannot tell which blobs .* are in use: .*blake3/);
  // So may who refers by it to something that nothing else leads to.
  const about = jsonBlob({
    schemaVersion: 2,
    config: theirs.shared.descriptor,
    subject: root.descriptor,
  }, MediaType.manifest);
  const attached = { ...about.descriptor, digest: unknown.digest };
  await writeOddLayout(dir.join("s"), {
    index: { schemaVersion: 2, manifests: [attached] },
    blobs: [garbage, ...theirs.blobs],
    files: { [path]: about.bytes },
  });
  assert.equal(await done(dir, ["gc", "s", "--prune-now"]), garbage.descriptor.digest);
  // What says no type of itself is what it is.
  const untyped = { schemaVersion: 2, manifests: [{ ...root.descriptor, mediaType: null }] };
  await writeOddLayout(dir.join("u"), { index: untyped, blobs: [garbage, ...theirs.blobs] });
  assert.equal(await done(dir, ["gc", "u", "--prune-now"]), garbage.descriptor.digest);
});

Deno.test("odd archives: one image of docker save that cannot be read hinders no other", async () => {
  await using dir = await tempDir();
  const layer = "a layer's bytes";
  const config = JSON.stringify({
    os: "linux",
    architecture: "amd64",
    history: null,
    rootfs: { type: "layers", diff_ids: [blob(layer).descriptor.digest] },
  });
  const items = [
    { Config: "gone.json", RepoTags: ["odd:v1"], Layers: [] },
    { Config: null, RepoTags: null, Layers: null },
    { Config: 5, RepoTags: ["odd:v2"] },
    { Config: "c.json", RepoTags: [null, "app:v1", "A B", ""], Layers: ["l.tar"], Parent: null },
  ];
  const archive = tar(
    member("manifest.json", JSON.stringify(items)),
    member("c.json", config),
    member("l.tar", layer),
  );
  await dir.write("a.tar", archive);
  const lines = (await done(dir, ["ls", "a.tar"])).split("\n");
  assert.match(lines[0] ?? "", /^odd:v1 .*names "gone\.json", which it has not/);
  assert.match(lines[1] ?? "", /^- .*an item of its manifest\.json is no image/);
  assert.match(lines[2] ?? "", /^odd:v2 .*an item of its manifest\.json is no image/);
  assert.match(lines[3] ?? "", /^app:v1 .*linux\/amd64$/);
  // A name that no image can have is shown as it is, and hinders no other name.
  assert.match(lines[4] ?? "", /^A B .*linux\/amd64$/);
  assert.equal(lines.length, 5);
  assert.match(await done(dir, ["copy", "archive:a.tar:app:v1", "oci:c"]), /^app:v1@sha256:/);
  const odd = await kodeno(["copy", "archive:a.tar:odd:v1", "oci:c"], { cwd: dir.path });
  assert.equal(odd.code, 1);
  assert.match(odd.stderr, /gone\.json/);
});
