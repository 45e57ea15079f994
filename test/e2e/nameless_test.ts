/**
 * Images without a name, as `docker save ID` and other tools write them: every command takes them
 * along by their digest, and what it cannot take it tells of.
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { openLayout } from "../../src/place/layout/layout.ts";
import { startRegistry } from "../parts/registry.ts";
import { goTool, needs } from "../parts/tools.ts";
import { blob, imageGraph, jsonBlob, pushAll } from "../support/image_graph.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { assertSound, entriesOf } from "../support/layout.ts";
import { succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const one = imageGraph("one");
const two = imageGraph("two");
const [ONE, TWO] = [one.root.descriptor.digest, two.root.descriptor.digest];

/** A layout whose `index.json` has these entries, with all blobs of the images. */
async function layoutOf(dir: TempDir, folder: string, entries: readonly unknown[]) {
  const layout = await openLayout(dir.join(folder), { create: true });
  await pushAll(layout, [...one.blobs, ...two.blobs]);
  const index = { schemaVersion: 2, manifests: entries };
  await Deno.writeTextFile(dir.join(folder, "index.json"), JSON.stringify(index));
}

async function digestsIn(dir: TempDir, folder: string): Promise<string[]> {
  await assertSound(dir.join(folder));
  return (await entriesOf(dir.join(folder))).map(({ digest }) => digest).sort();
}

async function fails(dir: TempDir, code: number, message: RegExp, ...args: readonly string[]) {
  const outcome = await kodeno(args, { cwd: dir.path });
  assert.deepEqual([outcome.code, outcome.stdout], [code, ""], outcome.stderr);
  assert.match(outcome.stderr, message);
}

Deno.test("nameless images: merge and copy carry them by their digests", async () => {
  await using dir = await tempDir();
  await layoutOf(dir, "l", [one.root.descriptor, two.root.descriptor]);
  assert.deepEqual((await done(dir, ["merge", "m", "l"])).split("\n").sort(), [ONE, TWO].sort());
  assert.deepEqual(await digestsIn(dir, "m"), [ONE, TWO].sort());
  // Neither takes a name, which would be that of the other.
  for (const digest of [ONE, TWO]) {
    assert.equal(await done(dir, ["copy", `oci:l@${digest}`, "oci:c"]), digest);
    await done(dir, ["copy", `oci:l@${digest}`, "oci:c"]);
  }
  assert.deepEqual(await digestsIn(dir, "c"), [ONE, TWO].sort());
  assert.ok((await entriesOf(dir.join("c"))).every(({ annotations }) => annotations === undefined));
  await done(dir, ["copy", `oci:l@${TWO}`, "archive:two.tar"]);
  await done(dir, ["merge", "n", "two.tar"]);
  assert.deepEqual(await digestsIn(dir, "n"), [TWO]);
  await done(dir, ["copy", "archive:two.tar", "oci:named:app:v1"]);
  assert.match(await done(dir, ["ls", "named"]), /^app:v1 /);
  const which = new RegExp(`which image is meant by "" in .*it has ${ONE}, ${TWO}; say one of`);
  await fails(dir, 2, which, "copy", "oci:l", "oci:x");
  // Beside one with a name, which is the one that is meant.
  const annotations = { "org.opencontainers.image.ref.name": "v1" };
  await layoutOf(dir, "both", [one.root.descriptor, { ...two.root.descriptor, annotations }]);
  const copied = await kodeno(["copy", "oci:both", "oci:b"], { cwd: dir.path });
  assert.equal(copied.stdout.trim(), `v1@${TWO}`);
  assert.match(
    copied.stderr,
    new RegExp(`Left out "${ONE}" of oci:both: without a name; copy by digest`),
  );
  // One image that has two names is copied under one of them.
  await done(dir, ["tag", "named", "app:v1", "app:v2"]);
  const once = await kodeno(["copy", "oci:named", "oci:once"], { cwd: dir.path });
  assert.equal(once.stdout.trim(), `app:v1@${TWO}`);
  assert.match(once.stderr, /Left out "app:v2" of oci:named: "app:v1" names the same image/);
  await fails(dir, 2, /a digest is no name/, "copy", "archive:two.tar", `oci:x@${TWO}`);
});

