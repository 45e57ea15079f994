/**
 * What refers to an image in a layout (signatures, SBOMs): how its entries are written and shown, where it
 * goes along, and that it lives as long as its image.
 * @module
 */
import assert from "node:assert/strict";
import { digestOf } from "../../src/io/hash.ts";
import {
  type Descriptor,
  type Digest,
  digestHex,
  MediaType,
  referrersTag,
} from "../../src/oci/descriptor.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { attachment, putAttachment } from "../../src/trust/attachment.ts";
import { simpleModule } from "../support/go_module.ts";
import { imageGraph, layoutWith, pushAll } from "../support/image_graph.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { assertSound, entriesOf, fingerprint, imageNames } from "../support/layout.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import { type Asked, refusal, type Reply, startOddRegistry } from "../interop/odd_registry.ts";
import { startServe } from "../serve/served.ts";

const SUBJECT = "io.containerd.manifest.subject";
const SPDX = "application/spdx+json";
const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";

const one = imageGraph("one");
const two = imageGraph("two");
const amd64 = one.manifests[0]?.descriptor as Descriptor;

const documentOf = (type: string, subject: Descriptor) =>
  new TextEncoder().encode(`${type} of ${subject.digest}`);
const layerOf = (type: string, subject: Descriptor) => digestOf(documentOf(type, subject));

/** Puts a document about an image into a layout, as kodeno does. */
async function attach(dir: TempDir, folder: string, type: string, subject: Descriptor) {
  using layout = await openLayout(dir.join(folder));
  const made = attachment(subject, type, documentOf(type, subject));
  await putAttachment(made, layout);
  await layout.keep([made.manifest.descriptor]);
  return made.manifest.descriptor;
}

/** A layout `l` of two images: one has an SBOM of a platform, that a signature, and the index one, too. */
async function lab() {
  const dir = await tempDir();
  await layoutWith(dir, "l", { "app:v1": one, "two:v1": two });
  const sbom = await attach(dir, "l", SPDX, amd64);
  const ofSbom = await attach(dir, "l", BUNDLE, sbom);
  const signature = await attach(dir, "l", BUNDLE, one.root.descriptor);
  return { dir, sbom, ofSbom, signature, all: [sbom, ofSbom, signature] };
}

const referring = async (layout: string) =>
  (await entriesOf(layout)).filter(({ annotations }) => annotations?.[SUBJECT]);

Deno.test("referrers: entries say what they are, and what they are about, wherever they go", async () => {
  const { dir, sbom, ofSbom, signature, all } = await lab();
  await using _ = dir;
  const about = ({ mediaType, digest, size }: Descriptor, artifactType: string, to: string) => ({
    mediaType,
    digest,
    size,
    artifactType,
    annotations: { [SUBJECT]: to },
  });
  const wanted = [
    about(sbom, SPDX, amd64.digest),
    about(ofSbom, BUNDLE, sbom.digest),
    about(signature, BUNDLE, one.root.descriptor.digest),
  ];
  assert.deepEqual(await referring(dir.join("l")), wanted);
  // Another tool has written nothing but what they are.
  const index = JSON.parse(await Deno.readTextFile(dir.join("l/index.json")));
  index.manifests = index.manifests.map((entry: Descriptor) =>
    all.find(({ digest }) => digest === entry.digest) ?? entry
  );
  await Deno.writeTextFile(dir.join("l/index.json"), JSON.stringify(index));
  assert.deepEqual(await referring(dir.join("l")), []);
  const byDigest = (a: Descriptor, b: Descriptor) => a.digest < b.digest ? -1 : 1;
  await done(dir, ["merge", "merged", "l"]);
  assert.deepEqual(await referring(dir.join("merged")), wanted);
  await done(dir, ["copy", "oci:l:app:v1", "archive:a.tar"]);
  await done(dir, ["merge", "unpacked", "a.tar"]);
  assert.deepEqual(await referring(dir.join("unpacked")), wanted.toSorted(byDigest));
  await assertSound(dir.join("unpacked"));
  await using server = await startServe(dir.join("l"));
  await done(dir, ["pull", `${server.host}/app:v1`, "--oci-layout", "pulled"]);
  assert.deepEqual((await referring(dir.join("pulled"))).sort(byDigest), wanted.toSorted(byDigest));
});

