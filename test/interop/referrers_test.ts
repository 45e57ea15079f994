/**
 * What refers to an image, in an archive or layout that others load: Docker of today and containerd make no
 * image of it, and of Docker before that nothing is left of it at all.
 * @module
 */
import assert from "node:assert/strict";
import { copy } from "../../src/content/copy.ts";
import { MediaType } from "../../src/oci/descriptor.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { attachment, putAttachment } from "../../src/trust/attachment.ts";
import { realImage } from "../archive/images.ts";
import { startKubernetesContainerd } from "../parts/containerd.ts";
import { dockerdKinds, startDockerd } from "../parts/dockerd.ts";
import { needs } from "../parts/tools.ts";
import { blob, jsonBlob, pushAll } from "../support/image_graph.ts";
import { done } from "../support/kodeno.ts";
import { succeed } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";

/** A layout `l` of an image with an SBOM, as an archive of kodeno's and as the layout itself. */
async function lab() {
  const dir = await tempDir();
  const image = await realImage();
  using layout = await openLayout(dir.join("l"), { create: true });
  await copy(image.store, image.root, layout, { tags: ["app:v1"] });
  const text = new TextEncoder().encode("{}");
  for (const subject of [image.root, image.amd64.manifest.descriptor]) {
    const made = attachment(subject, "application/spdx+json", text);
    await putAttachment(made, layout);
    await layout.keep([made.manifest.descriptor]);
  }
  await done(dir, ["copy", "oci:l", "archive:archive.tar"]);
  await succeed("tar", ["-C", dir.join("l"), "-cf", dir.join("layout.tar"), "."]);
  // As cosign had signatures first: under a tag, with the config of an image.
  const config = jsonBlob({ architecture: "", os: "", config: {} }, MediaType.config);
  const payload = blob("{}", "application/vnd.dev.cosign.simplesigning.v1+json");
  const signature = jsonBlob({
    schemaVersion: 2,
    mediaType: MediaType.manifest,
    config: config.descriptor,
    layers: [payload.descriptor],
  }, MediaType.manifest);
  await pushAll(layout, [config, payload, signature]);
  await layout.tag(signature.descriptor, `app:${image.root.digest.replace(":", "-")}.sig`);
  return { dir, files: ["archive.tar", "layout.tar"].map((name) => dir.join(name)) };
}

for (const [kind, ...parts] of dockerdKinds) {
  Deno.test({
    name: `interop: Docker (${kind}) loads an archive with an SBOM as one image, no dangling one`,
    ...needs(...parts),
    async fn() {
      const { dir, files } = await lab();
      await using _ = dir;
      for (const file of files) {
        // The store of Docker before that takes no layout without manifest.json.
        if (kind === "debian" && file.endsWith("layout.tar")) continue;
        await using dockerd = await startDockerd({ kind });
        const loaded = await dockerd.docker("load", "-i", file);
        assert.equal(loaded.code, 0, loaded.stderr);
        const images = ["images", "--all", "--format", "{{.Repository}}:{{.Tag}}"];
        const { stdout } = await dockerd.docker(...images);
        assert.deepEqual(stdout.trim().split("\n"), ["app:v1"], file);
        const env = { DOCKER_HOST: dockerd.host };
        assert.equal(await done(dir, ["load", "l"], env), "app:v1");
        const after = await dockerd.docker(...images);
        assert.deepEqual(after.stdout, stdout, "kodeno loads nothing else, too");
      }
    },
  });
}

Deno.test({
  name: "interop: containerd imports a layout with an SBOM as one image",
  ...needs("root"),
  async fn() {
    const { dir, files } = await lab();
    await using _ = dir;
    await using node = await startKubernetesContainerd();
    for (const file of files) {
      const imported = await node.ctr("images", "import", "--all-platforms", file);
      assert.equal(imported.code, 0, imported.stderr);
      const { stdout } = await node.ctr("images", "list", "--quiet");
      assert.deepEqual(stdout.trim().split("\n"), ["docker.io/library/app:v1"], file);
    }
  },
});
