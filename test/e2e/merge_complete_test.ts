/**
 * `kodeno merge --complete`: the parts of a build that several machines have made are all of it, or
 * nothing is written and one line names what is wrong; as docs/scale.md tells it.
 * @module
 */
import assert from "node:assert/strict";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { assertFails } from "../support/failure.ts";
import { goModule, printer } from "../support/go_module.ts";
import { done, kodeno } from "../support/kodeno.ts";
import { assertSound, entriesOf, imageNames } from "../support/layout.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** Two programs, their plan and the two parts of their build. */
async function parts(args: readonly string[] = []): Promise<TempDir> {
  const dir = await tempDir();
  await goModule(dir, "example.com/app", {
    "cmd/a/main.go": printer("a"),
    "cmd/b/main.go": printer("b"),
  });
  await dir.write("plan.json", await done(dir, ["plan", "./...", "--json", ...args]));
  for (const part of [1, 2]) await build(dir, `part-${part}`, ["--shard", `${part}/2`, ...args]);
  return dir;
}

const build = (dir: TempDir, out: string, args: readonly string[]) =>
  done(dir, ["build", "./...", "--oci-layout", out, ...args]);

Deno.test("merge --complete: layouts and archives, a part twice, are the whole", async () => {
  await using dir = await parts(["--platform=linux/amd64,linux/arm64", "-t", "v1,v2"]);
  await build(dir, "again", ["--shard=2/2", "--platform=linux/amd64,linux/arm64", "-t", "v1,v2"]);
  await done(dir, ["copy", "oci:part-1:a:v1", "archive:part-1.tar:a:v1"]);
  await done(dir, ["copy", "oci:part-1:a:v2", "archive:other.tar:a:v2"]);
  const ins = ["part-1.tar", "other.tar", "part-2", "again"];
  await done(dir, ["merge", "whole", "--complete=plan.json", ...ins]);
  await assertSound(dir.join("whole"));
  assert.deepEqual((await imageNames(dir.join("whole"))).toSorted(), [
    "a:v1",
    "a:v2",
    "b:v1",
    "b:v2",
  ]);
  // Once more into the same one.
  await done(dir, ["merge", "whole", "--complete=plan.json", ...ins]);
});

Deno.test("merge --complete: what lacks, is too much or differs is named, and nothing is there", async () => {
  await using dir = await parts();
  const fails = (ins: readonly string[], message: RegExp, code: 1 | 2 = 1) =>
    assertFails(dir, ["merge", "whole", "--complete", "plan.json", ...ins], { code, message });
  await fails(["part-1"], /^Parts are not all of plan\.json: no part has b:latest$/);
  await build(dir, "more", ["--shard=1/2", "-t", "other"]);
  await fails(["part-1", "part-2", "more"], /: not planned is a:other of .*more$/);
  await build(dir, "differs", ["--shard=2/2", "--image-label=x=y"]);
  await fails(
    ["part-1", "part-2", "differs"],
    /plan\.json: b:latest is sha256:\w+ in .*part-2 and sha256:\w+ in .*differs$/,
  );
  await fails(["part-1", "part-2", "differs", "--force"], /b:latest is sha256:/);
  await fails(["more", "differs"], /: no part has a:latest; not planned is a:other of/);
  await build(dir, "arm", ["--shard=2/2", "--platform=linux/arm64"]);
  await fails(["part-1", "arm"], /: b:latest is not for linux\/amd64$/);

  const [entry] = await entriesOf(dir.join("part-2"));
  const blobs = dir.join("part-2", "blobs", "sha256");
  const layer = [...Deno.readDirSync(blobs)].map(({ name }) => `${blobs}/${name}`)
    .filter((path) => !path.endsWith(entry?.digest.slice(7) ?? ""))
    .toSorted((a, b) => Deno.statSync(b).size - Deno.statSync(a).size)[0] ?? "";
  await Deno.writeFile(layer, new Uint8Array(Deno.statSync(layer).size));
  const args = ["merge", "whole", "--complete", "plan.json", "part-1", "part-2"];
  const { code, stderr } = await kodeno(args, { cwd: dir.path });
  assert.equal(code, 1);
  assert.match(stderr, /^Error: Cannot use blob .* image b:latest of layout part-2 is damaged/m);
  assert.ok(!(await dir.list()).includes("whole"));

  await dir.write("plan.json", "{}");
  await fails(
    ["part-1"],
    /^Cannot use plan plan\.json: it is no plan; write one with "kodeno plan/,
    2,
  );
  await Deno.remove(dir.join("plan.json"));
  await fails(["part-1"], /^Cannot use plan plan\.json: there is no such file/, 2);
});

Deno.test({
  name: "merge --complete: parts that were pushed, by their references",
  ...needs("docker-registry"),
  fn: async () => {
    await using registry = await startRegistry();
    await using dir = await tempDir();
    await goModule(dir, "example.com/app", {
      "cmd/a/main.go": printer("a"),
      "cmd/b/main.go": printer("b"),
    });
    const env = { KO_DOCKER_REPO: `${registry.host}/team` };
    await dir.write("plan.json", await done(dir, ["plan", "./...", "-B", "--json"], env));
    const refs: string[] = [];
    for (const part of ["1/2", "2/2"]) {
      const args = ["build", "./...", "-B", "--push", "--shard", part, "--image-refs=refs"];
      await done(dir, args, env);
      refs.push((await Deno.readTextFile(dir.join("refs"))).trim());
    }
    const [a = "", b = ""] = refs;
    await done(dir, ["merge", "whole", "--complete=plan.json", a, b.replace(":latest@", "@")]);
    await assertSound(dir.join("whole"));
    const names = (await imageNames(dir.join("whole"))).filter((name) => name !== undefined);
    assert.deepEqual(names, ["a", "b"].map((name) => `${registry.host}/team/${name}:latest`));
    // Their SBOMs came along.
    assert.ok((await entriesOf(dir.join("whole"))).length > names.length);
    const args = ["merge", "other", "--complete=plan.json", a];
    const message = /^Parts are not all of plan\.json: no part has \S+\/team\/b:latest$/;
    await assertFails(dir, args, { code: 1, message });
    await done(dir, ["merge", "alone", "--no-referrers", a]);
    assert.equal((await entriesOf(dir.join("alone"))).length, 1);
    const gone = /sha256|manifest|not there|no tag/i;
    await assertFails(dir, ["merge", "other", `${registry.host}/team/none:v1`], {
      code: 1,
      message: gone,
    });
  },
});
