/**
 * Layouts of kodeno's as other programs read them: skopeo, umoci, regctl, and crane, which pushes
 * them to a registry and validates what came there.
 * @module
 */
import assert from "node:assert/strict";
import { startRegistry } from "../parts/registry.ts";
import { goTool, needs, rootTool } from "../parts/tools.ts";
import { simpleModule } from "../support/go_module.ts";
import { kodeno } from "../support/kodeno.ts";
import { digestIn, fileOf, fingerprint, manifestOf } from "../support/layout.ts";
import { succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

interface Variant {
  readonly name: string;
  readonly args: readonly string[];
  /** How many entries there are, each with a tag of its own. */
  readonly tags: readonly string[];
  readonly platforms: readonly string[];
}

const VARIANTS: readonly Variant[] = [
  { name: "one platform", args: [], tags: ["latest"], platforms: ["linux/amd64"] },
  {
    name: "two platforms",
    args: ["--platform", "linux/amd64,linux/arm64"],
    tags: ["latest"],
    platforms: ["linux/amd64", "linux/arm64"],
  },
  {
    name: "no compression",
    args: ["--compression=none"],
    tags: ["latest"],
    platforms: ["linux/amd64"],
  },
  {
    name: "several tags",
    args: ["-t", "v1,v1.2,edge"],
    tags: ["edge", "v1", "v1.2"],
    platforms: ["linux/amd64"],
  },
];

/** A layout of a variant, in `out`, and the digest of its image. */
async function built(variant: Variant): Promise<{ dir: TempDir; out: string; digest: string }> {
  const dir = await tempDir();
  await simpleModule(dir, variant.name);
  await dir.write("kodata/note.txt", "a note\n");
  const args = ["build", "--image-label=variant=yes", ...variant.args];
  const { code, stdout, stderr } = await kodeno(args, { cwd: dir.path });
  assert.equal(code, 0, stderr);
  return { dir, out: dir.join("out"), digest: digestIn(stdout) };
}

for (const variant of VARIANTS) {
  const { name, tags, platforms } = variant;

  Deno.test({
    name: `readers: skopeo inspects and copies a layout with ${name}`,
    ...needs("skopeo"),
    fn: async () => {
      const { dir, out, digest } = await built(variant);
      await using _ = dir;
      const skopeo = rootTool("skopeo") ?? "skopeo";
      for (const tag of tags) {
        const raw = await succeed(skopeo, ["inspect", "--raw", `oci:${out}:${tag}`]);
        assert.deepEqual(JSON.parse(raw), await manifestOf(out, digest));
        const copied = dir.join(`copy-${tag}`);
        const args = ["--insecure-policy", "copy", "--all", "--quiet", "--preserve-digests"];
        await succeed(skopeo, [...args, `oci:${out}:${tag}`, `oci:${copied}:${tag}`]);
        // The same blobs, byte by byte; only the list of entries is skopeo's own.
        const blobs = async (layout: string) => await fingerprint(`${layout}/blobs`);
        assert.deepEqual(await blobs(copied), await blobs(out));
      }
      const inspected = await succeed(skopeo, ["inspect", "--config", `oci:${out}:${tags[0]}`]);
      assert.deepEqual(JSON.parse(inspected).config.Labels, { variant: "yes" });
    },
  });

  Deno.test(`readers: regctl reads a layout with ${name}`, async () => {
    const { dir, out, digest } = await built(variant);
    await using _ = dir;
    const regctl = await goTool("regctl");
    const listed = await succeed(regctl, ["tag", "ls", `ocidir://${out}`]);
    assert.deepEqual(listed.trim().split("\n").sort(), tags);
    for (const tag of tags) {
      const found = await succeed(regctl, ["manifest", "head", `ocidir://${out}:${tag}`]);
      assert.equal(found.trim(), digest);
      for (const platform of platforms) {
        const note = await fileOf(out, tag, "var/run/ko/note.txt", platform);
        assert.equal(new TextDecoder().decode(note), "a note\n");
      }
    }
  });

  Deno.test({
    name: `readers: umoci unpacks a layout with ${name}`,
    ...needs("umoci", "root"),
    fn: async () => {
      const { dir, out } = await built(variant);
      await using _ = dir;
      const umoci = rootTool("umoci") ?? "umoci";
      const listed = await succeed(umoci, ["ls", "--layout", out]);
      assert.deepEqual(listed.trim().split("\n").sort(), tags);
      // umoci has no way to choose a platform of an index: it calls the tag ambiguous.
      for (const tag of platforms.length > 1 ? [] : tags) {
        const bundle = dir.join(`bundle-${tag}`);
        await succeed(umoci, ["unpack", "--image", `${out}:${tag}`, bundle]);
        const note = await Deno.readTextFile(`${bundle}/rootfs/var/run/ko/note.txt`);
        assert.equal(note, "a note\n");
        const said = await succeed(`${bundle}/rootfs/ko-app/app`, []);
        assert.equal(said, `${name} dev\n`);
        const tmp = await Deno.stat(`${bundle}/rootfs/tmp`);
        assert.equal((tmp.mode ?? 0) & 0o7777, 0o1777);
        const home = await Deno.stat(`${bundle}/rootfs/home/nonroot`);
        assert.deepEqual([home.uid, home.gid, (home.mode ?? 0) & 0o777], [65532, 65532, 0o700]);
      }
    },
  });

  Deno.test({
    name: `readers: crane pushes a layout with ${name}, and validates it in the registry`,
    ...needs("docker-registry"),
    fn: async () => {
      const { dir, out, digest } = await built(variant);
      await using _ = dir;
      await using registry = await startRegistry();
      const crane = await goTool("crane");
      const name = `${registry.host}/test/app:pushed`;
      // crane takes a layout of one image for that image, and any other for an index.
      const index = tags.length > 1 ? ["--index"] : [];
      await succeed(crane, ["push", ...index, out, name]);
      if (tags.length === 1) assert.equal((await succeed(crane, ["digest", name])).trim(), digest);
      // crane's check of layers takes each for gzip; without it, it still checks the documents.
      const fast = variant.args.includes("--compression=none") ? ["--fast"] : [];
      assert.match(await succeed(crane, ["validate", ...fast, "--remote", name]), /^PASS: /m);
    },
  });
}
