/**
 * Archives between kodeno and the programs that others have: each of them takes kodeno's, and kodeno
 * takes theirs.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { copy } from "../../src/content/copy.ts";
import { verify } from "../../src/content/check.ts";
import { readDocument } from "../../src/content/walk.ts";
import { bareDescriptor } from "../../src/oci/descriptor.ts";
import { imageName } from "../../src/oci/entries.ts";
import { parseManifest } from "../../src/oci/manifest.ts";
import { openArchive } from "../../src/place/archive/archive_source.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { startDockerd } from "../parts/dockerd.ts";
import { startRegistry } from "../parts/registry.ts";
import { goTool, needs, rootTool } from "../parts/tools.ts";
import { succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import { type RealImage, realImage, together, writeArchive } from "./images.ts";

/** Two images in one archive, the first with two names. */
async function write(dir: TempDir): Promise<{ path: string; one: RealImage; two: RealImage }> {
  const [one, two] = [await realImage("one"), await realImage("two")];
  const path = dir.join("images.tar");
  await writeArchive(path, await together([one, two]), [
    { descriptor: one.root, names: ["app:v1", "reg.local/team/app:v1"] },
    { descriptor: two.root, names: ["other:latest"] },
  ]);
  return { path, one, two };
}

Deno.test({
  name:
    "archive: docker loads it and runs it, containerd imports it, and kodeno reads what docker saves",
  ...needs("root", "dockerd", "docker", "ctr"),
  async fn() {
    await using dir = await tempDir();
    const { path, one, two } = await write(dir);
    await using dockerd = await startDockerd();
    const docker = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await dockerd.docker(...args);
      assert.equal(code, 0, `docker ${args.join(" ")}: ${stderr}`);
      return stdout.trim();
    };
    const loaded = await docker("load", "-i", path);
    assert.match(loaded, /app:v1/);
    for (
      const [name, image] of [["app:v1", one], ["other", two], [
        "reg.local/team/app:v1",
        one,
      ]] as const
    ) {
      const id = image.amd64.config.descriptor.digest;
      assert.equal(await docker("inspect", "--format", "{{.Id}}", name), id);
      const out = await dockerd.docker("run", "--rm", "--network=none", name);
      assert.match(out.stdout + out.stderr, /it runs dev/);
    }

    const saved = dir.join("saved.tar");
    await docker("save", "-o", saved, "app:v1", "other:latest", "reg.local/team/app:v1");
    const archive = await openArchive(saved);
    const names = (await archive.entries()).map(imageName);
    assert.deepEqual(names.sort(), ["app:v1", "other:latest", "reg.local/team/app:v1"]);
    for (const [name, image] of [["app:v1", one], ["other:latest", two]] as const) {
      const root = await archive.resolve(name);
      assert.deepEqual(root.platform, { os: "linux", architecture: "amd64" });
      const { config } = parseManifest(await readDocument(archive, root), name);
      assert.equal(config.digest, image.amd64.config.descriptor.digest);
      assert.deepEqual(await readDocument(archive, config), image.amd64.config.bytes);
      assert.equal((await verify(archive, root)).blobs, 4);
    }
    // Its containerd takes the layout with all that is in it.
    const containerd = join(dockerd.root, "exec", "containerd", "containerd.sock");
    const ctr = ["--address", containerd, "--namespace", "kodeno-test", "images"];
    await succeed(rootTool("ctr") ?? "", [...ctr, "import", "--all-platforms", path]);
    const listed = await succeed(rootTool("ctr") ?? "", [...ctr, "ls"]);
    for (const [name, image] of [["app:v1", one], ["other:latest", two]] as const) {
      assert.match(listed, new RegExp(`(^|/)${name} .* ${image.root.digest} `, "m"));
    }

    const layout = await openLayout(dir.join("layout"), { create: true });
    const root = await copy(archive, "app:v1", layout, { tags: ["app:v1"] });
    await verify(layout, root);
  },
});

