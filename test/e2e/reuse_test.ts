/**
 * `--affected-since` and `--reuse`: only what changes concern is built, and the other images come with what
 * refers to them from where they are; or nothing is written.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { startRegistry } from "../parts/registry.ts";
import { needs, searchPath } from "../parts/tools.ts";
import { assertFails } from "../support/failure.ts";
import { GIT_ENVIRONMENT, type GitRepository, gitRepository } from "../support/git_repository.ts";
import { printer } from "../support/go_module.ts";
import { done, kodeno, kodenoEnvironment, kodenoWords, ROOT } from "../support/kodeno.ts";
import { succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const SINCE = ["./cmd/...", "--affected-since", "HEAD"];

/** Two programs that are committed, and the second of them changed. */
async function twoPrograms(before: (dir: TempDir) => Promise<unknown>): Promise<GitRepository> {
  const repository = await gitRepository();
  await repository.commit("one", {
    ".gitignore": "out\n",
    "go.mod": "module example.com/app\n\ngo 1.22\n",
    "cmd/a/main.go": printer("a"),
    "cmd/b/main.go": printer("b"),
  });
  await before(repository.dir);
  await repository.dir.write("cmd/b/main.go", printer("changed"));
  return repository;
}

const env = { GOFLAGS: "-buildvcs=false" };

Deno.test("reuse: images that are not affected come from a layout, with what refers to them", async () => {
  await using other = await tempDir();
  const earlier = other.join("earlier");
  let before = "";
  await using repository = await twoPrograms(async (dir) => {
    before = await done(dir, ["build", "./...", "--sbom", "spdx", "--oci-layout", earlier], env);
  });
  const { dir } = repository;
  const build = (...args: readonly string[]) =>
    kodeno(["build", ...SINCE, ...args], { cwd: dir.path, env });
  const [a = "", b = ""] = before.split("\n");
  const alone = await build("--oci-layout", other.join("alone"));
  assert.match(alone.stderr, /Note: 1 of 2 images are not affected, and left out\n/);
  assert.match(alone.stdout, /^b:latest@\S+\n$/);
  assert.notEqual(alone.stdout.trim(), b);

  const { stdout, stderr } = await build("--reuse", earlier);
  assert.equal(stdout, `${a}\n${alone.stdout}`, stderr);
  assert.match(stderr, /Note: 1 of 2 images are not affected, and taken as they are\n/);
  assert.doesNotMatch(stderr, /cmd\/a \S+ compiling/);
  assert.match(await done(dir, ["ls", "out"]), /- spdx sbom of a:latest/);
  await done(dir, ["verify", "out"]);

  const fails = async (args: readonly string[], code: 1 | 2, message: RegExp) => {
    await assertFails(dir, ["build", ...args], { code, message }, { env });
  };
  await Deno.remove(dir.join("out"), { recursive: true });
  const missing =
    /^Cannot take a:v9 from \S+: it is not there, .* leave --affected-since out, or name/;
  await fails([...SINCE, "--reuse", `${earlier}:v9`], 1, missing);
  const platform =
    /^Cannot take the image of example\.com\/app\/cmd\/a: it is for linux\/amd64, and/;
  await fails([...SINCE, "--reuse", earlier, "--platform", "linux/arm64"], 1, platform);
  await fails(
    [...SINCE, "--reuse", "daemon:app"],
    2,
    /is loaded there is not whole; name a layout/,
  );
  await fails(["--reuse", earlier], 2, /say with --affected-since the commit/);
});

const SKAFFOLD = `apiVersion: skaffold/v4beta13
kind: Config
build:
  tagPolicy: { envTemplate: { template: "{{.TAG}}" } }
  artifacts:
  - image: b
    ko: { main: ./cmd/b }
    hooks: { after: [{ command: [sh, -c, "echo b >> ../ran"] }] }
  - image: a
    ko: { main: ./cmd/a }
    hooks: { after: [{ command: [sh, -c, "echo a >> ../ran"] }] }
`;

