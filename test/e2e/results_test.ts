/**
 * What `build`, `push`, `merge` and `resolve` write for programs: `--metadata-file` and `--iidfile` as
 * buildx has them, `--github` as a runner reads it; and that nothing is written of what has failed.
 * @module
 */
import assert from "node:assert/strict";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { goModule, printer } from "../support/go_module.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { digestIn, entriesOf, manifestOf } from "../support/layout.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const IMPORT_PATHS = ["example.com/app/cmd/a", "example.com/app/cmd/b"];

async function twoPrograms(dir: TempDir): Promise<void> {
  await goModule(dir, "example.com/app", {
    "cmd/a/main.go": printer("a"),
    "cmd/b/main.go": printer("b"),
    "k8s/a.yaml": "kind: Pod\nspec: {containers: [{image: ko://example.com/app/cmd/a}]}\n",
    "skaffold.yaml": `apiVersion: skaffold/v4beta13
kind: Config
build:
  tagPolicy: {envTemplate: {template: v1}}
  artifacts: [{image: web, ko: {main: ./cmd/a}}, {image: worker, ko: {main: ./cmd/b}}]
`,
  });
}

const json = async (dir: TempDir, file: string) =>
  JSON.parse(await Deno.readTextFile(dir.join(file)));

/** A step of a job, with the files that a runner makes. */
async function step(dir: TempDir, args: readonly string[]) {
  const files = {
    GITHUB_OUTPUT: await dir.write("runner/output", "before=1\n"),
    GITHUB_STEP_SUMMARY: await dir.write("runner/summary", "# Job\n"),
  };
  await done(dir, [...args, "--github"], files);
  const written = await Deno.readTextFile(files.GITHUB_OUTPUT);
  // The form of the runner: NAME=VALUE, or NAME<<END, lines, and END.
  const values = new Map<string, string>();
  const lines = written.split("\n");
  while (lines.length > 1) {
    const [, name = "", sign, value = ""] = /^(\w+)(=|<<)(.*)$/.exec(lines.shift() ?? "") ?? [];
    const to = lines.indexOf(value);
    values.set(name, sign === "=" ? value : lines.splice(0, to + 1).slice(0, -1).join("\n"));
  }
  assert.equal(values.get("before"), "1");
  return { values, summary: await Deno.readTextFile(files.GITHUB_STEP_SUMMARY) };
}