Deno.test({
  name: "archive: skopeo reads it as both kinds, and kodeno reads skopeo's",
  ...needs("skopeo"),
  async fn() {
    await using dir = await tempDir();
    const { path, one, two } = await write(dir);
    const skopeo = (...args: string[]) =>
      succeed(rootTool("skopeo") ?? "", ["--insecure-policy", ...args]);
    const inspect = async (ref: string) =>
      JSON.parse(await skopeo("inspect", "--config", "--raw", "--override-arch=amd64", ref));
    const config = (image: RealImage) =>
      JSON.parse(new TextDecoder().decode(image.amd64.config.bytes));
    assert.deepEqual(await inspect(`docker-archive:${path}:app:v1`), config(one));
    assert.deepEqual(await inspect(`docker-archive:${path}:other:latest`), config(two));
    assert.deepEqual(await inspect(`oci-archive:${path}:latest`), config(two));

    await skopeo(
      "copy",
      "--all",
      `oci-archive:${path}:latest`,
      `oci-archive:${dir.join("oci.tar")}:other:latest`,
    );
    const oci = await openArchive(dir.join("oci.tar"));
    const root = await oci.resolve("");
    assert.deepEqual(bareDescriptor(root), bareDescriptor(two.root));
    await verify(oci, root);

    const classic = dir.join("classic.tar");
    await skopeo("copy", `docker-archive:${path}:app:v1`, `docker-archive:${classic}:app:v3`);
    const archive = await openArchive(classic);
    const read = await archive.resolve("docker.io/library/app:v3");
    assert.equal((await verify(archive, read)).blobs, 4);
    const { config: { digest } } = parseManifest(await readDocument(archive, read), "it");
    assert.equal(digest, one.amd64.config.descriptor.digest);
  },
});

Deno.test({
  name: "archive: crane and regctl send it, and kodeno reads theirs",
  ...needs("docker-registry"),
  async fn() {
    await using dir = await tempDir();
    const { root, store, amd64 } = await realImage();
    const path = dir.join("one.tar");
    await writeArchive(path, store, [{ descriptor: root, names: ["app:v1"] }]);
    await using registry = await startRegistry();
    const [crane, regctl] = [await goTool("crane"), await goTool("regctl")];
    // crane takes the one for docker, whole layers and config.
    await succeed(crane, ["push", path, `${registry.host}/crane:v1`]);
    const raw = await succeed(crane, ["config", `${registry.host}/crane:v1`]);
    assert.deepEqual(JSON.parse(raw), JSON.parse(new TextDecoder().decode(amd64.config.bytes)));
    // regctl takes the layout, with all platforms.
    const env = { ...Deno.env.toObject(), HOME: dir.path, REGCTL_CONFIG: dir.join("regctl.json") };
    await succeed(regctl, ["registry", "set", "--tls=disabled", registry.host], { env });
    await succeed(regctl, ["image", "import", `${registry.host}/regctl:v1`, path], { env });
    const digest = await succeed(regctl, ["image", "digest", `${registry.host}/regctl:v1`], {
      env,
    });
    assert.equal(digest.trim(), root.digest);

    await succeed(crane, [
      "pull",
      "--platform=linux/amd64",
      `${registry.host}/regctl:v1`,
      dir.join("crane.tar"),
    ]);
    const theirs = await openArchive(dir.join("crane.tar"));
    const manifest = await theirs.resolve("");
    // Its layers are still compressed, so that the blobs are the same.
    const layers = parseManifest(await readDocument(theirs, manifest), "it").layers;
    const ours = parseManifest(amd64.manifest.bytes, "it").layers;
    assert.deepEqual(layers, ours);
    await verify(theirs, manifest);

    const exported = dir.join("regctl.tar");
    await succeed(regctl, ["image", "export", `${registry.host}/regctl:v1`, exported], { env });
    const archive = await openArchive(exported);
    assert.equal((await verify(archive, await archive.resolve(root.digest))).blobs, 8);
  },
});
