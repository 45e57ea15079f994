/**
 * Layouts and archives as other tools write them: what their images are called wherever they go, and
 * indexes that are written flat, lie in each other, or are there in part.
 * @module
 */
import assert from "node:assert/strict";
import { MediaType } from "../../src/oci/descriptor.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { ask, startServe } from "../serve/served.ts";
import { simpleModule } from "../support/go_module.ts";
import { blob, imageGraph, index, jsonBlob, pushAll } from "../support/image_graph.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { assertSound } from "../support/layout.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const REF = "org.opencontainers.image.ref.name";
const NAME = "io.containerd.image.name";

const [one, two] = [imageGraph("one"), imageGraph("two")];
const [amd64, arm64 = amd64] = one.manifests;
const ROOT = one.root.descriptor;
const [AMD64, ARM64] = [amd64.descriptor, arm64.descriptor];
const on = (architecture: string) => ({ platform: { os: "linux", architecture } });

/** A layout whose `index.json` has these entries, with all blobs but those that are left out. */
async function layoutOf(
  dir: TempDir,
  folder: string,
  entries: readonly unknown[],
  { without = [] as readonly string[], more = [] as readonly ReturnType<typeof blob>[] } = {},
): Promise<void> {
  const layout = await openLayout(dir.join(folder), { create: true });
  await pushAll(layout, [...one.blobs, ...two.blobs, ...more]);
  for (const digest of without) {
    await Deno.remove(dir.join(folder, "blobs/sha256", digest.slice(7)));
  }
  const text = JSON.stringify({ schemaVersion: 2, manifests: entries });
  await Deno.writeTextFile(dir.join(folder, "index.json"), text);
}

/** The layout of a folder as an archive beside it. */
async function tarOf(dir: TempDir, folder: string): Promise<void> {
  const args = ["cf", dir.join(`${folder}.tar`), "oci-layout", "index.json", "blobs"];
  const { success } = await new Deno.Command("tar", { args, cwd: dir.join(folder) }).output();
  assert.ok(success);
}

async function fails(dir: TempDir, code: number, message: RegExp, ...args: readonly string[]) {
  const outcome = await kodeno(args, { cwd: dir.path });
  assert.deepEqual([outcome.code, outcome.stdout], [code, ""], outcome.stderr);
  assert.match(outcome.stderr, message);
}

Deno.test({
  name: "names: push takes them from either annotation, or from the folder, and --dry-run says so",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    const to = `${registry.host}/x`;
    const cases = [
      // podman and skopeo.
      [{ [REF]: "localhost/app:v1" }, `${to}/app:v1`],
      [{ [REF]: "docker.io/library/app:v1" }, `${to}/app:v1`],
      // nerdctl and BuildKit.
      [{ [REF]: "v1", [NAME]: "docker.io/team/app:v1" }, `${to}/team/app:v1`],
      [{ [REF]: "localhost/b:v2", [NAME]: "reg.local/a:v1" }, `${to}/a:v1`],
      [{ [NAME]: "reg.local:5000/a" }, `${to}/a:latest`],
      [{ [NAME]: `reg.local/a@${ROOT.digest}` }, `${to}/a`],
      // umoci, oras and regctl.
      [{ [REF]: "v1" }, `${to}/my-images:v1`],
      [{ [REF]: "v1", [NAME]: "NO/NAME" }, `${to}/my-images:v1`],
      [{ [REF]: ROOT.digest }, to],
      [{ [REF]: "v1+5" }, to],
      [{}, to],
    ] as const;
    for (const [annotations, name] of cases) {
      await layoutOf(dir, "My_Images", [{ ...ROOT, annotations }]);
      const push = ["push", "oci:My_Images", "--to", to];
      const planned = await done(dir, [...push, "--dry-run"]);
      assert.equal(planned, `${name}@${ROOT.digest}`);
      assert.equal(await done(dir, push), planned);
    }
    await layoutOf(dir, "My_Images", [{ ...ROOT, annotations: { [REF]: "v1+5" } }]);
    const { stderr } = await kodeno(["push", "My_Images", "--to", to], { cwd: dir.path });
    const left = new RegExp(`Left out the name "v1\\+5" of ${ROOT.digest} of (oci:)?My_Images`);
    assert.match(stderr, left);
    for (const [target, isTold] of [["oci:c", true], ["oci:c:app:v1", false]] as const) {
      const copied = await kodeno(["copy", "oci:My_Images", target], { cwd: dir.path });
      assert.equal(left.test(copied.stderr), isTold, copied.stderr);
    }
    await layoutOf(dir, "My_Images", [{ ...ROOT, annotations: { [REF]: "v1" } }]);
    // The folder's name stands for all its tags, as any other does.
    const all = ["push", "My_Images", "--to", to, "--image", "my-images"];
    assert.equal(await done(dir, all), `${to}/my-images:v1@${ROOT.digest}`);
    // What is printed names the image again.
    const again = ["push", "My_Images", "--to", to, "--image", "my-images:v1", "--bare"];
    assert.equal(await done(dir, again), `${to}:v1@${ROOT.digest}`);
    await fails(dir, 2, /Cannot push my-images:v1: its name says no registry/, "push", "My_Images");
  },
});

