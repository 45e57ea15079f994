/**
 * One build over several machines, as CI systems start them: each makes its part, nobody talks to
 * anybody, and what they have made together is what one machine makes.
 * @module
 */
import assert from "node:assert/strict";
import { assertFails } from "../support/failure.ts";
import { goModule, printer } from "../support/go_module.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { assertSound, imageNames } from "../support/layout.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const OBJECTS = `kind: ConfigMap
metadata: {name: settings}
---
kind: Pod
spec:
  containers:
  - image: ko://example.com/app/cmd/a
  - image: ko://./cmd/b
---
kind: Pod
spec:
  containers:
  - image: ko://example.com/app/cmd/c
`;
const SKAFFOLD = `apiVersion: skaffold/v4beta13
kind: Config
build:
  tagPolicy: {envTemplate: {template: v1}}
  artifacts:
  - {image: web, ko: {main: ./cmd/a}}
  - {image: api, ko: {main: ./cmd/b}}
`;

async function module(): Promise<TempDir> {
  const dir = await tempDir();
  const programs = ["a", "b", "c"].map((name) => [`cmd/${name}/main.go`, printer(name)]);
  await goModule(dir, "example.com/app", Object.fromEntries(programs));
  await dir.write("all.yaml", OBJECTS);
  await dir.write("skaffold.yaml", SKAFFOLD);
  return dir;
}

Deno.test("shards of a build, as engines number them, make what one machine makes", async () => {
  await using dir = await module();
  const build = async (out: string, env: Record<string, string>, ...args: readonly string[]) => {
    const words = ["build", "./...", "--oci-layout", out, ...args];
    const outcome = await kodeno(words, { cwd: dir.path, env });
    assert.equal(outcome.code, 0, outcome.stderr);
    return outcome.stderr;
  };
  await build("whole", {});
  // More pods than images: one has nothing to do, and is no failure.
  for (let i = 0; i < 4; i++) {
    const env = { JOB_COMPLETION_INDEX: String(i), KODENO_SHARD_TOTAL: "4" };
    const stderr = await build(`pod-${i}`, env, "--shard=auto", `--write-timings=times-${i}`);
    const names = await imageNames(dir.join(`pod-${i}`));
    assert.deepEqual(names, i < 3 ? [`${"abc"[i]}:latest`] : []);
    assert.equal(/Note: none of 3 images is in this part/.test(stderr), i === 3);
  }
  const pods = [0, 1, 2, 3].map((i) => `pod-${i}`);
  await done(dir, ["merge", "merged", ...pods]);
  await assertSound(dir.join("merged"));
  assert.deepEqual(
    await Deno.readTextFile(dir.join("merged/index.json")),
    await Deno.readTextFile(dir.join("whole/index.json")),
  );

  const times = await Promise.all(
    [0, 1, 2, 3].map((i) => Deno.readTextFile(dir.join(`times-${i}`))),
  );
  assert.match(times.join(""), /^(\d+\.\d{3} example\.com\/app\/cmd\/[abc]\n){3}$/);
  // The first takes longer than both others.
  await dir.write("times", `9 example.com/app/cmd/b\n1 example.com/app/cmd/a\n`);
  for (const [index, names] of [["1", ["b:latest"]], ["2", ["a:latest", "c:latest"]]] as const) {
    const env = { CI_NODE_INDEX: index, CI_NODE_TOTAL: "2" };
    await build(`job-${index}`, env, "--shard=auto", "--timings=times", "--timings=times-3");
    assert.deepEqual(await imageNames(dir.join(`job-${index}`)), names);
  }
  await build("one", { CI_NODE_TOTAL: "1" }, "--shard", "auto");
  assert.equal((await imageNames(dir.join("one"))).length, 3);
});

Deno.test("an empty shard writes an empty archive and an empty list of references", async () => {
  await using dir = await module();
  const args = ["build", "./cmd/a", "--shard=2/2", "--tarball=none.tar", "--image-refs=refs"];
  await done(dir, args);
  assert.equal(await Deno.readTextFile(dir.join("refs")), "");
  await done(dir, ["merge", "merged", "none.tar"]);
  assert.deepEqual(await imageNames(dir.join("merged")), []);
});

