/**
 * `kodeno build -f skaffold.yaml`, as a Skaffold user runs it: names, tags, order, output for other
 * programs, and what is refused.
 * @module
 */
import assert from "node:assert/strict";
import { startRegistry } from "../parts/registry.ts";
import { goTool, needs } from "../parts/tools.ts";
import { assertFails } from "../support/failure.ts";
import { type GitRepository, gitRepository } from "../support/git_repository.ts";
import { goMod, printer } from "../support/go_module.ts";
import { kodeno } from "../support/kodeno.ts";
import { assertSound, configOf, digestIn, imageNames, outputOf } from "../support/layout.ts";
import { succeed } from "../support/process.ts";

const MAIN = `package main

import "fmt"

var version = "dev"

func main() { fmt.Println(version) }
`;
const SKAFFOLD = `apiVersion: skaffold/v4beta13
kind: Config
build:
  artifacts:
  - image: web
    requires:
    - image: ko://example.test/app/cmd/worker
    ko:
      main: ./cmd/web
      fromImage: scratch
      ldflags: ['-X main.version={{.IMAGE_TAG}}']
      labels: {from: '{{.WHO}}'}
      env: [GOFLAGS=-buildvcs=false]
  - image: ko://example.test/app/cmd/worker
    ko: {}
  - image: other
    docker: {}
profiles:
- name: arm
  build:
    platforms: [linux/arm64]
`;

async function repository(skaffold = SKAFFOLD): Promise<GitRepository> {
  return await (await gitRepository()).commit("all", {
    "go.mod": goMod("example.test/app"),
    "cmd/web/main.go": MAIN,
    "cmd/worker/main.go": printer("worker"),
    "skaffold.yaml": skaffold,
    // What the tests make is no change of the sources.
    ".gitignore": "out\nbuilds.json\n",
  });
}

const ENV = { WHO: "tests", KO_DOCKER_REPO: "not.asked/x" };

Deno.test("build -f: the names, tags and labels of the file, into a layout", async () => {
  await using work = await repository();
  const cwd = work.dir.path;
  const commit = (await work.git("rev-parse", "--short", "HEAD")).trim();
  const args = ["build", "-f", "skaffold.yaml", "-d", "reg.test:5000/team"];
  const dry = await kodeno([...args, "--dry-run"], { cwd, env: ENV });
  const names = [
    `reg.test:5000/team/web:${commit}`,
    `reg.test:5000/team/example_test_app_cmd_worker:${commit}`,
  ];
  assert.deepEqual(dry.stdout.trim().split("\n"), names);
  assert.deepEqual(await work.dir.list("out"), []);

  const { code, stdout, stderr } = await kodeno(
    [...args, "--file-output", "builds.json"],
    { cwd, env: ENV },
  );
  assert.equal(code, 0, stderr);
  assert.match(stderr, /skaffold\.yaml:16:12: image other has builder docker; .*leaves it alone/);
  const out = work.dir.join("out");
  await assertSound(out);
  assert.deepEqual((await imageNames(out)).sort(), [...names].sort());
  const lines = stdout.trim().split("\n");
  for (const [i, name] of names.entries()) assert.ok(lines[i]?.startsWith(`${name}@sha256:`));
  const web = digestIn(lines[0] ?? "");
  const config = await configOf(out, web);
  assert.deepEqual(config.config?.Labels, { from: "tests" });
  assert.ok(config.config?.Env?.some((entry) => entry.startsWith("KO_DATA_PATH=")));
  assert.equal((await outputOf(out, web, "web")).trim(), commit);

  const builds = JSON.parse(await Deno.readTextFile(work.dir.join("builds.json")));
  assert.deepEqual(builds, {
    builds: [
      { imageName: "web", tag: lines[0] },
      { imageName: "ko://example.test/app/cmd/worker", tag: lines[1] },
    ],
  });
  const quiet = await kodeno([...args, "-q"], { cwd, env: ENV });
  assert.deepEqual([JSON.parse(quiet.stdout), quiet.stderr], [builds, ""]);
  const template = "{{range .Builds}}{{.ImageName}}={{.Tag}};{{end}}";
  const some = await kodeno([...args, "-q", "-o", template, "-b", "worker"], { cwd, env: ENV });
  assert.equal(some.stdout.trim(), `ko://example.test/app/cmd/worker=${lines[1]};`);
});

Deno.test("build -f: flags and profiles beat the file", async () => {
  await using work = await repository();
  const cwd = work.dir.path;
  const layout = ["--oci-layout", "out"];
  const profile = ["build", "-f", "skaffold.yaml", "-p", "arm", "-t", "v1", "-b", "web"];
  const { code, stderr, stdout } = await kodeno([...profile, ...layout], { cwd, env: ENV });
  assert.equal(code, 0, stderr);
  const config = await configOf(work.dir.join("out"), digestIn(stdout));
  assert.equal(config.architecture, "arm64");
  const debug = ["build", "-f", "skaffold.yaml", "--mode", "debug", "-t", "v2", "-b", "web"];
  const built = await kodeno([...debug, ...layout, "--base-image", "static"], { cwd, env: ENV });
  assert.equal(built.code, 0, built.stderr);
  const own = await configOf(work.dir.join("out"), digestIn(built.stdout));
  assert.equal(own.config?.User, "65532");
  const shown = await kodeno(["config", "-f", "skaffold.yaml", "--mode", "debug", "--json"], {
    cwd,
    env: { ...ENV, KO_DEFAULTBASEIMAGE: "static" },
  });
  const { artifacts: [web] } = JSON.parse(shown.stdout);
  assert.deepEqual(web.image.disableOptimizations, { value: true, from: "debug mode" });
  assert.deepEqual(web.image.trimpath, { value: false, from: "debug mode" });
  // A variable beats the file.
  assert.deepEqual(web.image.baseImage, { value: "static", from: "KO_DEFAULTBASEIMAGE" });
  assert.equal(web.image.ldflags.from, "skaffold.yaml:11");
});

