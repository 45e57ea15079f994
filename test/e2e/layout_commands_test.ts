/**
 * The commands that look at a layout and tidy it: ls, inspect, tag, rm, gc and merge, each with what
 * it does and what it refuses.
 * @module
 */
import assert from "node:assert/strict";
import { MediaType } from "../../src/oci/descriptor.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import {
  blob,
  type ImageGraph,
  imageGraph,
  jsonBlob,
  layoutWith,
  pushAll,
} from "../support/image_graph.ts";
import { simpleModule } from "../support/go_module.ts";
import { kodeno, spawnKodeno } from "../support/kodeno.ts";
import {
  assertClean,
  deadTemporary,
  entriesOf,
  fingerprint,
  imageNames,
  manifestOf,
} from "../support/layout.ts";
import { tempDir } from "../support/temp.ts";

const one = imageGraph("one");
const two = imageGraph("two");

/** Runs kodeno, which has to succeed; gives what it printed. */
async function done(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await kodeno(args);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Runs kodeno with `--json`; gives the results, one a line. */
async function results(...args: readonly string[]) {
  const lines = (await done(...args, "--json")).split("\n");
  assert.equal(lines.pop(), "");
  return lines.map((line) => JSON.parse(line));
}

/** Runs kodeno, which has to fail with one clear line, and with nothing changed. */
async function refused(
  code: number,
  message: RegExp,
  layout: string | undefined,
  ...args: readonly string[]
): Promise<void> {
  const before = layout === undefined ? {} : await fingerprint(layout);
  const outcome = await kodeno(args);
  assert.equal(outcome.code, code, outcome.stderr);
  assert.match(outcome.stderr, message);
  assert.match(outcome.stderr, /^Error: [^\n]*\n(?:Usage: [^\n]*\n)?$/);
  assert.equal(outcome.stdout, "");
  if (layout !== undefined) assert.deepEqual(await fingerprint(layout), before);
}

/** Makes all files of a layout as old as that; gc spares what is younger than an hour. */
async function age(layout: string, hours = 2): Promise<void> {
  const folder = `${layout}/blobs/sha256`;
  const then = new Date(Date.now() - hours * 60 * 60 * 1000);
  for await (const { name } of Deno.readDir(folder)) {
    await Deno.utime(`${folder}/${name}`, then, then);
  }
}

const blobCount = (layout: string): number =>
  [...Deno.readDirSync(`${layout}/blobs/sha256`)].length;

async function addEntry(layout: string, entry: unknown): Promise<void> {
  const value = JSON.parse(await Deno.readTextFile(`${layout}/index.json`));
  value.manifests.push(entry);
  await Deno.writeTextFile(`${layout}/index.json`, JSON.stringify(value));
}

/** An artifact about an image, as another tool puts it into a layout. */
async function addArtifact(layout: string, subject: unknown): Promise<string> {
  const config = blob("{}", "application/vnd.oci.empty.v1+json");
  const artifact = jsonBlob({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    artifactType: "application/x-sbom",
    config: config.descriptor,
    layers: [],
    subject,
  }, MediaType.manifest);
  using opened = await openLayout(layout);
  await pushAll(opened, [config, artifact]);
  await addEntry(layout, artifact.descriptor);
  return artifact.descriptor.digest;
}

Deno.test("layout: no layout, no name, no such command option: one line, exit code 2", async () => {
  await using dir = await tempDir();
  const file = await dir.write("file", "text");
  for (const args of [["ls"], ["inspect"], ["gc"], ["rm"], ["tag"], ["merge"]]) {
    await refused(2, /missing required argument/, undefined, ...args);
  }
  for (const place of [dir.join("none"), file, dir.path]) {
    for (
      const [command, ...more] of [["ls"], ["inspect"], ["gc"], ["rm", "x"], ["tag", "x", "y"]]
    ) {
      const kind = /Cannot use .* as an (?:OCI layout|image archive)/;
      await refused(2, kind, undefined, command ?? "", place, ...more);
    }
    const kind = place === file ? /as an image archive/ : /as an OCI layout/;
    await refused(2, kind, undefined, "merge", dir.join("out"), place);
  }
  assert.deepEqual(await dir.list(), ["file"]);
  await refused(2, /unknown option '--nope'/, undefined, "ls", "--nope", file);
});

Deno.test("ls: names, digests, sizes and platforms; --json; what is incomplete", async () => {
  await using dir = await tempDir();
  const layout = await layoutWith(dir, "l", { "reg.local/app:v1": one, "loose": two });
  const lines = (await done("ls", layout)).trimEnd().split("\n");
  const size = (graph: ImageGraph) =>
    graph.blobs.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? "", /^loose {13}sha256:\S+ {2}[\d.]+ k?B {2}linux\/amd64,linux\/arm64$/);
  assert.match(lines[1] ?? "", /^reg\.local\/app:v1 {2}sha256:/);
  assert.deepEqual((await results("ls", layout))[1], {
    type: "image",
    name: "reg.local/app:v1",
    digest: one.root.descriptor.digest,
    mediaType: MediaType.index,
    platforms: ["linux/amd64", "linux/arm64"],
    size: size(one),
    references: [`reg.local/app:v1@${one.root.descriptor.digest}`],
    complete: true,
  });
  await Deno.remove(`${layout}/blobs/sha256/${one.shared.descriptor.digest.slice(7)}`);
  assert.match(
    await done("ls", layout),
    /arm64\nreg\.local.*arm64 \(incomplete: sha256:\w+: missing\)\n$/,
  );
  const empty = await layoutWith(dir, "empty", {});
  assert.equal(await done("ls", empty), "");
  assert.equal(await done("ls", empty, "--json"), "");
});

