/**
 * What a place is and what of an image goes there: archives where layouts are taken, platforms,
 * what refers to an image, and the naming flags of push.
 * @module
 */
import assert from "node:assert/strict";
import { MediaType } from "../../src/oci/descriptor.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { startRegistry } from "../parts/registry.ts";
import { goTool, needs } from "../parts/tools.ts";
import { blob, imageGraph, jsonBlob, layoutWith, pushAll } from "../support/image_graph.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { assertSound, entriesOf } from "../support/layout.ts";
import { succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

async function refused(dir: TempDir, message: RegExp, ...args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await kodeno(args, { cwd: dir.path });
  assert.equal(code, 2, stderr);
  assert.match(stderr, message);
  assert.deepEqual([stdout, stderr.trim().split("\n").length], ["", 1]);
}

const one = imageGraph("one");
const two = imageGraph("two");

/** An artifact about an image or about another artifact, put into a layout without a name. */
async function attach(dir: TempDir, folder: string, kind: string, subject: unknown) {
  const config = blob("{}", "application/vnd.oci.empty.v1+json");
  const content = blob(`${kind} of ${JSON.stringify(subject)}`, "text/plain");
  const artifact = jsonBlob({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    artifactType: `application/x-${kind}`,
    config: config.descriptor,
    layers: [content.descriptor],
    subject,
  }, MediaType.manifest);
  const layout = await openLayout(dir.join(folder));
  await pushAll(layout, [config, content, artifact]);
  await layout.change((entries) => Promise.resolve([...entries, artifact.descriptor]));
  return artifact.descriptor;
}

Deno.test("archives: ls, inspect, merge and push take one as they take a layout", async () => {
  await using dir = await tempDir();
  await layoutWith(dir, "l", { "app:v1": one });
  await done(dir, ["copy", "oci:l", "archive:a.tar"]);
  for (const command of ["ls", "inspect"]) {
    assert.equal(await done(dir, [command, "a.tar"]), await done(dir, [command, "l"]));
  }
  const tree = await done(dir, ["inspect", "l", "app:v1"]);
  for (const place of ["a.tar:v1", "archive:a.tar:v1", `a.tar@${one.root.descriptor.digest}`]) {
    assert.equal(await done(dir, ["inspect", place]), tree);
  }
  await layoutWith(dir, "m", { "other:v1": two });
  const merged = await done(dir, ["merge", "all", "m", "a.tar"]);
  assert.deepEqual(merged.match(/^\w+:v1/gm)?.sort(), ["app:v1", "other:v1"]);
  assert.equal((await assertSound(dir.join("all"))).length, 2);
  await refused(dir, /Cannot use a\.tar as an OCI layout/, "merge", "a.tar", "l");
  const missing = /Cannot use none(?::v1)?: there is no such file; say the path of a layout/;
  for (const place of ["none", "none:v1"]) await refused(dir, missing, "inspect", place);
});

Deno.test("platform: of an index, of one image alone, and of one that is another's", async () => {
  await using dir = await tempDir();
  await layoutWith(dir, "l", { "app:v1": one });
  await done(dir, ["copy", "oci:l", "oci:arm", "--platform", "linux/arm64"]);
  assert.match(await done(dir, ["ls", "arm"]), / linux\/arm64$/);
  assert.equal((await entriesOf(dir.join("arm")))[0]?.digest, one.manifests[1]?.descriptor.digest);
  await done(dir, ["copy", "oci:arm", "oci:again", "--platform", "linux/arm64"]);
  // The entry of another tool says no platform; the config does.
  const index = dir.join("arm", "index.json");
  const value = JSON.parse(await Deno.readTextFile(index));
  delete value.manifests[0].platform;
  await Deno.writeTextFile(index, JSON.stringify(value));
  await done(dir, ["copy", "oci:arm", "oci:third", "--platform", "linux/arm64"]);
  const wrong = ["copy", "oci:arm", "oci:wrong", "--platform", "linux/amd64"];
  await refused(dir, /Cannot choose linux\/amd64 of oci:arm: it has linux\/arm64/, ...wrong);
  assert.equal((await dir.list()).includes("wrong"), false);
});

Deno.test({
  name: "referrers: those of the index, of its images and of referrers go along, everywhere",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    await layoutWith(dir, "l", { "app:v1": one, "two:v1": two });
    const sbom = await attach(dir, "l", "sbom", one.root.descriptor);
    const signature = await attach(dir, "l", "signature", sbom);
    const ofImage = await attach(dir, "l", "sbom", one.manifests[1]?.descriptor);
    await attach(dir, "l", "sbom", two.root.descriptor);
    const all = [sbom, signature, ofImage].map(({ digest }) => digest).sort();
    const referrersIn = async (path: string): Promise<string[]> => {
      const tree = await done(dir, ["inspect", path]);
      const found = tree.matchAll(/referrer \S+ manifest (sha256:\w+)/g);
      return [...new Set([...found].map(([, digest]) => digest ?? ""))].sort();
    };

    const remote = `${registry.host}/r/app:v1`;
    const copies = [
      ["oci:l:app:v1", "archive:l.tar"],
      ["archive:l.tar", remote],
      [remote, `${registry.host}/other/app:v1`],
      [`${registry.host}/other/app:v1`, "oci:back:app:v1"],
    ];
    for (const [from = "", to = ""] of copies) {
      await done(dir, ["copy", from, to]);
    }
    assert.deepEqual(await referrersIn("l.tar"), all);
    assert.deepEqual(await referrersIn("back"), all);
    assert.equal((await assertSound(dir.join("back"))).length, 1 + all.length);
    await done(dir, ["pull", remote, "--oci-layout", "pulled"]);
    assert.deepEqual(await referrersIn("pulled"), all);
    const arm = ["copy", "oci:l:app:v1", "oci:arm", "--platform", "linux/arm64"];
    await done(dir, arm);
    assert.deepEqual(await referrersIn("arm"), [ofImage.digest]);
    await done(dir, ["pull", remote, "--oci-layout", "plain", "--referrers=false"]);
    assert.deepEqual(await referrersIn("plain"), []);
    // Of a whole layout they go where their image goes.
    const to = `${registry.host}/whole`;
    const pushed = await done(dir, ["push", "l", "--to", to]);
    assert.equal(pushed.split("\n").length, 2);
    const again = await kodeno(["push", "l", "--to", to, "--json"], { cwd: dir.path });
    const sent = again.stdout.trim().split("\n").map((line) => JSON.parse(line));
    assert.ok(
      sent.every(({ type, state, blobs }) => type === "image" ? blobs === 0 : state === "there"),
    );
    await done(dir, ["pull", `${to}/app:v1`, "--referrers", "--oci-layout", "whole"]);
    assert.deepEqual(await referrersIn("whole"), all);
    await done(dir, ["push", "l", "--to", `${registry.host}/bare`, "--no-referrers"]);
    await done(dir, ["pull", `${registry.host}/bare/app:v1`, "--oci-layout", "bare"]);
    assert.deepEqual(await referrersIn("bare"), []);
    await refused(dir, /a daemon keeps none/, "copy", "oci:l:app:v1", "daemon:x", "--referrers");
  },
});