Deno.test("nameless images: what refers to something that is not there is told of", async () => {
  await using dir = await tempDir();
  const config = blob("{}", "application/vnd.oci.empty.v1+json");
  const artifact = (subject: unknown) =>
    jsonBlob({
      schemaVersion: 2,
      mediaType: one.manifests[0].descriptor.mediaType,
      artifactType: "application/x-sbom",
      config: config.descriptor,
      layers: [],
      subject,
    }, one.manifests[0].descriptor.mediaType);
  const lost = artifact(imageGraph("lost").root.descriptor);
  const ofLost = artifact(lost.descriptor);
  const kept = artifact(one.root.descriptor);
  const blobs = [lost, ofLost, kept].map(({ descriptor }) => descriptor);
  await layoutOf(dir, "l", [...blobs, one.root.descriptor]);
  await pushAll(await openLayout(dir.join("l")), [config, lost, ofLost, kept]);
  const { code, stderr } = await kodeno(["merge", "m", "l"], { cwd: dir.path });
  assert.equal(code, 0, stderr);
  for (const { descriptor: { digest } } of [lost, ofLost]) {
    assert.match(stderr, new RegExp(`Left out ${digest}: it refers to sha256:`));
  }
  assert.deepEqual(await digestsIn(dir, "m"), [ONE, kept.descriptor.digest].sort());
  // What was copied on purpose is not gone with the next gc, which takes what nothing leads to.
  const aboutIt = artifact(kept.descriptor);
  await pushAll(await openLayout(dir.join("m")), [aboutIt]);
  await (await openLayout(dir.join("m"))).keep([aboutIt.descriptor]);
  const before = await entriesOf(dir.join("m"));
  await done(dir, ["copy", `oci:m@${aboutIt.descriptor.digest}`, "oci:c"]);
  assert.equal(await done(dir, ["gc", "c", "--prune-now"]), "");
  assert.deepEqual(await digestsIn(dir, "c"), before.map(({ digest }) => digest).sort());
});