Deno.test("ls, inspect: what an image says cannot steer a terminal", async () => {
  await using dir = await tempDir();
  const layout = await layoutWith(dir, "l", {});
  const evil = "\x1b[2J\x07evil\u202e\r\n";
  await pushAll(await openLayout(layout), one.blobs);
  const annotations = { "io.containerd.image.name": evil };
  const platform = { os: evil, architecture: evil };
  await addEntry(layout, { ...one.manifests[0].descriptor, annotations, platform });
  for (const command of ["ls", "inspect"]) {
    const text = await done(command, layout);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f\u202e]/);
    assert.match(text, /\\u\{1b\}\[2J/);
  }
});

Deno.test("inspect: the tree of an image, by name, by place, and of all", async () => {
  await using dir = await tempDir();
  const layout = await layoutWith(dir, "l", { "app:v1": one, "app:v2": two });
  const text = await done("inspect", layout, "app:v1");
  assert.match(text, /^app:v1 index sha256:\S+ 2\.1 kB\n/);
  assert.match(text, /\n\|-- linux\/amd64 manifest sha256:\S+ \d+ B\n\| {3}\|-- config sha256:/);
  assert.match(text, /\n`-- linux\/arm64 manifest (?:.*\n)+ {4}`-- layer sha256:\S+ \d+ B tar\n$/);
  assert.equal(await done("inspect", `${layout}:v1`), text);
  assert.equal(await done("inspect", `oci:${layout}:app:v1`), text);
  assert.equal(await done("inspect", `oci:${layout}@${one.root.descriptor.digest}`), text);
  const all = await done("inspect", layout);
  assert.ok(all.startsWith(text) && all.includes("\napp:v2 index"));

  const sbom = await addArtifact(layout, one.root.descriptor);
  const tree = await done("inspect", layout, "app:v1");
  assert.match(tree, new RegExp(`\n\`-- referrer application/x-sbom manifest ${sbom}`));
  const [image] = await results("inspect", layout, "app:v1");
  assert.equal(image.name, "app:v1");
  assert.equal(image.manifests[1].platform, "linux/arm64");
  assert.equal(image.manifests[1].layers[0].digest, one.shared.descriptor.digest);
  assert.equal(image.referrers[0].digest, sbom);

  await refused(1, /Cannot find image "nope"/, layout, "inspect", layout, "nope");
  await refused(2, /it names an image already/, layout, "inspect", `${layout}:v1`, "app:v1");
});

Deno.test("inspect: layers of ko and kodeno are told from those of their base", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const build = async (...args: readonly string[]) => {
    const { code, stderr } = await kodeno(["build", ...args], { cwd: dir.path });
    assert.equal(code, 0, stderr);
  };
  await build("--oci-layout", "base");
  await build("--base-image", "oci:base");
  const text = await done("inspect", dir.join("out"));
  const parts = [...text.matchAll(/-- layer (\w+) sha256:/g)].map(([, part]) => part);
  // Of a base that is such an image itself.
  assert.deepEqual(parts, ["base", "base", "base", "kodata", "binary"]);
  const [image] = await results("inspect", dir.join("out"));
  assert.deepEqual(image.layers.map(({ part }: { part: string }) => part), parts);
});

