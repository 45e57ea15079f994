/**
 * `kodeno plan`: what would be built, by a hash that differs where images would, and how machines divide
 * it.
 * @module
 */
import assert from "node:assert/strict";
import { assertFails } from "../support/failure.ts";
import { goModule, printer } from "../support/go_module.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { imageNames } from "../support/layout.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

interface Plan {
  readonly images: readonly Readonly<Record<"image" | "inputs" | "name", string>>[];
  readonly matrix: { readonly include: readonly Readonly<Record<string, string>>[] };
}

const EMBEDDING = `package main

import _ "embed"

//go:embed data.txt
var data string

func main() { println(data) }
`;
const SKAFFOLD = `apiVersion: skaffold/v4beta13
kind: Config
build:
  tagPolicy: {envTemplate: {template: v1}}
  artifacts:
  - {image: web, ko: {main: ./cmd/a}}
  - {image: api, ko: {main: ./cmd/b, fromImage: scratch}}
`;
const ALL = ["a", "b", "c"];

async function module(): Promise<TempDir> {
  const dir = await tempDir();
  await goModule(dir, "example.com/app", {
    "cmd/a/main.go": printer("a"),
    "cmd/b/main.go": EMBEDDING,
    "cmd/b/data.txt": "data",
    "cmd/c/main.go": `package main\n\nimport "example.com/app/lib"\n\nfunc main() { lib.Run() }\n`,
    "cmd/c/kodata/page.html": "page",
    "lib/lib.go": "package lib\n\nfunc Run() {}\n",
    "skaffold.yaml": SKAFFOLD,
  });
  return dir;
}

async function planOf(dir: TempDir, args: readonly string[] = [], env = {}): Promise<Plan> {
  const patterns = args.includes("-f") ? [] : ["./..."];
  return JSON.parse(await done(dir, ["plan", ...patterns, "--json", ...args], env));
}