Deno.test({
  name: "build -f: --push pushes what the file names, and the digests are the registry's",
  ...needs("docker-registry"),
  async fn() {
    await using registry = await startRegistry();
    await using work = await repository();
    const { code, stdout, stderr } = await kodeno(
      ["build", "-f", "skaffold.yaml", "-d", `${registry.host}/a/b`, "--push"],
      { cwd: work.dir.path, env: ENV },
    );
    assert.equal(code, 0, stderr);
    const references = stdout.trim().split("\n");
    assert.equal(references.length, 2);
    for (const reference of references) {
      const [name = "", digest] = reference.split("@");
      assert.equal((await succeed(await goTool("crane"), ["digest", name])).trim(), digest);
    }
    assert.deepEqual(await work.dir.list("out"), []);
  },
});

Deno.test("build -f: what is wrong is told before anything is built", async () => {
  await using work = await repository();
  const many = SKAFFOLD.replace("main: ./cmd/web", "main: ./cmd/...");
  const cases: readonly (readonly [args: readonly string[], code: number, why: RegExp])[] = [
    [["-f", "none.yaml"], 2, /Cannot read none\.yaml: there is no such file/],
    [["-f", "skaffold.yaml", "./cmd/web"], 2, /with -f: skaffold\.yaml says what is built/],
    [["-q"], 2, /Cannot use --quiet without -f/],
    [["-f", "skaffold.yaml", "-b", "wbe"], 2, /has no such image; there are web, .*mean "web"/],
    [["-f", "skaffold.yaml", "-p", "amr"], 2, /"amr".*did you mean "arm"/],
    [
      ["-f", "skaffold.yaml", "--push"],
      2,
      /its name says no registry; say one with --default-repo/,
    ],
    [
      ["-f", "many.yaml"],
      2,
      /Cannot build web \(many\.yaml:5\): \.\/cmd\/\.\.\. matches 2 main packages/,
    ],
    [["-f", "skaffold.yaml", "-t", "a b"], 2, /Cannot use tag "a b"/],
    [["-f", "skaffold.yaml", "-q", "-o", "{{.Nope}}", "--dry-run"], 2, /Nope/],
  ];
  await work.dir.write("many.yaml", many);
  for (const [args, code, why] of cases) {
    const outcome = await kodeno(["build", ...args], { cwd: work.dir.path, env: ENV });
    assert.equal(outcome.code, code, `${args}: ${outcome.stderr}`);
    const errors = outcome.stderr.trim().split("\n").filter((line) => line.startsWith("Error"));
    assert.equal(errors.length, 1, outcome.stderr);
    assert.match(errors[0] ?? "", why);
    assert.deepEqual(await work.dir.list("out"), [], `${args}`);
  }
});

Deno.test("build -f: where no artifact is kodeno's, it says which builders they have", async () => {
  const head = "apiVersion: skaffold/v4beta13\nkind: Config\n";
  const foreign = "{image: web, docker: {}}, {image: tool, custom: {buildCommand: make}}";
  const bare = "{image: ko://example.test/app/cmd/worker}";
  const only = /kodeno builds images of builder ko, and there are only /.source;
  const next = '; say "ko: \\{\\}" in the place of the builder of one$';
  const cases: [string, string[], RegExp][] = [
    [foreign, [], RegExp(`^Cannot use s.yaml: ${only}web \\(docker\\), tool \\(custom\\)${next}`)],
    [bare, [], RegExp(`${only}ko://example.test/app/cmd/worker \\(docker\\)${next}`)],
    [
      `{image: app, ko: {main: ./cmd/web}}, ${foreign}`,
      ["-b", "tool"],
      RegExp(
        `${only}tool \\(custom\\)${next}`,
      ),
    ],
    ["", [], /it has no artifacts; name an image with "ko: \{\}" below build\.artifacts$/],
  ];
  for (const [artifacts, args, message] of cases) {
    await using work = await repository();
    await work.dir.write("s.yaml", `${head}build: {artifacts: [${artifacts}]}\n`);
    for (const more of [["build"], ["build", "--dry-run"], ["build", "-q"], ["config"]]) {
      await assertFails(work.dir, [...more, "-f", "s.yaml", ...args], { code: 2, message });
    }
  }
});

Deno.test("build -f: a package that is not there is suggested, with the line that named it", async () => {
  const head = "apiVersion: skaffold/v4beta13\nkind: Config\nbuild:\n  artifacts:\n";
  const cases: [string, RegExp][] = [
    [
      "  - image: app\n    ko: {main: ./cmd/wev}\n",
      /^Cannot build "\.\/cmd\/wev": .*; did you mean "\.\/cmd\/web"\?; s\.yaml:5 names it$/,
    ],
    [
      "  - image: ko://example.test/app/cmd/wrker\n    ko: {}\n",
      /did you mean "example\.test\/app\/cmd\/worker"\?; s\.yaml:5 names it$/,
    ],
    [
      "  - image: app\n    ko: {}\n",
      /below it there are "\.\/cmd\/web" and .*; s\.yaml:5 names it$/,
    ],
  ];
  await using work = await repository();
  for (const [artifact, message] of cases) {
    await work.dir.write("s.yaml", head + artifact);
    await assertFails(work.dir, ["build", "-f", "s.yaml", "-t", "v1"], { code: 2, message });
  }
});