Deno.test("referrers: ls and inspect have them under their image, and call them by what they are", async () => {
  const { dir, sbom, ofSbom, signature } = await lab();
  await using _ = dir;
  const unknown = await attach(dir, "l", "application/x-note", one.root.descriptor);
  const rows = (await done(dir, ["ls", "l"])).split("\n").map((row) => row.split(/ {2,}/));
  assert.deepEqual(rows.map(([name, digest]) => [name, digest]), [
    ["app:v1", one.root.descriptor.digest],
    ["- spdx sbom of app:v1 linux/amd64", sbom.digest],
    ["- signature of spdx sbom of app:v1 linux/amd64", ofSbom.digest],
    ["- signature of app:v1", signature.digest],
    ["- application/x-note of app:v1", unknown.digest],
    ["two:v1", two.root.descriptor.digest],
  ]);
  const listed = (await done(dir, ["ls", "l", "--json"])).split("\n").map((line) =>
    JSON.parse(line)
  );
  const { artifact, subject, about } = listed[1];
  const wanted = { artifact: "spdx sbom", subject: amd64.digest, about: "app:v1 linux/amd64" };
  assert.deepEqual({ artifact, subject, about }, wanted);
  assert.equal("artifact" in listed[0], false);
  const tree = await done(dir, ["inspect", "l"]);
  assert.deepEqual(tree.match(/^.*(?= (?:index|manifest) sha256)/gm), [
    "app:v1",
    "|-- linux/amd64",
    `|   \`-- spdx sbom ${SPDX}`,
    `|       \`-- signature ${BUNDLE}`,
    "|-- linux/arm64",
    `|-- signature ${BUNDLE}`,
    "`-- referrer application/x-note",
    "two:v1",
    "|-- linux/amd64",
    "`-- linux/arm64",
  ]);
  // Of an image that is damaged they are shown, too.
  await Deno.remove(dir.join("l/blobs/sha256", amd64.digest.slice("sha256:".length)));
  const damaged = await done(dir, ["inspect", "l", "app:v1"]);
  assert.match(damaged, /^\|-- linux\/amd64 manifest sha256:\S+.* missing\n\| +`-- spdx sbom/m);
  const alone = await done(dir, ["inspect", "l", sbom.digest]);
  assert.ok(alone.startsWith(`spdx sbom of app:v1 linux/amd64, ${SPDX} manifest ${sbom.digest}`));
});

Deno.test("referrers: they stay behind where that is said, and always of a platform left out", async () => {
  const { dir, sbom, ofSbom, all } = await lab();
  await using _ = dir;
  const had = async (layout: string) =>
    (await referring(dir.join(layout))).map(({ digest }) => digest).sort();
  const digests = (all: readonly Descriptor[]) => all.map(({ digest }) => digest).sort();
  await done(dir, ["copy", "oci:l:app:v1", "oci:copied"]);
  assert.deepEqual(await had("copied"), digests(all));
  await done(dir, ["copy", "oci:l:app:v1", "oci:amd64", "--platform", "linux/amd64"]);
  assert.deepEqual(await had("amd64"), digests([sbom, ofSbom]));
  const left = [
    ["merge", "merged", "l", "--referrers=false"],
    ["merge", "again", "l", "--no-referrers"],
    ["copy", "oci:l:app:v1", "oci:plain", "--referrers=false"],
    ["copy", "oci:l:app:v1", "oci:arm64", "--platform", "linux/arm64"],
  ];
  for (const args of left) {
    const { code, stderr } = await kodeno(args, { cwd: dir.path });
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /Left out/);
  }
  for (const layout of ["merged", "again", "plain", "arm64"]) {
    assert.deepEqual(await had(layout), []);
  }
  await using server = await startServe(dir.join("l"), "--referrers=false");
  await done(dir, ["pull", `${server.host}/app:v1`, "--oci-layout", "pulled"]);
  assert.deepEqual(await had("pulled"), []);
  for (const path of ["app", "l"]) {
    const answer = await fetch(`http://${server.host}/v2/${path}/manifests/${sbom.digest}`);
    await answer.body?.cancel();
    assert.equal(answer.status, 404);
  }
  const answer = await fetch(
    `http://${server.host}/v2/app/referrers/${one.root.descriptor.digest}`,
  );
  assert.deepEqual((await answer.json()).manifests, []);
});