/** The images, by the last element of their names. */
async function hashes(dir: TempDir, args: readonly string[] = [], env = {}) {
  const { images } = await planOf(dir, args, env);
  return new Map(images.map(({ name, inputs }) => [name.replace(/^.*\//, ""), inputs]));
}

Deno.test("plan: the hash of an image differs where something that shapes it does", async () => {
  await using dir = await module();
  const first = await hashes(dir);
  assert.deepEqual([...first.keys()], ALL);
  assert.equal(new Set(first.values()).size, 3);
  const differ = async (names: readonly string[], args: readonly string[] = [], env = {}) => {
    const now = await hashes(dir, args, env);
    const other = ALL.filter((name) => now.get(name) !== first.get(name));
    assert.deepEqual(other, names, `${args.join(" ")} ${JSON.stringify(env)}`);
  };
  const changed = async (file: string, content: string, names: readonly string[]) => {
    const path = dir.join(file);
    const before = await Deno.readTextFile(path).catch(() => undefined);
    await dir.write(file, content);
    await differ(names);
    if (before === undefined) await Deno.remove(path);
    else await dir.write(file, before);
  };
  await changed("cmd/a/main.go", printer("other"), ["a"]);
  await changed("cmd/a/more.go", "package main\n", ["a"]);
  await changed("cmd/a/main_test.go", "package main\n", []);
  await changed("cmd/b/data.txt", "other", ["b"]);
  await changed("lib/lib.go", "package lib\n\nfunc Run() { println() }\n", ["c"]);
  await changed("cmd/c/kodata/page.html", "other", ["c"]);
  await changed("cmd/c/kodata/new.html", "new", ["c"]);
  await changed("cmd/c/default.pgo", "", ["c"]);
  await changed("README.md", "text", []);
  await changed("go.sum", "example.com/x v1.0.0 h1:x\n", []);
  await changed("go.mod", "module example.com/app\n\ngo 1.21\n", ALL);
  await changed(".ko.yaml", "defaultFlags: [-tags=x]\n", ALL);
  await changed(".ko.yaml", "builds:\n- {main: ./cmd/a, ldflags: [-s]}\n", ["a"]);
  await changed(".ko.yaml", "baseImageOverrides: {example.com/app/cmd/b: scratch}\n", ["b"]);
  await differ(ALL, ["--platform=linux/arm64"]);
  await differ(ALL, ["--base-image=scratch"]);
  await differ(ALL, ["--compression=none"]);
  await differ(ALL, [], { GOAMD64: "v3" });
  await differ(ALL, [], { CGO_ENABLED: "1" });
  await differ([], ["--tags=v2", "--base-import-paths"], { KO_DOCKER_REPO: "registry.local/x" });
  const templated = ["--ldflags=-X main.version={{.Env.RELEASE}}"];
  const release = await hashes(dir, templated, { RELEASE: "1" });
  assert.notDeepEqual(await hashes(dir, templated, { RELEASE: "2" }), release);

  // The same sources at another place.
  await using other = await module();
  assert.deepEqual(await hashes(other), first);
});

Deno.test("plan: a base of a layout is known by its digest", async () => {
  await using dir = await module();
  await done(dir, ["build", "./cmd/a", "--oci-layout=base"]);
  const args = ["--base-image=oci:base"];
  const before = await hashes(dir, args);
  const { images: [image] } = await planOf(dir, args) as unknown as {
    images: { base: { digest: string } }[];
  };
  assert.match(image?.base.digest ?? "", /^sha256:/);
  await Deno.remove(dir.join("base"), { recursive: true });
  await done(dir, ["build", "./cmd/a", "--oci-layout=base", "--image-label=x=y"]);
  assert.notDeepEqual(await hashes(dir, args), before);
});

Deno.test("plan: the matrix names the parts that --shard builds", async () => {
  await using dir = await module();
  await dir.write("times", "9 example.com/app/cmd/c\n");
  const { matrix: { include } } = await planOf(dir, ["--shards", "4", "--timings", "times"]);
  assert.deepEqual(include.map(({ shard }) => shard), ["1/4", "2/4", "3/4"]);
  for (const { shard = "", images = "" } of include) {
    const out = `out-${shard[0]}`;
    const part = ["--shard", shard, "--timings", "times", "--oci-layout", out];
    await done(dir, ["build", "./...", ...part]);
    const names = images.split(" ").map((path) => path.replace(/.*\/(.*)/, "$1:latest"));
    assert.deepEqual(await imageNames(dir.join(out)), names);
  }
  const matrix = JSON.parse(await done(dir, ["plan", "./...", "--github-matrix"]));
  assert.deepEqual(Object.keys(matrix), ["include"]);
  assert.equal(matrix.include.length, 3);
  const { images, matrix: part } = await planOf(dir, ["--shard", "2/3"]);
  assert.deepEqual(images.map(({ image }) => image), ["example.com/app/cmd/b"]);
  assert.equal(part.include[0]?.["inputs"], images[0]?.inputs);
});

Deno.test("plan: for a person, of a skaffold.yaml, and as a list that a build is held to", async () => {
  await using dir = await module();
  const text = await done(dir, [
    "plan",
    "./...",
    "--shards=2",
    "--platform=linux/amd64,linux/arm64",
  ]);
  assert.match(
    text,
    /^1\/2 {2}a:latest {2}linux\/amd64,linux\/arm64 {2}static {2}sha256:\w{12}\n2\/2/,
  );
  const { images } = await planOf(dir, ["-f", "skaffold.yaml"]);
  assert.deepEqual(images.map(({ image }) => image), ["api", "web"]);
  await dir.write("plan.json", await done(dir, ["plan", "-f", "skaffold.yaml", "--json"]));
  await done(dir, ["build", "-f", "skaffold.yaml", "--expect", "plan.json"]);
  await dir.write("plan.json", await done(dir, ["plan", "./cmd/a", "--json"]));
  const message = /not those of plan\.json: .*cmd\/b, \S+cmd\/c would be built, and are not in it/;
  await assertFails(dir, ["build", "./...", "--expect=plan.json"], { code: 1, message });
  await assertFails(dir, ["plan", "./...", "--expect=plan.json"], { code: 1, message });
});

Deno.test("plan: what cannot be is one line", async () => {
  await using dir = await module();
  const fails = (args: readonly string[], message: RegExp) =>
    assertFails(dir, ["plan", ...args], { code: 2, message });
  await fails(["./...", "--shards=0"], /number of shards "0": it has to be a whole number/);
  await fails(["./...", "--shards=2", "--shard=1/2"], /--shards with --shard: .* say one of both/);
  await fails(["./cmd/a", "-f", "skaffold.yaml"], /Cannot plan \.\/cmd\/a with -f: skaffold\.yaml/);
  await fails(["./lib"], /Cannot build ".\/lib": package example.com\/app\/lib is not main/);
  const { stderr } = await kodeno(["plan", "./..."], { cwd: dir.path });
  assert.equal(stderr, "");
});