Deno.test("reuse: artifacts of a skaffold.yaml keep their order, and hooks run of what is built", async () => {
  await using other = await tempDir();
  const build = ["build", "-f", "skaffold.yaml", "--oci-layout", other.join("out")];
  const tagged = (tag: string) => ({ ...env, TAG: tag });
  let before = "";
  await using repository = await twoPrograms(async (dir) => {
    await dir.write("skaffold.yaml", SKAFFOLD.replaceAll("../ran", other.join("ran")));
    await dir.write(".git/info/exclude", "cache\n");
    await succeed("git", ["add", "skaffold.yaml"], { cwd: dir.path, env: GIT_ENVIRONMENT });
    const commit = ["commit", "--quiet", "--amend", "--no-edit"];
    await succeed("git", commit, { cwd: dir.path, env: GIT_ENVIRONMENT });
    before = await done(dir, build, tagged("v1"));
  });
  const { dir } = repository;
  const since = ["--affected-since", "HEAD"];
  const alone = await done(dir, [...build, ...since], tagged("v2"));
  assert.match(alone, /^b:v2@\S+$/);
  const from = ["--reuse", `${other.join("out")}:v1`];
  const [, a = ""] = before.split("\n");
  const all = await done(dir, [...build, ...since, ...from], tagged("v2"));
  assert.equal(all, `${alone}\n${a.replace(":v1", ":v2")}`);
  assert.equal(await Deno.readTextFile(other.join("ran")), "b\na\nb\nb\n");
  const plan = await done(dir, [...build, ...since, "--dry-run"], tagged("v2"));
  assert.equal(plan, "b:v2");
});

Deno.test({
  name: "reuse: a release is tagged anew in its registry, and nothing but what changed is sent",
  ...needs("docker-registry"),
  async fn() {
    await using registry = await startRegistry();
    await using other = await tempDir();
    const push = ["--push", "-B", "-t"];
    const settings = { ...env, KO_DOCKER_REPO: `${registry.host}/team` };
    let before = "";
    await using repository = await twoPrograms(async (dir) => {
      before = await done(dir, ["build", "./...", ...push, "v1"], settings);
    });
    const { dir } = repository;
    const [a = "", b = ""] = before.split("\n");
    const from = ["--reuse", `${registry.host}/team:v1`];
    const after = await done(dir, ["build", ...SINCE, ...from, ...push, "v2"], settings);
    const [newA = "", newB = ""] = after.split("\n");
    assert.equal(newA, a.replace(":v1@", ":v2@"));
    assert.notEqual(newB.split("@")[1], b.split("@")[1]);
    await dir.write("k.yaml", "a: ko://example.com/app/cmd/a\nb: ko://./cmd/b\n");
    const resolve = ["resolve", "-f", "k.yaml", "-B", "-t", "v3", "--affected-since", "HEAD"];
    const printed = await done(dir, [...resolve, ...from], settings);
    assert.equal(printed, `a: ${a.replace(":v1", ":v3")}\nb: ${newB.replace(":v2", ":v3")}\n---`);
    const alone = /^Cannot resolve with --affected-since HEAD alone: objects need the other images/;
    await assertFails(dir, resolve, { code: 2, message: alone }, { env: settings });
    // Below another repository, by the same names, and with the SBOM.
    const there = { ...env, KO_DOCKER_REPO: `${registry.host}/other` };
    const far = await done(dir, ["build", ...SINCE, ...from, ...push, "v2"], there);
    const [farA = ""] = far.split("\n");
    assert.equal(farA, newA.replace("/team/", "/other/"));
    await done(dir, ["copy", farA, `oci:${other.join("out")}`]);
    assert.match(await done(dir, ["ls", other.join("out")]), /- spdx sbom of \S+other\/a:v2/);
  },
});

Deno.test("reuse: the commands of docs/affected.md do what that says", async () => {
  const text = await Deno.readTextFile(join(ROOT, "docs/affected.md"));
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  assert.ok(blocks.length >= 2, text);
  await using bin = await tempDir();
  await Deno.chmod(await bin.write("kodeno", `#!/bin/sh\nexec ${kodenoWords()} "$@"\n`), 0o755);
  const settings = kodenoEnvironment(env);
  settings["PATH"] = [bin.path, ...searchPath()].join(":");
  await using repository = await twoPrograms(async (dir) => {
    await done(dir, ["build", "./...", "--oci-layout", "earlier"], env);
  });
  const { dir: { path: cwd } } = repository;
  await repository.git("update-ref", "refs/remotes/origin/main", "HEAD");
  const printed = await succeed("bash", ["-euo", "pipefail", "-c", blocks.join("")], {
    cwd,
    env: settings,
  });
  const path = "example.com/app/cmd/b";
  const [all, alone] = [/a:latest@\S+\nb:latest@\S+\n/, /b:next@\S+\n$/];
  assert.ok(printed.startsWith(`${path}\n${path}\tcmd/b/main.go has changed\n1\n`), printed);
  for (const one of [all, alone]) assert.match(printed, one);
});
