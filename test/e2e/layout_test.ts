/**
 * What a build does to a layout: names, building again, entries of others, and several processes at
 * once.
 * @module
 */
import assert from "node:assert/strict";
import { goModule, printer, simpleModule } from "../support/go_module.ts";
import { kodeno, type KodenoOptions } from "../support/kodeno.ts";
import {
  assertClean,
  assertSound,
  digestIn,
  entriesOf,
  fingerprint,
  imageNames,
  outputOf,
} from "../support/layout.ts";
import { succeed } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";
import { needs, rootTool } from "../parts/tools.ts";

/** Builds without a base; gives what was printed. */
async function build(args: readonly string[], options: KodenoOptions): Promise<string> {
  const outcome = await kodeno(["build", "--base-image=scratch", ...args], options);
  assert.equal(outcome.code, 0, outcome.stderr);
  return outcome.stdout;
}

Deno.test("layout: an entry has its tag and its whole name, as BuildKit and containerd write them", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const env = { KO_DOCKER_REPO: "reg.local:5000/team" };
  const stdout = await build(["-B", "-t", "v1,v2"], { cwd: dir.path, env });
  const one = (await entriesOf(dir.join("out")))[0];
  assert.deepEqual(one, {
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: digestIn(stdout.replace(":v1@", "@")),
    size: one?.size,
    annotations: {
      "io.containerd.image.name": "reg.local:5000/team/app:v1",
      "org.opencontainers.image.ref.name": "v1",
    },
    platform: { os: "linux", architecture: "amd64" },
  });
  const index = JSON.parse(await Deno.readTextFile(dir.join("out/index.json")));
  assert.equal(index.schemaVersion, 2);
  assert.equal(index.mediaType, "application/vnd.oci.image.index.v1+json");
  const marker = JSON.parse(await Deno.readTextFile(dir.join("out/oci-layout")));
  assert.deepEqual(marker, { imageLayoutVersion: "1.0.0" });
});

Deno.test("layout: building again changes no byte, and adds no entry", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/mod", { "a/main.go": printer("a"), "b/main.go": printer("b") });
  const args = ["./...", "-t", "one,two", "--platform", "linux/amd64,linux/arm64"];
  const stdout = await build(args, { cwd: dir.path });
  const before = await fingerprint(dir.join("out"));
  const written = await Deno.stat(dir.join("out/index.json"));
  assert.equal(await build(args, { cwd: dir.path }), stdout);
  assert.deepEqual(await fingerprint(dir.join("out")), before);
  assert.equal((await Deno.stat(dir.join("out/index.json"))).ino, written.ino, "written again");
  assert.deepEqual(await imageNames(dir.join("out")), ["a:one", "a:two", "b:one", "b:two"]);
});

Deno.test("layout: a changed program takes the place of its entry, and leaves the others", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/mod", { "a/main.go": printer("a"), "b/main.go": printer("b") });
  await build(["./..."], { cwd: dir.path });
  const [a, b] = await entriesOf(dir.join("out"));
  await dir.write("a/main.go", printer("changed"));
  const stdout = await build(["./..."], { cwd: dir.path });
  const [changed, same, ...others] = await assertClean(dir.join("out"));
  assert.deepEqual(others, []);
  assert.deepEqual(same, b);
  assert.notEqual(changed?.digest, a?.digest);
  assert.equal(changed?.digest, digestIn(stdout.split("\n")[0] ?? ""));
  assert.equal(await outputOf(dir.join("out"), changed?.digest ?? "", "a"), "changed dev\n");
});

Deno.test("layout: the order of the entries does not depend on the order of the builds", async () => {
  await using dir = await tempDir();
  const names = ["a", "b", "c"];
  const files = names.map((name) => [`${name}/main.go`, printer(name)] as const);
  await goModule(dir, "example.com/mod", Object.fromEntries(files));
  for (const name of names) {
    await build([`./${name}`, "--oci-layout=up"], { cwd: dir.path });
  }
  for (const name of names.toReversed()) {
    await build([`./${name}`, "--oci-layout=down"], { cwd: dir.path });
  }
  assert.deepEqual(await fingerprint(dir.join("up")), await fingerprint(dir.join("down")));
});

Deno.test("layout: two fresh builds in other folders, with other caches, are the same", async () => {
  const prints = [];
  for (const folder of ["here", "some/where/else"]) {
    await using dir = await tempDir();
    await goModule(dir, "example.com/app", { "main.go": printer("same") }, folder);
    // Two files a moment apart, so that no time of theirs can be what is the same.
    await dir.write(`${folder}/kodata/one.txt`, "one");
    await dir.write(`${folder}/kodata/deep/two.txt`, "two");
    const args = ["build", "--platform", "linux/amd64,linux/arm64", "-t", "a,b"];
    const env = { KODENO_CACHE: dir.join("cache") };
    const { code, stderr } = await kodeno(args, { cwd: dir.join(folder), env });
    assert.equal(code, 0, stderr);
    prints.push(await fingerprint(dir.join(folder, "out")));
  }
  assert.deepEqual(prints[0], prints[1]);
});

