/**
 * Images whose digests are of sha512, which other tools may write: read, checked, moved, served and
 * kept as those of sha256 are.
 * @module
 */
import assert from "node:assert/strict";
import { verify } from "../../src/content/check.ts";
import { digestOf } from "../../src/io/hash.ts";
import { TAR_END } from "../../src/io/tar_writer.ts";
import { blobPath, MediaType } from "../../src/oci/descriptor.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { openImages } from "../../src/place/open.ts";
import { openRegistry } from "../../src/place/registry/registry.ts";
import { concat, member } from "../archive/images.ts";
import { dockerdKinds, startDockerd } from "../parts/dockerd.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { startServe } from "../serve/served.ts";
import { blob, image, imageGraph, jsonBlob, layoutWith, pushAll } from "../support/image_graph.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const long = imageGraph("long", "sha512");
const ROOT = long.root.descriptor;

/** Checks that a place has the image under a name, whole. */
async function assertHas(dir: TempDir, place: string, name: string): Promise<void> {
  using source = await openImages(dir.join(place));
  const root = await source.resolve(name);
  assert.equal(root.digest, ROOT.digest);
  assert.equal((await verify(source, root)).blobs, long.blobs.length);
}

Deno.test("sha512: a layout is listed, copied, merged, named and put into an archive", async () => {
  await using dir = await tempDir();
  await layoutWith(dir, "l", { "app:v1": long });
  assert.match(await done(dir, ["ls", "l"]), /^app:v1 {2}sha512:\S+ .*linux\/amd64,linux\/arm64$/);
  assert.doesNotMatch(await done(dir, ["inspect", "l"]), /missing|damaged/);
  assert.equal(await done(dir, ["copy", "oci:l:app:v1", "oci:c"]), `app:v1@${ROOT.digest}`);
  await assertHas(dir, "c", "app:v1");
  await done(dir, ["copy", `oci:l@${ROOT.digest}`, "archive:a.tar:app:v2"]);
  await assertHas(dir, "a.tar", "app:v2");
  await done(dir, ["merge", "m", "l", "a.tar"]);
  await assertHas(dir, "m", "app:v1");
  await assertHas(dir, "m", "app:v2");
  await done(dir, ["tag", "m", ROOT.digest, "app:v3"]);
  await assertHas(dir, "m", "app:v3");
});

Deno.test("sha512: what is damaged is told, and gc removes what nothing needs", async () => {
  await using dir = await tempDir();
  const folder = await layoutWith(dir, "l", { "app:v1": long });
  const garbage = blob("nobody needs it", MediaType.layer, "sha512");
  {
    using layout = await openLayout(folder);
    await pushAll(layout, [garbage]);
  }
  assert.equal(await done(dir, ["gc", "l", "--prune-now"]), garbage.descriptor.digest);
  await assertHas(dir, "l", "app:v1");
  const layer = `${folder}/${blobPath(long.shared.descriptor)}`;
  await Deno.writeFile(layer, long.shared.bytes.toReversed());
  const copied = await kodeno(["copy", "oci:l", "oci:c"], { cwd: dir.path });
  assert.equal(copied.code, 1);
  assert.match(copied.stderr, /Cannot use blob sha512:\S+ .*its content has digest sha512:/);
  await done(dir, ["rm", "l", "app"]);
  await done(dir, ["gc", "l", "--prune-now"]);
  assert.deepEqual(await dir.list("l/blobs/sha512"), []);
});

Deno.test("sha512: it is served, with what refers to it, and pulled", async () => {
  await using dir = await tempDir();
  const folder = await layoutWith(dir, "l", { "app:v1": long });
  const config = blob("{}", "application/vnd.oci.empty.v1+json");
  const sbom = jsonBlob({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    artifactType: "application/x-sbom",
    config: config.descriptor,
    layers: [],
    subject: ROOT,
  }, MediaType.manifest);
  {
    using layout = await openLayout(folder);
    await pushAll(layout, [config, sbom]);
    await layout.keep([sbom.descriptor]);
  }
  await using server = await startServe(folder);
  await using store = openRegistry(`${server.host}/app`);
  const root = await store.resolve("v1");
  assert.equal(root.digest, ROOT.digest);
  assert.equal((await verify(store, root)).blobs, long.blobs.length);
  const referrers = await store.referrers(root);
  assert.deepEqual(referrers.map(({ digest }) => digest), [sbom.descriptor.digest]);
  await done(dir, ["pull", `${server.host}/app@${ROOT.digest}`, "--oci-layout", "p"]);
  await assertHas(dir, "p", ROOT.digest);
});

Deno.test({
  name: "sha512: layers and configs go into a registry, which gives them back",
  ...needs("docker-registry"),
  async fn() {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    const layer = blob("a long name", MediaType.layer, "sha512");
    const { manifest, config } = image({ os: "linux", architecture: "amd64" }, [layer]);
    using layout = await openLayout(dir.join("l"), { create: true });
    await pushAll(layout, [layer, config, manifest]);
    await layout.tag(manifest.descriptor, "app:v1");
    await done(dir, ["push", "l", "--to", `${registry.host}/x`]);
    await done(dir, ["pull", `${registry.host}/x/app:v1`, "--oci-layout", "p"]);
    using pulled = await openImages(dir.join("p"));
    assert.equal((await verify(pulled, manifest.descriptor)).blobs, 3);
  },
});

for (const [kind, ...parts] of dockerdKinds) {
  Deno.test({
    name: `sha512: an image is loaded into Docker, ${kind}`,
    ...needs(...parts),
    async fn() {
      await using dir = await tempDir();
      await using dockerd = await startDockerd({ kind });
      const layer = blob(concat(member("a", "x"), TAR_END), MediaType.layer, "sha512");
      const rootfs = { type: "layers", diff_ids: [digestOf(layer.bytes)] };
      const platform = { os: "linux", architecture: "amd64" };
      const { manifest, config } = image(platform, [layer], { rootfs }, "sha512");
      {
        using layout = await openLayout(dir.join("l"), { create: true });
        await pushAll(layout, [layer, config, manifest]);
        await layout.tag(manifest.descriptor, "app:v1");
      }
      const env = { DOCKER_HOST: dockerd.host };
      for (const sent of [true, false]) {
        const lines = (await done(dir, ["load", "l", "--json"], env)).split("\n");
        const line = lines.map((one) => JSON.parse(one)).find(({ type }) => type === "image");
        assert.deepEqual(line.references, ["app:v1"]);
        // Docker's own store knows no other digests; containerd's finds nothing to name by them.
        assert.equal(line.id, kind === "debian" ? digestOf(config.bytes) : line.digest);
        assert.equal(line.sent, sent || kind === "today");
      }
    },
  });
}