Deno.test("referrers: what cannot be had of them fails a copy only where they were asked for", async () => {
  await using dir = await tempDir();
  const denied = { url: "/referrers/", answer: refusal(403, "DENIED", "not yours") };
  await using registry = await startOddRegistry([denied]);
  await layoutWith(dir, "l", { "app:v1": one });
  const gone = await attach(dir, "l", SPDX, amd64);
  const kept = await attach(dir, "l", BUNDLE, one.root.descriptor);
  const image = `${registry.host}/app:v1`;
  await done(dir, ["copy", "oci:l", image, "--no-referrers"]);
  const run = (...args: string[]) => kodeno(args, { cwd: dir.path });

  const pulled = await run("pull", image, "--oci-layout", "pulled");
  assert.equal(pulled.code, 0, pulled.stderr);
  assert.match(pulled.stderr, /Left out what refers \(signatures, SBOMs\) to \S+: .*not yours/);
  const asked = await run("pull", image, "--oci-layout", "asked", "--referrers");
  assert.equal(asked.code, 1, asked.stderr);
  assert.match(asked.stderr, /^Error: .*not yours/m);
  assert.equal((await dir.list()).includes("asked"), false);

  await Deno.remove(dir.join("l/blobs/sha256", layerOf(SPDX, amd64).slice("sha256:".length)));
  for (const to of ["oci:copied", "archive:copied.tar"]) {
    const copied = await run("copy", "oci:l:app:v1", to);
    assert.equal(copied.code, 0, copied.stderr);
    assert.match(
      copied.stderr,
      new RegExp(`Left out ${gone.digest}, which refers to oci:l:app:v1: `),
    );
  }
  assert.deepEqual((await referring(dir.join("copied"))).map(({ digest }) => digest), [
    kept.digest,
  ]);
  assert.equal((await run("copy", "oci:l:app:v1", "oci:asked", "--referrers")).code, 1);
});

Deno.test("referrers: a registry may list what it likes of them; the image is pulled all the same", async () => {
  await using dir = await tempDir();
  const lists: Record<string, unknown> = {};
  const list = ({ url }: Asked, usual: () => Reply) => {
    const manifests = lists[url.split("/").at(-1) ?? ""];
    const headers = { "content-type": MediaType.index };
    return manifests === undefined
      ? usual()
      : { status: 200, headers, body: JSON.stringify({ schemaVersion: 2, manifests }) };
  };
  await using registry = await startOddRegistry([{ url: "/referrers/", answer: list }]);
  await layoutWith(dir, "l", { "app:v1": one, "two:v1": two });
  const good = await attach(dir, "l", SPDX, one.root.descriptor);
  const other = await attach(dir, "l", SPDX, two.root.descriptor);
  await done(dir, ["push", "l", "--to", registry.host]);
  const elsewhere = attachment(
    { ...one.shared.descriptor, mediaType: MediaType.manifest },
    SPDX,
    documentOf(SPDX, amd64),
  );
  for (const { descriptor, bytes } of [...elsewhere.blobs, elsewhere.manifest]) {
    registry.blobs.set(descriptor.digest, bytes);
    registry.manifests.set(`app@${descriptor.digest}`, { type: descriptor.mediaType, bytes });
  }
  for (const name of [`two@${other.digest}`, `two@${two.root.descriptor.digest}`]) {
    const had = registry.manifests.get(name);
    if (had) registry.manifests.set(name.replace("two", "app"), had);
  }
  const gone = { ...good, digest: digestOf("gone") };
  const image = `${registry.host}/app:v1`;
  const run = (to: string, ...flags: string[]) =>
    kodeno(["pull", image, "--oci-layout", to, ...flags], { cwd: dir.path });
  const had = async (layout: string) =>
    (await referring(dir.join(layout))).map(({ digest }) => digest);
  // In a circle, of another image, of one that is nowhere, and one that is nowhere itself.
  lists[one.root.descriptor.digest] = [null, good, other, elsewhere.manifest.descriptor, gone];
  lists[good.digest] = [good, one.root.descriptor];
  lists[other.digest] = [good];
  const pulled = await run("pulled");
  assert.equal(pulled.code, 0, pulled.stderr);
  assert.deepEqual(await had("pulled"), [good.digest]);
  for (
    const [digest, why] of [
      [other.digest, `it refers to ${two.root.descriptor.digest} instead`],
      [
        elsewhere.manifest.descriptor.digest,
        `it refers to ${one.shared.descriptor.digest} instead`,
      ],
      [gone.digest, "the registry does not have it"],
    ]
  ) assert.match(pulled.stderr, new RegExp(`Left out ${digest}, which refers to .*: .*${why}`));
  assert.equal(
    (await dir.list("pulled", "blobs", "sha256")).includes(
      digestHex(two.root.descriptor.digest as Digest),
    ),
    false,
  );
  const asked = await run("asked", "--referrers");
  assert.equal(asked.code, 1, asked.stderr);

  // A list under a tag that is damaged, or none.
  for (const one of Object.keys(lists)) delete lists[one];
  const tag = `app:${referrersTag(one.root.descriptor)}`;
  const bytes = new TextEncoder().encode('{"schemaVersion":2,"manifests":{}}');
  registry.manifests.set(tag, { type: MediaType.index, bytes });
  const damaged = await run("damaged");
  assert.equal(damaged.code, 0, damaged.stderr);
  assert.match(damaged.stderr, /Left out what refers \(signatures, SBOMs\) to \S+: .*manifests/);
  assert.equal((await run("nothing", "--referrers")).code, 1);
  assert.equal((await dir.list()).includes("nothing"), false);
  registry.manifests.set(tag, { type: MediaType.manifest, bytes });
  assert.equal((await run("other", "--referrers")).code, 0);
});