Deno.test({
  name: "layout: what skopeo put there stays as it is, and skopeo still finds all",
  ...needs("skopeo"),
  fn: async () => {
    await using dir = await tempDir();
    await simpleModule(dir, "mine");
    await build(["--oci-layout=other", "--image-label=by=other"], { cwd: dir.path });
    const skopeo = rootTool("skopeo") ?? "skopeo";
    const copy = (from: string, to: string) =>
      succeed(skopeo, ["--insecure-policy", "copy", "--quiet", from, to]);
    // skopeo makes the layout; its entry has a tag that no build of ours has.
    await copy(`oci:${dir.join("other")}:latest`, `oci:${dir.join("out")}:theirs`);
    const [theirs] = await entriesOf(dir.join("out"));
    await build(["-t", "latest"], { cwd: dir.path });
    await build(["-t", "theirs", "-B"], { cwd: dir.path });
    const entries = await assertClean(dir.join("out"));
    assert.deepEqual(entries.find((e) => !e.annotations?.["io.containerd.image.name"]), theirs);
    assert.deepEqual((await imageNames(dir.join("out"))).filter((name) => name), [
      "app:latest",
      "app:theirs",
    ]);
    // And the other way round: skopeo adds to a layout of ours.
    await copy(`oci:${dir.join("other")}:latest`, `oci:${dir.join("out")}:more`);
    assert.equal((await assertClean(dir.join("out"))).length, 4);
  },
});

Deno.test("layout: entries and fields that kodeno does not know stay in index.json", async () => {
  await using dir = await tempDir();
  await simpleModule(dir, "mine");
  await build(["-t", "old"], { cwd: dir.path });
  const path = dir.join("out/index.json");
  const index = JSON.parse(await Deno.readTextFile(path));
  const artifact = {
    ...index.manifests[0],
    artifactType: "application/vnd.example.thing",
    annotations: { "com.example.note": "kept" },
    data: "e30=",
  };
  const foreign = { ...index, manifests: [artifact, ...index.manifests], "x-note": { a: [1] } };
  foreign.annotations = { "com.example.layout": "mine" };
  await Deno.writeTextFile(path, JSON.stringify(foreign, null, 2));
  await build(["-t", "new"], { cwd: dir.path });
  const after = JSON.parse(await Deno.readTextFile(path));
  assert.deepEqual({ ...after, manifests: [] }, { ...foreign, manifests: [] });
  assert.equal(after.manifests.length, 3);
  assert.deepEqual(after.manifests.find((e: object) => "data" in e), artifact);
});

Deno.test("layout: six processes that build other programs into one layout lose nothing", async () => {
  await using dir = await tempDir();
  const names = ["a", "b", "c", "d", "e", "f"];
  const files = names.map((name) => [`${name}/main.go`, printer(name)] as const);
  await goModule(dir, "example.com/mod", Object.fromEntries(files));
  const outputs = await Promise.all(
    names.map((name) => build([`./${name}`, "-t", "one,two"], { cwd: dir.path })),
  );
  const out = dir.join("out");
  await assertClean(out);
  const expected = names.flatMap((name) => [`${name}:one`, `${name}:two`]);
  assert.deepEqual(await imageNames(out), expected);
  for (const [i, name] of names.entries()) {
    assert.equal(await outputOf(out, digestIn(outputs[i] ?? ""), name), `${name} dev\n`);
  }
});

Deno.test("layout: two processes that build the same make one image", async () => {
  await using dir = await tempDir();
  await simpleModule(dir, "same");
  const args = ["--platform", "linux/amd64,linux/arm64"];
  const [one, two] = await Promise.all([1, 2].map(() => build(args, { cwd: dir.path })));
  assert.equal(one, two);
  assert.equal((await assertClean(dir.join("out"))).length, 1);
});

Deno.test("layout: an image whose layer somebody deleted is made whole by the next build", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const stdout = await build([], { cwd: dir.path });
  const before = await fingerprint(dir.join("out"));
  const blobs = await dir.list("out/blobs/sha256");
  const sizes = await Promise.all(
    blobs.map(async (name) => (await Deno.stat(dir.join("out/blobs/sha256", name))).size),
  );
  const largest = blobs[sizes.indexOf(Math.max(...sizes))] ?? "";
  await Deno.remove(dir.join("out/blobs/sha256", largest));
  await assert.rejects(assertSound(dir.join("out")));
  assert.equal(await build([], { cwd: dir.path }), stdout);
  assert.deepEqual(await fingerprint(dir.join("out")), before);
});