Deno.test("results: of one image as buildx build writes them, of several as bake does", async (t) => {
  await using dir = await tempDir();
  await twoPrograms(dir);
  const files = ["--metadata-file=meta.json", "--iidfile=iid", "--image-refs=refs"];
  const out = dir.join("out");

  await t.step("one image of one platform: its ID is the digest of its config", async () => {
    const reference = await done(dir, ["build", "./cmd/a", "-t", "v1,v2", ...files]);
    const digest = digestIn(reference);
    const [entry] = await entriesOf(out);
    const { config } = await manifestOf(out, digest);
    assert.deepEqual(await json(dir, "meta.json"), {
      "containerimage.config.digest": config.digest,
      "containerimage.descriptor": { mediaType: entry?.mediaType, digest, size: entry?.size },
      "containerimage.digest": digest,
      "image.name": "docker.io/library/a:v1,docker.io/library/a:v2",
    });
    assert.equal(await Deno.readTextFile(dir.join("iid")), config.digest);
    assert.equal(await Deno.readTextFile(dir.join("refs")), `${reference}\n`);
  });

  await t.step("one of several platforms has no config, and its own digest for an ID", async () => {
    const args = ["build", "./cmd/a", "--platform=linux/amd64,linux/arm64", "--iidfile=iid"];
    const stdout = await done(dir, [...args, "--metadata-file=-"]);
    const meta = JSON.parse(stdout);
    const digest = await Deno.readTextFile(dir.join("iid"));
    assert.equal(meta["containerimage.digest"], digest);
    assert.equal(meta["containerimage.config.digest"], undefined);
    assert.match(meta["containerimage.descriptor"].mediaType, /index/);
  });

  let digests: string[] = [];
  await t.step("a pattern: by import paths, whatever their number is", async () => {
    digests = (await done(dir, ["build", "./...", ...files])).split("\n").map(digestIn);
    const meta = await json(dir, "meta.json");
    assert.deepEqual(Object.keys(meta), IMPORT_PATHS);
    assert.deepEqual(
      Object.values<Record<string, string>>(meta).map((one) => one["containerimage.digest"]),
      digests,
    );
    assert.match(await Deno.readTextFile(dir.join("iid")), /^sha256:\w{64}\nsha256:\w{64}$/);
    await done(dir, ["build", "./cmd/b/...", ...files]);
    assert.deepEqual(Object.keys(await json(dir, "meta.json")), IMPORT_PATHS.slice(1));
  });

  await t.step(
    "artifacts of a skaffold.yaml: by their names, and their references, too",
    async () => {
      const args = ["build", "-f", "skaffold.yaml", "-d", "reg.local/x", "-b", "worker"];
      const reference = await done(dir, [...args, ...files]);
      const { worker, ...others } = await json(dir, "meta.json");
      assert.deepEqual(others, {});
      assert.equal(worker["image.name"], "reg.local/x/worker:v1");
      assert.equal(await Deno.readTextFile(dir.join("refs")), `${reference}\n`);
    },
  );

  await t.step("a step of GitHub: outputs, and a table below what is there", async () => {
    const one = await step(dir, ["build", "./cmd/a"]);
    assert.equal(one.values.get("digest"), digests[0]);
    assert.equal(one.values.get("image"), `a:latest@${digests[0]}`);
    const { values, summary } = await step(dir, ["build", "./..."]);
    assert.deepEqual([...values.keys()], ["before", "images"]);
    assert.deepEqual(
      JSON.parse(values.get("images") ?? ""),
      [0, 1].map((i) => ({
        key: IMPORT_PATHS[i],
        name: `${"ab"[i]}:latest`,
        digest: digests[i],
        reference: `${"ab"[i]}:latest@${digests[i]}`,
        platforms: ["linux/amd64"],
      })),
    );
    assert.match(summary, /^# Job\n\n\| Image \| Digest \| Platforms \| Size \|\n\| --- \|/);
    assert.ok(summary.includes(`\n| \`b:latest\` | \`${digests[1]}\` | \`linux/amd64\` | `));
    const resolved = await step(dir, ["resolve", "--push=false", "-f", "k8s"]);
    assert.equal(JSON.parse(resolved.values.get("images") ?? "").length, 1);
  });

  await t.step(
    "names of a merged layout mean nothing in a table, and referrers are no images",
    async () => {
      await done(dir, ["build", "./cmd/a", "--oci-layout=odd", "--sbom=spdx"]);
      const index = await json(dir, "odd/index.json");
      const odd = "a|b`c<img src=x>*d*";
      index.manifests[0].annotations = { "org.opencontainers.image.ref.name": odd };
      await dir.write("odd/index.json", JSON.stringify(index));
      const { values, summary } = await step(dir, ["merge", "all", "odd"]);
      assert.equal(JSON.parse(values.get("images") ?? "")[0].name, odd);
      assert.equal(JSON.parse(values.get("images") ?? "").length, 1);
      assert.ok(summary.includes("| `` a\\|b`c<img src=x>*d* `` |"), summary);
    },
  );

  await t.step("what fails leaves the files of before", async () => {
    await dir.write("cmd/b/main.go", "package main\n\nfunc main() { nothing() }\n");
    for (const file of ["meta.json", "iid", "refs"]) await dir.write(file, "before");
    const { code } = await kodeno(["build", "./...", ...files], { cwd: dir.path });
    assert.equal(code, 1);
    for (const file of ["meta.json", "iid", "refs"]) {
      assert.equal(await Deno.readTextFile(dir.join(file)), "before");
    }
  });

  const refused: Readonly<Record<string, RegExp>> = {
    "build --metadata-file=none/x": /^Error: Cannot write metadata none\/x: there is no folder/,
    "build --iidfile=out": /^Error: Cannot write image ID out: it is a folder; name a file/,
    "build --github":
      /^Error: Cannot write outputs of a step \(--github\): GITHUB_OUTPUT is not set,/,
    "build --metadata-file=- --iidfile=-":
      /^Error: Cannot write --metadata-file and --iidfile: both would go to stdout/,
    "push out --to=127.0.0.1:1/x --dry-run --iidfile=x":
      /^Error: Cannot write results of --dry-run: nothing is pushed/,
    "merge new out --metadata-file=-":
      /^Error: Cannot write --metadata-file to stdout: "kodeno merge" prints/,
  };
  for (const [line, message] of Object.entries(refused)) {
    await t.step(line, async () => {
      const env = { GITHUB_OUTPUT: "", GITHUB_STEP_SUMMARY: "" };
      const { code, stderr } = await kodeno(line.split(" "), { cwd: dir.path, env });
      assert.equal(code, 2);
      assert.match(stderr, message);
    });
  }
  await t.step(
    "a file of the runner that is not there is told before anything is built",
    async () => {
      const env = { GITHUB_OUTPUT: dir.join("none"), GITHUB_STEP_SUMMARY: dir.join("none") };
      const { code, stderr } = await kodeno(["build", "./cmd/a", "--github"], {
        cwd: dir.path,
        env,
      });
      assert.equal(code, 1);
      assert.match(stderr, /^Error: Cannot write to .*\/none for GitHub \(--github\): there is no/);
    },
  );
});

Deno.test({
  name: "results: of a push, by where images went",
  ...needs("docker-registry"),
  async fn() {
    await using registry = await startRegistry();
    await using dir = await tempDir();
    await twoPrograms(dir);
    const [a] = (await done(dir, ["build", "./..."])).split("\n").map(digestIn);
    const to = `--to=${registry.host}/team`;
    await done(dir, ["push", "out", "a", to, "-t", "v1,v2", "--metadata-file=meta.json"]);
    const one = await json(dir, "meta.json");
    assert.equal(one["containerimage.digest"], a);
    const name = `${registry.host}/team/a`;
    assert.equal(one["image.name"], `${name}:v1,${name}:v2`);
    const { values } = await step(dir, ["push", "out", to, "--metadata-file=meta.json"]);
    const keys = ["a", "b"].map((name) => `${registry.host}/team/${name}:latest`);
    assert.deepEqual(Object.keys(await json(dir, "meta.json")), keys);
    const images = JSON.parse(values.get("images") ?? "");
    assert.equal(images[0].reference, `${keys[0]}@${a}`);
  },
});