Deno.test("referrers: a build that changes an image drops those of the one before, and no others", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const build = () => done(dir, ["build"]);
  await build();
  const [built] = await entriesOf(dir.join("out"));
  assert.ok(built);
  await layoutWith(dir, "out", { "other:v1": one });
  const kept = await attach(dir, "out", SPDX, amd64);
  const sbom = await attach(dir, "out", SPDX, built);
  await attach(dir, "out", BUNDLE, sbom);
  const before = await fingerprint(dir.join("out"));
  await build();
  assert.deepEqual(await fingerprint(dir.join("out")), before);
  await done(dir, ["build", "--image-label", "a=b"]);
  const left = await referring(dir.join("out"));
  assert.deepEqual(left.map(({ digest }) => digest), [kept.digest]);
  // Under a second name the first image is still there.
  await done(dir, ["tag", "out", "other:v1", "other:v2"]);
  await done(dir, ["rm", "out", "other:v1"]);
  assert.equal((await referring(dir.join("out"))).length, 1);
  await done(dir, ["rm", "out", "other:v2"]);
  assert.deepEqual(await referring(dir.join("out")), []);
});

Deno.test("referrers: what has cosign's tag for that goes and stays with its image, too", async () => {
  await using dir = await tempDir();
  // Its list of tags is one of several pages at first, so that each tag is asked for.
  const paged = (_: Asked, usual: () => Reply) => ({
    ...usual(),
    headers: { link: "</v2/next>; rel=next" },
  });
  await using registry = await startOddRegistry([{ url: "/tags/list", times: 1, answer: paged }]);
  const layout = await layoutWith(dir, "l", { "app:v1": one, "other:v1": imageGraph("other") });
  const [signature] = two.manifests;
  assert.ok(signature);
  const tag = `app:${one.root.descriptor.digest.replace(":", "-")}.sig`;
  {
    using opened = await openLayout(layout);
    await pushAll(opened, two.blobs);
    await opened.tag(signature.descriptor, tag);
  }
  const names = async (path: string) => (await imageNames(dir.join(path))).sort();
  await done(dir, ["merge", "all", "l"]);
  assert.deepEqual(await names("all"), [tag, "app:v1", "other:v1"].sort());
  await done(dir, ["merge", "bare", "l", "--no-referrers"]);
  assert.deepEqual(await names("bare"), ["app:v1", "other:v1"]);
  await done(dir, ["copy", "oci:l:app:v1", "oci:copied:other/app:v2"]);
  assert.deepEqual(await names("copied"), [`other/${tag}`, "other/app:v2"].sort());
  const inRegistry = (prefix: string) =>
    [...registry.manifests.keys()].filter((name) => /^\w+\/app:/.test(name))
      .filter((name) => name.startsWith(prefix)).sort();
  const pushed = async (prefix: string, ...flags: string[]) => {
    await done(dir, ["push", "l", "--to", `${registry.host}/${prefix}`, ...flags]);
    return inRegistry(prefix);
  };
  for (const [prefix = "", ...flags] of [["v"], ["w", "--no-referrers"]]) {
    await done(dir, ["copy", "oci:l:app:v1", `${registry.host}/${prefix}/app:v1`, ...flags]);
  }
  assert.deepEqual(inRegistry("v"), [`v/${tag}`, "v/app:v1"].sort());
  assert.deepEqual(inRegistry("w"), ["w/app:v1"]);
  const from = `${registry.host}/v/app`;
  for (const [to = "", ...flags] of [["paged"], ["pulled"], ["bared", "--no-referrers"]]) {
    await done(dir, ["pull", `${from}:v1`, "--oci-layout", to, ...flags]);
    const taken = to === "bared" ? [] : [`${from}:${tag.split(":")[1]}`];
    assert.deepEqual(await names(to), [...taken, `${from}:v1`].sort());
  }
  await done(dir, ["copy", `${from}:v1`, `${registry.host}/u/app:v2`]);
  assert.deepEqual(inRegistry("u"), [`u/${tag}`, "u/app:v2"].sort());
  assert.deepEqual(await pushed("x"), [`x/${tag}`, "x/app:v1"].sort());
  assert.deepEqual(await pushed("y", "--no-referrers"), ["y/app:v1"]);
  // It is about the index, of which one image alone is pushed.
  assert.deepEqual(await pushed("z", "--platform", "linux/arm64"), ["z/app:v1"]);
  await done(dir, ["tag", "l", "other:v1", "app:v1"]);
  assert.deepEqual(await names("l"), ["app:v1", "other:v1"]);
  await done(dir, ["rm", "all", "app:v1"]);
  assert.deepEqual(await names("all"), ["other:v1"]);
});