Deno.test("inspect: a missing layer, a damaged manifest, and one that stands there twice", async () => {
  await using dir = await tempDir();
  const layout = await layoutWith(dir, "l", { "app:v1": one });
  const path = (digest = "") => `${layout}/blobs/sha256/${digest.slice(7)}`;
  const [first, second] = one.manifests;
  await Deno.remove(path(one.shared.descriptor.digest));
  await Deno.writeTextFile(path(second?.descriptor.digest), "{}");
  const text = await done("inspect", layout);
  assert.match(text, new RegExp(`layer ${one.shared.descriptor.digest} \\d+ B tar missing\n`));
  assert.match(
    text,
    new RegExp(`linux/arm64 manifest ${second?.descriptor.digest} \\d+ B damaged`),
  );
  // Each level names the one below twice: 2^40 manifests, were they all told.
  let below = first;
  for (let i = 0; i < 40; i++) {
    const manifests = [below.descriptor, below.descriptor];
    below = jsonBlob({ schemaVersion: 2, mediaType: MediaType.index, manifests }, MediaType.index);
    await pushAll(await openLayout(layout), [below]);
  }
  await addEntry(layout, below.descriptor);
  const deep = await done("inspect", layout, below.descriptor.digest);
  assert.equal(deep.match(/shown above/g)?.length, 40);
  assert.match(await done("ls", layout), /\(incomplete: sha256:\w+: missing\)/);
});

Deno.test("tag: more names for an image, all or none", async () => {
  await using dir = await tempDir();
  const layout = await layoutWith(dir, "l", { "app:v1": one, "other:v1": two });
  const { digest } = one.root.descriptor;
  const out = await done("tag", layout, "app:v1", "reg.local:5000/app:v2", "loose", "other:v1");
  assert.equal(out, `reg.local:5000/app:v2@${digest}\nloose@${digest}\nother:v1@${digest}\n`);
  const entries = await assertClean(layout);
  assert.deepEqual(entries.map((entry) => entry.digest), [digest, digest, digest, digest]);
  assert.equal((await manifestOf(layout, "loose")).mediaType, MediaType.index);
  const bad = ["app:ok", "Not a name"];
  await refused(2, /Cannot use tag "Not a name"/, layout, "tag", layout, "app:v1", ...bad);
  await refused(
    2,
    /no registry host|may hold only/,
    layout,
    "tag",
    layout,
    "app:v1",
    "../../etc:x",
  );
  await refused(1, /Cannot find image "none:v1"/, layout, "tag", layout, "none:v1", "x:y");
  await refused(2, /missing required argument 'names'/, layout, "tag", layout, "app:v1");
});

Deno.test("rm: by whole name, by name with all tags, by tag, by digest; all or none", async () => {
  await using dir = await tempDir();
  const names = ["app:v1", "app:v2", "app/sub:v1", "reg:5000/app:v1", "loose"];
  const layout = await layoutWith(dir, "l", Object.fromEntries(names.map((name) => [name, one])));
  await layoutWith(dir, "l", { "two:v1": two, "v1": two });
  const blobs = blobCount(layout);
  const left = async () =>
    (await results("ls", layout)).map((image: { name: string }) => image.name);
  await refused(1, /Cannot remove "nope" from .*: it has app/, layout, "rm", layout, "app", "nope");

  assert.equal(await done("rm", layout, "app:v1"), `app:v1@${one.root.descriptor.digest}\n`);
  assert.deepEqual(await left(), [
    "app/sub:v1",
    "app:v2",
    "loose",
    "reg:5000/app:v1",
    "two:v1",
    "v1",
  ]);
  await done("tag", layout, "two:v1", "app:v3");
  await done("rm", layout, "app");
  assert.deepEqual(await left(), ["app/sub:v1", "loose", "reg:5000/app:v1", "two:v1", "v1"]);
  await done("rm", layout, "v1", "reg:5000/app");
  assert.deepEqual(await left(), ["app/sub:v1", "loose", "two:v1"]);
  const removed = await results("rm", layout, one.root.descriptor.digest);
  assert.deepEqual(removed.map(({ name }: { name: string }) => name), ["app/sub:v1", "loose"]);
  assert.deepEqual(await left(), ["two:v1"]);
  assert.equal(blobCount(layout), blobs);
  await refused(1, /it has two:v1/, layout, "rm", layout, "two:v2");
  await assertClean(layout);
});