Deno.test({
  name: "push: a dry run counts what images share once, and needs what the run needs",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    const push = ["push", "l", "--to", `${registry.host}/shared`, "--bare", "--json"];
    const sums = async (...more: readonly string[]) => {
      const lines = (await done(dir, [...push, ...more])).split("\n").map((line) =>
        JSON.parse(line)
      );
      const images = lines.filter(({ type }) => type === "image");
      return ["blobs", "bytes"].map((what) => images.reduce((sum, one) => sum + one[what], 0));
    };
    const entries = [ROOT, AMD64, ARM64].map((d, i) => ({ ...d, annotations: { [REF]: `v${i}` } }));
    await layoutOf(dir, "l", entries);
    const bytes = one.blobs.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    assert.deepEqual(await sums("--dry-run"), [one.blobs.length, bytes]);
    await done(dir, push);
    assert.deepEqual(await sums("--dry-run"), [0, 0]);
    await layoutOf(dir, "m", entries, { without: [one.shared.descriptor.digest] });
    const other = ["push", "m", "--to", `${registry.host}/m`, "--image", "v1"];
    for (const more of [["--dry-run"], []]) {
      await fails(dir, 1, /Cannot find blob /, ...other, ...more);
    }
  },
});

Deno.test("names: a tag alone is found and removed as one of the folder, and stays alone in another", async () => {
  await using dir = await tempDir();
  const annotations = { [REF]: "v1" };
  await layoutOf(dir, "a", [{ ...ROOT, annotations }]);
  await layoutOf(dir, "b", [{ ...two.root.descriptor, annotations }]);
  await layoutOf(dir, "p", [{ ...ROOT, annotations: { [REF]: "localhost/app:v1" } }]);
  assert.match(await done(dir, ["ls", "a"]), /^v1 /);
  assert.match(await done(dir, ["inspect", "a", "a:v1"]), /^v1 index /);
  const merged = await done(dir, ["merge", "all", "a", "p"]);
  const names = merged.split("\n").map((line) => line.split("@")[0]);
  assert.deepEqual(names, ["v1", "localhost/app:v1"]);
  await assertSound(dir.join("all"));
  await fails(dir, 2, /v1 is sha256:\w+ and sha256:/, "merge", "all", "b");
  assert.match(await done(dir, ["tag", "a", "a:v1", "app:v2"]), /^app:v2@/);
  assert.match(await done(dir, ["rm", "a", "a:v1"]), /^v1@/);
  // A name without a tag is not cut, whatever its host says.
  await layoutOf(dir, "c", [{ ...ROOT, annotations: { [NAME]: "reg.local:5000/app" } }]);
  await fails(dir, 1, /Cannot remove "reg\.local"/, "rm", "c", "reg.local");
  assert.match(await done(dir, ["rm", "c", "reg.local:5000/app"]), /app:latest@/);
});

