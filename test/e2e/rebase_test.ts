/**
 * `kodeno rebase`: what comes of it is what a build on the new base is, by its digest; in layouts,
 * registries and archives; beside what crane makes of it; and what it refuses.
 * @module
 */
import assert from "node:assert/strict";
import { startRegistry } from "../parts/registry.ts";
import { goTool, needs } from "../parts/tools.ts";
import { goModule, printer } from "../support/go_module.ts";
import { imageGraph, layoutWith } from "../support/image_graph.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { assertClean, digestIn, entriesOf, manifestOf, outputOf } from "../support/layout.ts";
import { succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const PLATFORMS = ["--platform", "linux/amd64,linux/arm64"];
/** All that an image may say of its own; some of it the bases say, too. */
const FLAGS = [
  ...[
    "--image-env",
    "A=own",
    "--image-env",
    "Z=1",
    "--image-label",
    "own=1",
    "--image-label=is=app",
  ],
  ...[
    "--image-user",
    "5",
    "--expose",
    "90",
    "--source-date-epoch",
    "77",
    "--entrypoint-arg",
    "hey",
  ],
  "--image-annotation=a=b",
];

async function appOnTwoBases(dir: TempDir): Promise<void> {
  await goModule(dir, "example.com/app", { "main.go": printer("app"), "kodata/a.txt": "a\n" });
  const base = ["build", "--oci-layout", "bases", ...PLATFORMS];
  const first = ["--image-label=is=old", "--image-env=A=1", "--image-user=1000", "--expose=80"];
  await done(dir, [...base, "-t", "b1", ...first, "--image-annotation=x=old"]);
  const second = ["--image-label=is=new", "--image-label=more=1", "--image-env=B=1"];
  await done(dir, [...base, "-t", "b2", ...second, "--image-annotation=y=new"]);
}

const build = async (dir: TempDir, tag: string, base: string, ...flags: string[]) =>
  digestIn(await done(dir, ["build", "-t", tag, "--base-image", base, ...flags]));

Deno.test({
  name: "rebase: the same digest as a build on the new base",
  ...needs("docker-registry"),
  async fn(t) {
    await using dir = await tempDir();
    await appOnTwoBases(dir);
    const rebase = async (...args: string[]) => digestIn(await done(dir, ["rebase", ...args]));

    await t.step("of one platform and of two, with all flags and with none, in place", async () => {
      for (const flags of [[], FLAGS, [...FLAGS, ...PLATFORMS]]) {
        const want = await build(dir, "want", "oci:bases:b2", ...flags);
        await build(dir, "app", "oci:bases:b1", ...flags);
        const what = flags.join(" ");
        assert.equal(await rebase("out:app:app", "--base", "oci:bases:b2"), want, what);
        const names = (await entriesOf(dir.join("out"))).map(({ digest }) => digest);
        assert.deepEqual(new Set(names), new Set([want]));
      }
      // Once more changes nothing.
      const again = ["rebase", "out:app:app", "--base", "oci:bases:b2"];
      assert.match((await kodeno(again, { cwd: dir.path })).stderr, /^It stands on that already$/m);
      await assertClean(dir.join("out"));
      assert.equal(await outputOf(dir.join("out"), "app"), "app dev\n");
    });

    await t.step("the static base and scratch, to an archive", async () => {
      const want = await build(dir, "want", "scratch");
      await build(dir, "app", "static");
      const args = ["out:app:app", "--base", "scratch", "--offline", "--to", "archive:app.tar"];
      assert.equal(await rebase(...args), want);
      await build(dir, "want", "static");
      await rebase("app.tar", "--base", "static", "--to", "oci:back:app:b", "--offline");
      await done(dir, ["diff", "back:app:b", "out:app:want"]);
    });

    await t.step("attestations in the index stay behind, annotations do not", async () => {
      const want = await build(dir, "want", "oci:bases:b2", ...FLAGS);
      await build(dir, "app", "oci:bases:b1", ...FLAGS, "--attest-in-index", "--sbom=spdx");
      assert.equal(await rebase("out:app:app", "--base", "oci:bases:b2"), want);
    });

    await t.step("what is said of the old image is not of the new one", async () => {
      await build(dir, "said", "oci:bases:b1", "--sbom=spdx");
      const args = ["rebase", "out:app:said", "--base", "oci:bases:b2"];
      const { code, stderr } = await kodeno(args, { cwd: dir.path });
      assert.equal(code, 0, stderr);
      assert.match(
        stderr,
        /^Note: signatures, SBOMs and provenance of out:app:said are of the old/m,
      );
      const { stdout } = await kodeno(["ls", "out", "--json"], { cwd: dir.path });
      assert.ok(!stdout.includes("subject"), stdout);
    });

    await t.step("a base that is not to be had: what may be of it is kept, and told", async () => {
      await build(dir, "lost", "oci:bases:b1");
      await Deno.rename(dir.join("bases"), dir.join("moved"));
      const args = ["rebase", "out:app:lost", "--base", "static", "--to", "oci:lost"];
      const { code, stderr } = await kodeno([...args, "--offline"], { cwd: dir.path });
      assert.equal(code, 0, stderr);
      assert.match(
        stderr,
        /kept user 1000, label is, port 80\/tcp, which may be of that; say with/,
      );
      const known = await kodeno([...args, "--old-base", "oci:moved:b1"], { cwd: dir.path });
      assert.equal(known.code, 0, known.stderr);
      assert.doesNotMatch(known.stderr, /Warning/);
      const want = await build(dir, "want", "static");
      assert.match(known.stdout, new RegExp(`@${want}\n`));
      await Deno.rename(dir.join("moved"), dir.join("bases"));
    });

    await t.step("in a registry: crane makes the same of the layers", async () => {
      await using registry = await startRegistry();
      const base = `${registry.host}/base`;
      await done(dir, ["push", "bases", "--to", base, "--bare"]);
      const flags = [...FLAGS, ...PLATFORMS];
      const want = await build(dir, "want", `${base}:b2`, ...flags);
      const env = { KO_DOCKER_REPO: `${registry.host}/app` };
      const args = ["build", "--bare", "--push", "--sbom=none", "-t", "v1"];
      await done(dir, [...args, "--base-image", `${base}:b1`, ...flags], env);
      const app = `${registry.host}/app:v1`;
      const crane = await goTool("crane");
      const platform = ["--platform", "linux/amd64"];
      const [bases, to] = [
        ["b1", "b2"].map((tag) => `${base}:${tag}`),
        `${registry.host}/app:crane`,
      ];
      const old = ["--old_base", bases[0] ?? "", "--new_base", bases[1] ?? ""];
      await succeed(crane, ["rebase", ...platform, app, ...old, "-t", to]);
      assert.equal(await rebase(app, "--base", `${base}:b2`), want);
      const layers = async (image: string) =>
        JSON.parse(await succeed(crane, ["manifest", ...platform, image])).layers
          .map(({ digest }: { digest: string }) => digest);
      assert.deepEqual(await layers(app), await layers(to));
      // What ko has built is what it would build there, but for the way that Go writes JSON.
      const byKo = async (tag: string, on: string) => {
        const koEnv = {
          KO_DOCKER_REPO: `${registry.host}/ko`,
          KO_DEFAULTBASEIMAGE: `${base}:${on}`,
        };
        const args = [
          "build",
          "--bare",
          "--sbom=none",
          "--image-label=own=1",
          ...PLATFORMS,
          "-t",
          tag,
        ];
        const env = { ...Deno.env.toObject(), ...koEnv, GOFLAGS: "-buildvcs=false" };
        await succeed(await goTool("ko"), [...args, "."], { cwd: dir.path, env });
        return `${registry.host}/ko:${tag}`;
      };
      const [ofKo, wanted] = [await byKo("v1", "b1"), await byKo("want", "b2")];
      await rebase(ofKo, "--base", `${base}:b2`);
      const { stdout } = await kodeno(["diff", ofKo, wanted, "--json"], { cwd: dir.path });
      const { images } = JSON.parse(stdout.split("\n")[0] ?? "");
      assert.equal(images.length, 2);
      for (const { config, layers } of images) {
        assert.deepEqual(config.map(({ path }: { path: string[] }) => path), [["written"]]);
        assert.deepEqual(layers, []);
      }
      // All of both bases is in the cache by now.
      await done(dir, ["copy", app, "oci:here:v1"]);
      const back = await rebase("here:v1", "--base", `${base}:b1`, "--offline");
      assert.equal(back, await build(dir, "want", `${base}:b1`, ...flags, "--offline"));
    });
  },
});

Deno.test("rebase: what is refused, and leaves all as it is", async (t) => {
  await using dir = await tempDir();
  await appOnTwoBases(dir);
  await build(dir, "app", "oci:bases:b1", ...PLATFORMS);
  await done(dir, ["build", "--oci-layout", "one", "-t", "one"]);
  await done(dir, ["copy", "oci:out:app:app", "archive:app.tar"]);
  await layoutWith(dir, "other", { "other:v1": imageGraph() });
  await done(dir, ["key", "new"], { KODENO_KEY_PASSWORD: "x" });
  // One whose labels somebody has changed since it was built.
  await done(dir, ["build", "-t", "odd", "--oci-layout", "odd", "--base-image", "oci:bases:b1"]);
  const digest = (await entriesOf(dir.join("odd")))[0]?.digest ?? "";
  const { config } = await manifestOf(dir.join("odd"), digest);
  const changed = await changedConfig(dir, digest, config.digest);
  const before = await Deno.readTextFile(dir.join("out/index.json"));
  const refused: Readonly<Record<string, readonly [number, RegExp]>> = {
    "out:app:app": [2, /^Error: Cannot rebase out:app:app: say with --base what it is to stand on/],
    "out:app:app --base oci:one": [2, /linux\/arm64: base image oci:one has linux\/amd64/],
    "out:app:app --base none.example/x --offline": [
      1,
      /offline: the cache does not have all of it/,
    ],
    "out:app:app --base oci:bases:b2 --old-base scratch": [
      1,
      /its lower layers are not those of its base; say with --old-base what that is/,
    ],
    "out:app:app --base oci:bases:b2 --verify-key kodeno.pub": [
      1,
      /Cannot use base image oci:bases:b2/,
    ],
    "app.tar --base static": [
      2,
      /an image of an archive cannot be replaced there; say with --to where/,
    ],
    "out:app:app --base static --to elsewhere/": [2, /Cannot use/],
    "other --base static": [
      1,
      /it does not say what it stands on; say with --old-base what that is/,
    ],
    "other --base static --old-base static": [
      1,
      /it is no image of kodeno or ko, whose history says/,
    ],
    [`odd@${changed} --base static --old-base oci:bases:b1 --to oci:new:x:y`]: [
      1,
      /its config is not what a build on its base gives: it was changed since; build it again/,
    ],
    "nosuch --base static": [2, /nosuch/],
  };
  for (const [line, [code, message]] of Object.entries(refused)) {
    await t.step(line.replace(/@\S+/, ""), async () => {
      const outcome = await kodeno(["rebase", ...line.split(" ")], { cwd: dir.path });
      assert.match(outcome.stderr, message);
      assert.equal(outcome.code, code, outcome.stderr);
      assert.equal(await Deno.readTextFile(dir.join("out/index.json")), before);
    });
  }
});

/** Writes an image with another config into the layout `odd`; its digest. */
async function changedConfig(dir: TempDir, manifest: string, config: string): Promise<string> {
  const path = (digest: string) => dir.join(`odd/blobs/${digest.replace(":", "/")}`);
  const put = async (text: string) => {
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    const digest = `sha256:${new Uint8Array(hash).toHex()}`;
    await Deno.writeTextFile(path(digest), text);
    return { digest, size: text.length };
  };
  const text = (await Deno.readTextFile(path(config))).replace(
    '"Entrypoint":',
    '"StopSignal":"9",$&',
  );
  const made = await put(text);
  const old = JSON.parse(await Deno.readTextFile(path(manifest)));
  const again = await put(JSON.stringify({ ...old, config: { ...old.config, ...made } }));
  const index = JSON.parse(await Deno.readTextFile(dir.join("odd/index.json")));
  index.manifests.push({ mediaType: old.mediaType, ...again });
  await Deno.writeTextFile(dir.join("odd/index.json"), JSON.stringify(index));
  return again.digest;
}