Deno.test("shards of resolve print each object once, those of a skaffold.yaml share its artifacts", async () => {
  await using dir = await module();
  const run = (args: readonly string[]) => done(dir, args);
  const resolve = (...args: readonly string[]) =>
    run(["resolve", "-f", "all.yaml", "--push=false", ...args]);
  const whole = await resolve();
  const parts = [await resolve("--shard", "1/2"), await resolve("--shard", "2/2")];
  const documents = (text: string) =>
    text.split(/^---$/m).map((one) => one.trim()).filter((one) => one !== "");
  assert.deepEqual(parts.flatMap(documents), documents(whole));
  assert.deepEqual(parts.map((text) => documents(text).length), [2, 1]);

  const build = (shard: string) => run(["build", "-f", "skaffold.yaml", "--shard", shard]);
  assert.match(await build("1/3"), /^api:v1@sha256:\w+$/);
  assert.match(await build("2/3"), /^web:v1@sha256:\w+$/);
  assert.equal(await build("3/3"), "");
});

Deno.test("shards that cannot be are one line", async () => {
  await using dir = await module();
  await dir.write("bad", "1.5 example.com/app\nsoon example.com/b\n");
  const fails = (args: readonly string[], message: RegExp, env: Record<string, string> = {}) =>
    assertFails(dir, ["build", "./...", ...args], { code: 2, message }, { env });
  for (const shard of ["0/4", "5/4", "2", "1/0", "-1/2", ""]) {
    await fails([`--shard=${shard}`], /^Cannot use shard ".*": say I\/N with I from 1 to N/);
  }
  const auto = ["--shard", "auto"];
  await fails(auto, /none of KODENO_SHARD, JOB_COMPLETION_INDEX and CI_NODE_INDEX is set/);
  await fails(auto, /JOB_COMPLETION_INDEX is 0, and .* set KODENO_SHARD_TOTAL to the completions/, {
    JOB_COMPLETION_INDEX: "0",
  });
  await fails(auto, /"2": it has to be from 0 to 1, since KODENO_SHARD_TOTAL is 2/, {
    JOB_COMPLETION_INDEX: "2",
    KODENO_SHARD_TOTAL: "2",
  });
  await fails(auto, /CI_NODE_INDEX "0": it has to be from 1 to 2/, {
    CI_NODE_INDEX: "0",
    CI_NODE_TOTAL: "2",
  });
  await fails(auto, /Cannot use KODENO_SHARD "4\/3"/, { KODENO_SHARD: "4/3" });
  await fails(
    ["--shard=1/2", "--timings=bad"],
    /Cannot use timings bad: line 2 is not SECONDS NAME/,
  );
  await fails(["--shard=1/2", "--timings=none"], /Cannot use timings none: there is no such file/);
});

Deno.test("--expect refuses what lacks and what is too much, before anything is there", async () => {
  await using dir = await module();
  const fails = async (list: string, args: readonly string[], message: RegExp) => {
    await dir.write("list", list);
    await assertFails(dir, [...args, "--expect", "list"], { code: 1, message });
  };
  const build = ["build", "./..."];
  const lacks = /^Images are not those of list: it names x, y, which would not be built$/;
  await fails("a\nb\n# made elsewhere\ny\nc:v1\nx\n", build, lacks);
  const more =
    /^Images are not those of list: example\.com\/app\/cmd\/b, \S+\/c would be built, and are/;
  await fails("example.com/app/cmd/a\n", build, more);
  await fails("a\n", ["resolve", "-f", "all.yaml", "--push=false"], more);
  await fails("web\n", ["build", "-f", "skaffold.yaml"], /: api would be built, and is not in it$/);
  // The list is of all images, not of those of a shard; what a build has printed is a list.
  await dir.write("list", "a\nko://example.com/app/cmd/b\n\nc:latest\n");
  const args = [...build, "--expect=list", "--image-refs=refs"];
  await done(dir, [...args, "--shard=1/3"]);
  await done(dir, args);
  await done(dir, [...build, "--expect=refs"]);
});