Deno.test({
  name: "shapes: a flat index.json is one image for every command",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    const flat = (annotations?: Record<string, string>) => [
      { ...AMD64, ...on("amd64"), ...(annotations ? { annotations } : {}) },
      // Its config says the platform.
      { ...ARM64, ...(annotations ? { annotations } : {}) },
    ];
    const to = `${registry.host}/flat`;
    for (const annotations of [undefined, { [REF]: "v1" }, { [REF]: "localhost/app:v1" }]) {
      await layoutOf(dir, "l", flat(annotations));
      const listed = (await done(dir, ["ls", "l"])).split("\n");
      assert.equal(listed.length, 1);
      assert.match(listed[0] ?? "", / linux\/amd64,linux\/arm64$/);
      const push = ["push", "l", "--to", to, "--bare"];
      const planned = await done(dir, [...push, "--dry-run"]);
      assert.equal(await done(dir, [...push, "--platform", "all", "--dry-run"]), planned);
      assert.equal(await done(dir, push), planned);
      const [, digest = ""] = planned.split("@");
      const url = `http://${registry.host}/v2/flat/manifests/${digest}`;
      const answer = await fetch(url, { headers: { accept: MediaType.index } });
      assert.deepEqual((await answer.json()).manifests, [
        { ...AMD64, ...on("amd64") },
        { ...ARM64, ...on("arm64") },
      ]);
      const single = await done(dir, [...push, "--platform", "linux/arm64"]);
      assert.ok(single.endsWith(`@${ARM64.digest}`), single);
      const copied = await done(dir, [
        "copy",
        "oci:l",
        "oci:c:app:v1",
        "--platform",
        "linux/arm64",
      ]);
      assert.equal(copied, `app:v1@${ARM64.digest}`);
      assert.equal(await done(dir, ["copy", "oci:l", "archive:c.tar:app:v1"]), `app:v1@${digest}`);
      assert.match(await done(dir, ["merge", "m", "l"]), new RegExp(`${digest}$`));
      await assertSound(dir.join("m"));
      if (annotations === undefined) continue;
      await done(dir, ["tag", "l", "v1", "other:v3"]);
      await assertSound(dir.join("l"));
      assert.match(await done(dir, ["ls", "l"]), new RegExp(`other:v3 +${digest}`));
    }
    await layoutOf(dir, "s", flat({ [REF]: "v1" }));
    await using served = await startServe(dir.join("s"));
    const answer = await ask(served.host, "/v2/s/manifests/v1");
    assert.equal(answer.headers["content-type"], MediaType.index);
  },
});

Deno.test("shapes: a platform is found in nested indexes, and in configs", async () => {
  await using dir = await tempDir();
  const bare = index([[amd64], [arm64]]);
  const outer = index([[bare], [two.root]]);
  await layoutOf(dir, "l", [{ ...outer.descriptor, annotations: { [REF]: "v1" } }], {
    more: [bare, outer],
  });
  const choose = ["copy", "oci:l:v1", "oci:c:app:v1", "--platform"];
  // Two images of the platform: the first.
  assert.equal(await done(dir, [...choose, "linux/arm64"]), `app:v1@${ARM64.digest}`);
  await fails(dir, 2, /it has linux\/amd64, linux\/arm64, /, ...choose, "linux/s390x");
});