Deno.test("unknown media types: copy and merge say that they took a blob alone", async () => {
  await using dir = await tempDir();
  const odd = blob("what is this?", "application/vnd.example.thing+json");
  const name = { "org.opencontainers.image.ref.name": "odd" };
  const { digest } = odd.descriptor;
  await layoutOf(dir, "l", [{ ...odd.descriptor, annotations: name }, one.root.descriptor]);
  await pushAll(await openLayout(dir.join("l")), [odd]);
  const told = new RegExp(`Took ${digest} as a blob alone: its media type .*example\\.thing`);
  const runs = [
    ["copy", "oci:l:odd", "oci:c"],
    ["copy", "oci:l:odd", "archive:c.tar"],
    ["merge", "m", "l"],
  ];
  for (const args of runs) {
    const { code, stderr } = await kodeno(args, { cwd: dir.path });
    assert.equal(code, 0, stderr);
    assert.match(stderr, told);
  }
  // The example of OCI's specification, which says of a blob what it is.
  const xml = blob("<component/>", "application/xml");
  const annotations = { "org.freedesktop.specifications.metainfo.version": "1.0" };
  const entry = { ...xml.descriptor, annotations };
  await layoutOf(dir, "spec", [one.root.descriptor, entry]);
  await pushAll(await openLayout(dir.join("spec")), [xml]);
  await done(dir, ["merge", "spec2", "spec"]);
  assert.deepEqual((await entriesOf(dir.join("spec2"))).slice(-1), [entry]);
  for (const to of ["oci:spec3", "archive:spec.tar"]) {
    await done(dir, ["copy", `oci:spec@${xml.descriptor.digest}`, to]);
  }
  await done(dir, ["merge", "spec4", "spec.tar"]);
  for (const layout of ["spec3", "spec4"]) {
    assert.deepEqual(await entriesOf(dir.join(layout)), [entry]);
  }
  const shown = await done(dir, ["inspect", "spec"]);
  assert.match(shown, /^blob sha256:\w+ 12 B application\/xml\n.*metainfo\.version=1\.0$/m);
  // With a name it is still no image, and one that is not there does not hinder the others.
  await layoutOf(dir, "gone", [
    { ...one.root.descriptor, annotations: { "org.opencontainers.image.ref.name": "app" } },
    { ...odd.descriptor, annotations: name },
    entry,
  ]);
  await pushAll(await openLayout(dir.join("gone")), [odd]);
  const only = await kodeno(["copy", "oci:gone", "oci:only"], { cwd: dir.path });
  assert.match(only.stderr, /^Left out "odd" of oci:gone: no image; say its name to copy it$/m);
  assert.match(only.stderr, new RegExp(`^Left out "${xml.descriptor.digest}" of oci:gone`, "m"));
  assert.deepEqual(await digestsIn(dir, "only"), [ONE]);
  const merged = await kodeno(["merge", "gone2", "gone"], { cwd: dir.path });
  assert.match(merged.stderr, new RegExp(`^Left out ${xml.descriptor.digest}: Cannot find`, "m"));
  assert.deepEqual(await digestsIn(dir, "gone2"), [digest, ONE].sort());
  // What its entry carries itself is there.
  const data = Buffer.from(odd.bytes).toString("base64");
  await layoutOf(dir, "carried", [{ ...odd.descriptor, annotations: name, data }]);
  await done(dir, ["merge", "carried2", "carried"]);
  assert.deepEqual(await digestsIn(dir, "carried2"), [digest]);
  assert.deepEqual(await digestsIn(dir, "c"), [digest]);
  assert.deepEqual(await digestsIn(dir, "m"), [digest, ONE].sort());
  const { stdout } = await kodeno(["copy", "oci:l:odd", "oci:j", "--json"], { cwd: dir.path });
  const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
  const note = events.find(({ type }) => type === "note");
  assert.match(note.message, told);
  // An index may name one, too.
  const index = jsonBlob(
    { schemaVersion: 2, manifests: [odd.descriptor, one.manifests[0].descriptor] },
    one.root.descriptor.mediaType,
  );
  await pushAll(await openLayout(dir.join("l")), [index]);
  await (await openLayout(dir.join("l"))).tag(index.descriptor, "mixed:v1");
  const mixed = await kodeno(["copy", "oci:l:mixed:v1", "oci:x"], { cwd: dir.path });
  assert.match(mixed.stderr, told);
  // Neither a registry nor a daemon has a use for it.
  for (const to of ["127.0.0.1:1/app:v1", "daemon:app:v1"]) {
    await fails(
      dir,
      1,
      /Cannot copy oci:l:odd to .*neither an image's nor/,
      "copy",
      "oci:l:odd",
      to,
    );
  }
  await fails(dir, 1, /neither/, "push", "l", "--to", "127.0.0.1:1/a", "--image", "odd");
  const gc = await kodeno(["gc", "l", "--dry-run"], { cwd: dir.path });
  assert.match(gc.stderr, /^Cannot tell what odd needs: its media type .*; its blob alone stays\n/);
});

Deno.test({
  name: "nameless images: push takes them by their digests, and tells what it leaves out",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    const odd = blob("what is this?", "application/vnd.example.thing+json");
    await layoutOf(dir, "l", [one.root.descriptor, two.root.descriptor, odd.descriptor]);
    const repository = `${registry.host}/team/app`;
    const pushed = await kodeno(["push", "l", "--to", repository], { cwd: dir.path });
    assert.equal(pushed.code, 0, pushed.stderr);
    const references = [ONE, TWO].map((digest) => `${repository}@${digest}`);
    assert.deepEqual(pushed.stdout.trim().split("\n"), references);
    assert.match(pushed.stderr, /Left out sha256:\w+ of l: its media type .*example\.thing/);
    const crane = await goTool("crane");
    for (const [i, reference] of references.entries()) {
      assert.equal((await succeed(crane, ["digest", reference])).trim(), [ONE, TWO][i]);
    }
    // No tag of kodeno's may hide another image.
    const tags = await fetch(`http://${registry.host}/v2/team/app/tags/list`);
    assert.doesNotMatch(await tags.text(), /latest/);
    const message = new RegExp(`two images as ${repository}:v1: they are ${ONE} and ${TWO}`);
    await fails(dir, 2, message, "push", "l", "--to", repository, "-t", "v1");
    await fails(dir, 2, /its name says no registry/, "push", "l");
    // A whole name where the tag belongs, as skopeo writes it.
    const ref = { "org.opencontainers.image.ref.name": "old.example/web:v3" };
    await layoutOf(dir, "s", [{ ...one.root.descriptor, annotations: ref }]);
    const whole = await done(dir, ["push", "s", "--to", `${registry.host}/x`]);
    assert.equal(whole, `${registry.host}/x/web:v3@${ONE}`);
  },
});