Deno.test("gc: removes what no image needs, not what is young, and nothing else", async () => {
  await using dir = await tempDir();
  const layout = await layoutWith(dir, "l", { "one:v1": one, "two:v1": two });
  const sbom = await addArtifact(layout, two.root.descriptor);
  const all = blobCount(layout);
  const gc = async (...flags: string[]) => JSON.parse(await done("gc", layout, "--json", ...flags));
  assert.deepEqual((await gc("--prune-now")).removed, []);

  await done("rm", layout, "one");
  const young = await gc();
  assert.deepEqual([young.removed.length, young.young.length], [0, one.blobs.length]);
  assert.match(
    (await kodeno(["gc", layout])).stderr,
    /Kept \d+ blobs of the last hour.*--prune-now/,
  );
  assert.equal(blobCount(layout), all);
  // A clock that was wrong is no reason to remove anything, and is told.
  await age(layout, -48);
  const ahead = await kodeno(["gc", layout]);
  assert.match(ahead.stderr, /last hour, .* \(\d+ of them with a time in the future: a clock was/);
  assert.equal((await gc()).future, one.blobs.length);

  await age(layout);
  const digests = one.blobs.map(({ descriptor }) => descriptor.digest).sort();
  const dry = await gc("--dry-run");
  assert.deepEqual(dry.removed.map(({ digest }: { digest: string }) => digest), digests);
  assert.equal(dry.dryRun, true);
  assert.equal(blobCount(layout), all);
  // What is not named as a blob is somebody else's.
  await Deno.writeTextFile(`${layout}/blobs/sha256/notes.txt`, "x");
  await Deno.writeTextFile(deadTemporary(layout), "of a dead process");
  const outcome = await kodeno(["gc", layout]);
  assert.equal(outcome.stdout, digests.join("\n") + "\n");
  assert.match(outcome.stderr, new RegExp(`Removed ${digests.length} blobs, `));
  await Deno.remove(`${layout}/blobs/sha256/notes.txt`);
  assert.equal(blobCount(layout), all - digests.length);
  await assertClean(layout);
  assert.equal((await manifestOf(layout, sbom)).mediaType, MediaType.manifest);

  // What refers to an image lives as long as that; what refers to something elsewhere stays, and is told.
  const lost = imageGraph("elsewhere").root.descriptor;
  const orphan = await addArtifact(layout, lost);
  await age(layout);
  const rm = await kodeno(["rm", layout, "two:v1"]);
  assert.equal(rm.stdout.split("\n")[1], sbom);
  assert.match(
    rm.stderr,
    new RegExp(`^Removed ${sbom} from layout .*, too: .* no name any more\n$`),
  );
  assert.deepEqual((await gc()).removed.length, two.blobs.length + 1);
  assert.deepEqual((await entriesOf(layout)).map(({ digest }) => digest), [orphan]);
  const says = `(refers to ${lost.digest}, which is not there)`;
  assert.ok((await done("ls", layout)).trimEnd().endsWith(says));
  assert.equal((await results("ls", layout))[0].missingSubject, lost.digest);
});

Deno.test("gc: a damaged manifest ends it with nothing removed; an absent platform does not", async () => {
  await using dir = await tempDir();
  const layout = await layoutWith(dir, "l", { "one:v1": one, "two:v1": two });
  await done("rm", layout, "two");
  await age(layout);
  const path = (digest = "") => `${layout}/blobs/sha256/${digest.slice(7)}`;
  const manifest = path(one.manifests[1]?.descriptor.digest);
  const bytes = await Deno.readFile(manifest);
  await Deno.writeFile(manifest, bytes.toReversed());
  await refused(1, /Cannot tell which blobs .* are in use/, layout, "gc", layout);
  await Deno.remove(manifest);
  const { removed } = JSON.parse(await done("gc", layout, "--json"));
  assert.ok(removed.length >= two.blobs.length);
});

Deno.test("gc: images that come in meanwhile stay whole", async () => {
  await using dir = await tempDir();
  const layout = await layoutWith(dir, "l", {});
  const from = await layoutWith(dir, "from", {});
  for (let i = 0; i < 12; i++) {
    await layoutWith(dir, "from", { [`image${i}:v1`]: imageGraph(`image ${i}`) });
  }
  const collecting = Array.from({ length: 6 }, () => done("gc", layout));
  const merging = [done("merge", layout, from), done("merge", layout, from)];
  await Promise.all([...collecting, ...merging]);
  assert.equal((await assertClean(layout)).length, 12);
});

Deno.test("merge: all images of layouts in one, with what refers to them", async () => {
  await using dir = await tempDir();
  const a = await layoutWith(dir, "a", { "app:v1": one, "app:v2": two });
  const b = await layoutWith(dir, "b", { "app:v1": one, "loose": two });
  const sbom = await addArtifact(a, one.root.descriptor);
  const stranger = imageGraph("stranger");
  await pushAll(await openLayout(b), stranger.blobs);
  await addEntry(b, stranger.root.descriptor);
  const out = dir.join("some/where/out");
  const printed = await done("merge", out, a, b);
  assert.deepEqual(printed.match(/^\S+:\S+(?=@)|^loose/gm)?.sort(), ["app:v1", "app:v2", "loose"]);
  const entries = await assertClean(out);
  assert.deepEqual((await imageNames(out)).filter((name) => name), ["app:v1", "app:v2"]);
  assert.ok(entries.some(({ digest }) => digest === sbom));
  assert.ok(entries.some(({ digest }) => digest === stranger.root.descriptor.digest));
  assert.equal(entries.length, 5);
  const before = await fingerprint(out);
  await done("merge", out, a, b);
  assert.deepEqual(await fingerprint(out), before);
});

Deno.test("merge: one name for different images is refused, or the later one wins", async () => {
  await using dir = await tempDir();
  const a = await layoutWith(dir, "a", { "app:v1": one, "kept:v1": one });
  const b = await layoutWith(dir, "b", { "app:v1": two, "new:v1": two });
  const out = dir.join("out");
  await refused(2, /app:v1 is sha256:\w+ and sha256:\w+.*--force/, undefined, "merge", out, a, b);
  assert.deepEqual(await dir.list(), ["a", "b"]);
  await refused(2, /--force/, a, "merge", a, b);
  const printed = await done("merge", a, b, "--force");
  assert.match(printed, new RegExp(`^app:v1@${two.root.descriptor.digest}$`, "m"));
  assert.deepEqual(await imageNames(a), ["app:v1", "kept:v1", "new:v1"]);
  const [first] = await entriesOf(a);
  assert.equal(first?.digest, two.root.descriptor.digest);
  await assertClean(a);
});

Deno.test("merge: an image with a missing or damaged blob is left out, and hinders no other", async () => {
  await using dir = await tempDir();
  const path = (layout: string) =>
    `${layout}/blobs/sha256/${two.shared.descriptor.digest.slice(7)}`;
  const a = await layoutWith(dir, "a", { "one:v1": one, "two:v1": two });
  await Deno.remove(path(a));
  const merged = async (out: string, why: RegExp) => {
    const { code, stdout, stderr } = await kodeno(["merge", out, a]);
    assert.deepEqual([code, stdout], [1, ""], stderr);
    assert.match(stderr, why);
    assert.deepEqual(await imageNames(out), ["one:v1"]);
    await assertClean(out);
  };
  await merged(dir.join("missing"), /^Merged one:v1\nError: Cannot find blob/m);
  await merged(await layoutWith(dir, "before", { "one:v1": one }), /Cannot find blob/);
  await Deno.writeTextFile(path(a), "x".repeat(two.shared.bytes.length));
  await merged(dir.join("damaged"), /Cannot use blob .* its content has digest/);
  // Where there is no other, nothing is to be seen of it.
  await done("rm", a, "one:v1");
  await refused(1, /Cannot use blob/, undefined, "merge", dir.join("none"), a);
  assert.ok(!(await dir.list()).includes("none"));
});

Deno.test("merge: killed at any moment, it shows all or nothing", async () => {
  await using dir = await tempDir();
  const names = Array.from({ length: 30 }, (_, i) => `image${i}:v1`);
  const graphs = Object.fromEntries(names.map((name) => [name, imageGraph(name)]));
  const from = await layoutWith(dir, "from", graphs);
  for (const delay of [100, 150, 200, 250, 300, 400]) {
    const out = dir.join(`out${delay}`);
    await layoutWith(dir, `out${delay}`, { "before:v1": one });
    const child = spawnKodeno(["merge", out, from]);
    await new Promise((resolve) => setTimeout(resolve, delay));
    try {
      child.kill("SIGKILL");
    } catch {
      // It had ended.
    }
    await Promise.all([child.stdout.cancel(), child.stderr.cancel(), child.status]);
    const { length } = await entriesOf(out);
    assert.ok(length === 1 || length === names.length + 1, `${length} after ${delay} ms`);
    await done("merge", out, from);
    assert.equal((await assertClean(out)).length, names.length + 1);
  }
});