Deno.test({
  name: "shapes: of an index that is there in part one platform can be had, and what lacks is told",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    const entry = { ...ROOT, annotations: { [REF]: "v1" } };
    await layoutOf(dir, "l", [entry], { without: [ARM64.digest] });
    const to = ["--to", `${registry.host}/part`];
    const told = /; missing: linux\/arm64; there, to be taken with .*--platform"?: linux\/amd64$/m;
    await fails(dir, 1, told, "push", "l", ...to);
    await fails(dir, 1, told, "push", "l", ...to, "--dry-run");
    await fails(dir, 1, told, "copy", "oci:l", "oci:c");
    await fails(dir, 1, told, "merge", "m", "l");
    const flag = ["--platform", "linux/amd64"];
    const pushed = await done(dir, ["push", "l", ...to, ...flag]);
    assert.equal(pushed, `${registry.host}/part/l:v1@${AMD64.digest}`);
    assert.equal(await done(dir, ["copy", "oci:l", "oci:c", ...flag]), `v1@${AMD64.digest}`);
    await assertSound(dir.join("c"));
    for (const work of [["push", "l", ...to], ["copy", "oci:l", "oci:c"]]) {
      await fails(dir, 1, told, ...work, "--platform", "linux/arm64");
    }
    // An archive has what its tool had: one platform alone is the image, whatever indexes lie between.
    for (const part of [one.root, index([[index([[one.root]])]])]) {
      const name = { annotations: { [REF]: "v1" } };
      const more = [part, index([[one.root]])];
      const without = [ARM64.digest];
      await layoutOf(dir, "a", [{ ...part.descriptor, ...name }], { more, without });
      await tarOf(dir, "a");
      const { code, stdout, stderr } = await kodeno(["copy", "archive:a.tar", "oci:b"], {
        cwd: dir.path,
      });
      assert.deepEqual([code, stdout.trim()], [0, `v1@${AMD64.digest}`], stderr);
      assert.match(stderr, /Took linux\/amd64 of v1 alone/);
      assert.doesNotMatch(stderr, /Left out/);
    }
    const other = ["--platform", "linux/s390x"];
    await fails(dir, 2, /it has linux\/amd64, linux\/arm64$/m, "push", "l", ...to, ...other);
  },
});

Deno.test("shapes: a base that is there in part is one for what is there", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const entry = { ...ROOT, annotations: { [REF]: "v1" } };
  await layoutOf(dir, "bases", [entry], { without: [ARM64.digest] });
  await using served = await startServe(dir.join("bases"));
  for (const base of ["oci:bases:v1", `${served.host}/bases:v1`]) {
    const build = ["build", "--base-image", base, "--platform"];
    const told = /; missing: linux\/arm64; there, to be taken with --platform: linux\/amd64$/m;
    for (const asked of ["all", "linux/arm64"]) await fails(dir, 1, told, ...build, asked);
    await done(dir, [...build, "linux/amd64"]);
  }
});

Deno.test("shapes: attestations are shown as what they are", async () => {
  await using dir = await tempDir();
  const statement = blob("{}", "application/vnd.in-toto+json");
  const unknown = { os: "unknown", architecture: "unknown" };
  const rootfs = { type: "layers", diff_ids: [statement.descriptor.digest] };
  const config = jsonBlob({ ...unknown, config: {}, rootfs }, MediaType.config);
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    config: config.descriptor,
    layers: [statement.descriptor],
  }, MediaType.manifest);
  const attestation = {
    ...manifest.descriptor,
    platform: unknown,
    annotations: {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": AMD64.digest,
    },
  };
  const manifests = [{ ...AMD64, ...on("amd64") }, attestation];
  const whole = jsonBlob(
    { schemaVersion: 2, mediaType: MediaType.index, manifests },
    MediaType.index,
  );
  const named = { ...whole.descriptor, annotations: { [REF]: "v1" } };
  const more = [statement, config, manifest, whole];
  const { annotations: _, ...silent } = attestation;
  await layoutOf(dir, "l", [named, attestation, silent], { more });
  const [image, alone, unsaid] = (await done(dir, ["ls", "l"])).split("\n");
  assert.match(unsaid ?? "", /\(attestation of an image\)/);
  assert.match(image ?? "", / linux\/amd64$/);
  assert.match(alone ?? "", new RegExp(`\\(attestation of ${AMD64.digest}\\)`));
  const tree = await done(dir, ["inspect", "l"]);
  assert.match(tree, new RegExp(`attestation of ${AMD64.digest}, manifest ${attestation.digest}`));
  assert.doesNotMatch(tree, /unknown\/unknown/);
  const [first] = (await done(dir, ["inspect", "l", "--json"])).split("\n").map((l) =>
    JSON.parse(l)
  );
  assert.equal(first.manifests[1].attested, AMD64.digest);
  assert.equal(first.manifests[1].platform, undefined);
});
