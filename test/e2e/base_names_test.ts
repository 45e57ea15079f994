/**
 * What images say of the base they stand on: its name and digest, whoever chose it.
 * @module
 */
import assert from "node:assert/strict";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { simpleModule } from "../support/go_module.ts";
import { done } from "../support/kodeno.ts";
import { digestIn, manifestOf } from "../support/layout.ts";
import { tempDir } from "../support/temp.ts";

const NAME = "org.opencontainers.image.base.name";
const PLATFORMS = ["--platform", "linux/amd64,linux/arm64"];

Deno.test({
  name: "base names: a base with a digest is named by it, in manifests and index, as in ko",
  ...needs("docker-registry"),
  async fn(t) {
    await using registry = await startRegistry();
    await using dir = await tempDir();
    await simpleModule(dir);
    const repository = `${registry.host}/bases/plain`;
    const env = { KODENO_CACHE: dir.join("cache") };
    const base = ["build", "--push", "--bare", "-t", "v1", "--base-image", "scratch"];
    const pushed = digestIn(
      await done(dir, [...base, ...PLATFORMS], { ...env, KO_DOCKER_REPO: repository }),
    );
    const pinned = `${repository}@${pushed}`;
    const both = `${repository}:v1@${pushed}`;
    const skaffold = (image: string) =>
      `apiVersion: skaffold/v4beta13\nkind: Config\nbuild:\n  artifacts:\n  - image: app\n` +
      `    ko: {fromImage: "${image}"}\n`;

    /** Builds, and gives the name that the index and both manifests have. */
    const named = async (args: readonly string[], more: Record<string, string> = {}) => {
      const out = dir.join(crypto.randomUUID());
      const all = ["build", ...args, "--oci-layout", out];
      const root = await manifestOf(out, digestIn(await done(dir, all, { ...env, ...more })));
      const digests = root.manifests.map(({ digest }) => digest);
      assert.equal(digests.length, 2);
      const manifests = await Promise.all(digests.map((digest) => manifestOf(out, digest)));
      const names = [root, ...manifests].map(({ annotations = {} }) => annotations[NAME]);
      assert.equal(new Set(names).size, 1, names.join());
      return names[0];
    };
    for (const image of [pinned, both]) {
      await t.step(`${image}, of an option`, async () => {
        assert.equal(await named([...PLATFORMS, "--base-image", image]), pinned);
        // Now it comes out of the cache.
        assert.equal(await named([...PLATFORMS, "--base-image", image, "--offline"]), pinned);
      });
      await t.step(`${image}, of a variable`, async () => {
        assert.equal(await named(PLATFORMS, { KO_DEFAULTBASEIMAGE: image }), pinned);
      });
      await t.step(`${image}, of files`, async () => {
        await dir.write("one.yaml", `defaultBaseImage: ${image}\n`);
        assert.equal(await named(PLATFORMS, { KO_CONFIG_PATH: "one.yaml" }), pinned);
        await dir.write("two.yaml", `baseImageOverrides: {example.com/app: "${image}"}\n`);
        assert.equal(await named(PLATFORMS, { KO_CONFIG_PATH: "two.yaml" }), pinned);
        await dir.write("skaffold.yaml", skaffold(image));
        assert.equal(await named([...PLATFORMS, "-f", "skaffold.yaml"]), pinned);
      });
    }
    await t.step("one of Docker Hub is named with its registry", async () => {
      const official = `${registry.host}/library/plain`;
      await done(dir, ["copy", `${repository}:v1`, `${official}:v1`], env);
      const mirrored = { KODENO_MIRRORS: `docker.io=${registry.host}` };
      const whole = "index.docker.io/library/plain";
      for (
        const [image, name] of [
          ["plain:v1", `${whole}:v1`],
          ["docker.io/library/plain:v1", `${whole}:v1`],
          [`plain@${pushed}`, `${whole}@${pushed}`],
          [`index.docker.io/library/plain:v1@${pushed}`, `${whole}@${pushed}`],
        ] as const
      ) {
        assert.equal(await named([...PLATFORMS, "--base-image", image], mirrored), name);
      }
    });
    await t.step("one without a digest is named by its tag", async () => {
      const image = `${repository}:v1`;
      assert.equal(await named([...PLATFORMS, "--base-image", image]), image);
    });
  },
});