Deno.test({
  name: "push: -P is the default and beats -B, which beats --bare",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    await layoutWith(dir, "l", { "old.example/team/app:v1": one });
    const where = async (...flags: string[]) => {
      const printed = await done(dir, ["push", "l", "--to", `${registry.host}/x`, ...flags]);
      return printed.slice(registry.host.length + 1).replace(/@.*/, "");
    };
    assert.equal(await where(), "x/team/app:v1");
    assert.equal(await where("-P"), "x/team/app:v1");
    assert.equal(await where("-P", "-B", "--bare"), "x/team/app:v1");
    assert.equal(await where("-B"), "x/app:v1");
    assert.equal(await where("-B", "--bare"), "x/app:v1");
    assert.equal(await where("--bare"), "x:v1");
    const crane = await goTool("crane");
    const pushed = await succeed(crane, ["digest", `${registry.host}/x/team/app:v1`]);
    assert.equal(pushed.trim(), one.root.descriptor.digest);
  },
});

Deno.test({
  name: "mirrors: KODENO_MIRRORS is asked first, and --mirror beats it",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    await layoutWith(dir, "l", { "app:v1": one });
    await done(dir, ["copy", "oci:l", `${registry.host}/team/app:v1`]);
    // No such host is ever asked: the mirror has the image.
    const name = "origin.invalid/team/app:v1";
    const env = { KODENO_MIRRORS: `other.invalid=127.0.0.1:1,origin.invalid=${registry.host}` };
    await done(dir, ["pull", name, "--oci-layout", "first"], env);
    await assertSound(dir.join("first"));
    const bad = { KODENO_MIRRORS: "origin.invalid=127.0.0.1:1" };
    const flag = ["--mirror", `origin.invalid=${registry.host}`];
    await done(dir, ["pull", name, "--oci-layout", "second", ...flag], bad);
    const wrong = await kodeno(["pull", name], { cwd: dir.path, env: { KODENO_MIRRORS: "x" } });
    assert.deepEqual([wrong.code, /KODENO_MIRRORS/.test(wrong.stderr)], [2, true], wrong.stderr);
  },
});
