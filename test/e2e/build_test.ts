/**
 * `kodeno build` from end to end: what is printed where, and what the environment says.
 * @module
 */
import assert from "node:assert/strict";
import { goModule, printer, simpleModule } from "../support/go_module.ts";
import { kodeno } from "../support/kodeno.ts";
import {
  assertClean,
  buildSettings,
  configOf,
  digestIn,
  entriesOf,
  imageNames,
  manifestOf,
  outputOf,
} from "../support/layout.ts";
import { succeed } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";

const REFERENCE = /^app:latest@sha256:[0-9a-f]{64}\n$/;

Deno.test("build: without arguments, the folder's program goes into out/ for linux/amd64", async () => {
  await using dir = await tempDir();
  await simpleModule(dir, "first words");
  const { code, stdout, stderr } = await kodeno(["build"], { cwd: dir.path });
  assert.equal(code, 0, stderr);
  assert.match(stdout, REFERENCE);
  assert.match(stderr, /^example\.com\/app linux\/amd64: compiling\n/);
  assert.match(stderr, /\nexample\.com\/app linux\/amd64: done in \d+\.\ds\n$/);
  const [entry, ...others] = await assertClean(dir.join("out"));
  assert.deepEqual(others, []);
  assert.deepEqual(entry?.platform, { os: "linux", architecture: "amd64" });
  assert.equal(entry?.digest, digestIn(stdout));
  const config = await configOf(dir.join("out"), "latest");
  assert.deepEqual(config.config?.Entrypoint, ["/ko-app/app"]);
  assert.equal(config.config?.User, "65532");
  assert.equal(await outputOf(dir.join("out"), "latest"), "first words dev\n");
});

Deno.test("build: stdout has one reference a line for each image, in the order of the packages", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/many", {
    "cmd/one/main.go": printer("one"),
    "cmd/three/main.go": printer("three"),
    "cmd/two/main.go": printer("two"),
    "lib/lib.go": "package lib\n",
  });
  const { code, stdout, stderr } = await kodeno(
    ["build", "./...", "--platform", "linux/arm64,linux/amd64"],
    { cwd: dir.path },
  );
  assert.equal(code, 0, stderr);
  const lines = stdout.trimEnd().split("\n");
  assert.deepEqual(lines.map((line) => line.split(":")[0]), ["one", "three", "two"]);
  for (const line of lines) digestIn(line);
  // Two platforms of three packages, each told twice.
  assert.equal(stderr.trimEnd().split("\n").length, 12);
  assert.deepEqual(await imageNames(dir.join("out")), ["one:latest", "three:latest", "two:latest"]);
});

Deno.test("build: publish is another name of it", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const { code, stdout } = await kodeno(["publish", "--oci-layout", "images"], { cwd: dir.path });
  assert.equal(code, 0);
  assert.match(stdout, REFERENCE);
  await assertClean(dir.join("images"));
});

Deno.test("build: with --json every line of stdout is an event, the image with its reference", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const args = ["build", "--json", "--platform", "linux/amd64,linux/arm64"];
  const { code, stdout, stderr } = await kodeno(args, { cwd: dir.path });
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  const events = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  const kinds = new Set(events.map(({ type }) => type));
  assert.ok(kinds.has("stage") && kinds.has("image"), stdout);
  const { digest } = (await entriesOf(dir.join("out")))[0] ?? {};
  // The layout holds this image and nothing else.
  const blobs = [...Deno.readDirSync(dir.join("out", "blobs", "sha256"))];
  const size = blobs.reduce(
    (sum, { name }) => sum + Deno.statSync(dir.join("out", "blobs", "sha256", name)).size,
    0,
  );
  assert.deepEqual(events.at(-1), {
    type: "image",
    importPath: "example.com/app",
    name: "app:latest",
    digest,
    size,
    platforms: ["linux/amd64", "linux/arm64"],
    references: [`app:latest@${digest}`],
  });
  for (const platform of ["linux/amd64", "linux/arm64"]) {
    const stages = events.filter((e) => e.type === "stage" && e.platform === platform);
    const expected = ["compiling", "layering", "writing", "done"];
    assert.deepEqual(stages.map(({ stage }) => stage), expected);
  }
});

Deno.test("build: -v changes nothing of the result, and shows where a failure came from", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const quiet = await kodeno(["build"], { cwd: dir.path });
  const verbose = await kodeno(["build", "-v"], { cwd: dir.path });
  assert.equal(verbose.code, 0, verbose.stderr);
  assert.equal(verbose.stdout, quiet.stdout);
  const wrong = await kodeno(["build", "-v", "./nothing"], { cwd: dir.path });
  assert.doesNotMatch(wrong.stderr, /^ {4}at /m, "who is to say something else needs no more");
  // Of this the runtime knows more than is told.
  const args = ["build", "--base-image", "127.0.0.1:1/x"];
  const failed = await kodeno(args, { cwd: dir.path });
  assert.doesNotMatch(failed.stderr, /^ {4}at /m);
  const told = await kodeno([...args, "-v"], { cwd: dir.path });
  assert.match(told.stderr, /^ {4}at /m);
  assert.equal(told.code, failed.code);
});

Deno.test("build: KO_DOCKER_REPO is before the names, with ko's hash behind them", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const env = { KO_DOCKER_REPO: "127.0.0.1:5000/team" };
  const { code, stdout, stderr } = await kodeno(["build"], { cwd: dir.path, env });
  assert.equal(code, 0, stderr);
  // md5 of "example.com/app".
  const name = "127.0.0.1:5000/team/app-263362754691983312e964463bd3e953:latest";
  assert.deepEqual(await imageNames(dir.join("out")), [name]);
  assert.equal(stdout, `${name}@${digestIn(stdout)}\n`);
});

Deno.test("build: KO_DEFAULTBASEIMAGE is the base where no flag names one", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const env = { KO_DEFAULTBASEIMAGE: "scratch" };
  assert.equal((await kodeno(["build"], { cwd: dir.path, env })).code, 0);
  assert.equal((await manifestOf(dir.join("out"), "latest")).layers.length, 2);
  const args = ["build", "--base-image", "static"];
  assert.equal((await kodeno(args, { cwd: dir.path, env })).code, 0);
  assert.equal((await manifestOf(dir.join("out"), "latest")).layers.length, 3);
});

Deno.test("build: KO_DEFAULTPLATFORMS are the platforms where no flag names any", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const env = { KO_DEFAULTPLATFORMS: "linux/s390x,linux/riscv64" };
  assert.equal((await kodeno(["build"], { cwd: dir.path, env })).code, 0);
  const { manifests } = await manifestOf(dir.join("out"), "latest");
  assert.deepEqual(manifests.map(({ platform }) => platform?.architecture), ["s390x", "riscv64"]);
  const args = ["build", "--platform", "linux/arm64"];
  assert.equal((await kodeno(args, { cwd: dir.path, env })).code, 0);
  assert.equal((await configOf(dir.join("out"), "latest")).architecture, "arm64");
});

Deno.test("build: GOOS and GOARCH choose the platform where nobody names one", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const env = { GOOS: "linux", GOARCH: "arm", GOARM: "6" };
  const { code, stderr } = await kodeno(["build"], { cwd: dir.path, env });
  assert.equal(code, 0, stderr);
  const { architecture, variant } = await configOf(dir.join("out"), "latest");
  assert.deepEqual([architecture, variant], ["arm", "v6"]);
  assert.equal((await buildSettings(dir.join("out"), "latest")).GOARM, "6");
});

Deno.test("build: KO_GO_PATH names the go command", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  const log = dir.join("log");
  const wrapper = await dir.write("bin/mygo", `#!/bin/sh\necho "$1" >> '${log}'\nexec go "$@"\n`);
  await Deno.chmod(wrapper, 0o755);
  const { code, stderr } = await kodeno(["build"], { cwd: dir.path, env: { KO_GO_PATH: wrapper } });
  assert.equal(code, 0, stderr);
  const calls = (await Deno.readTextFile(log)).trim().split("\n");
  assert.deepEqual(new Set(calls), new Set(["env", "list", "build"]));
});

Deno.test("build: KO_DATA_DATE_EPOCH is the time of kodata files, and of nothing else", async () => {
  await using dir = await tempDir();
  await simpleModule(dir);
  await dir.write("kodata/note.txt", "note");
  const env = { KO_DATA_DATE_EPOCH: "1000000000" };
  assert.equal((await kodeno(["build"], { cwd: dir.path, env })).code, 0);
  const { created, history = [] } = await configOf(dir.join("out"), "latest");
  assert.equal(created, "1970-01-01T00:00:00Z");
  assert.deepEqual(history.slice(1).map((step) => step.created), [
    "2001-09-09T01:46:40Z",
    "0001-01-01T00:00:00Z",
  ]);
  const { layers } = await manifestOf(dir.join("out"), "latest");
  const times = await Promise.all(
    layers.slice(1).map(async ({ digest }) => {
      const blob = dir.join("out/blobs/sha256", digest.slice("sha256:".length));
      const args = ["--utc", "--full-time", "-tvzf", blob];
      return new Set((await succeed("tar", args)).match(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g));
    }),
  );
  assert.deepEqual(times, [new Set(["2001-09-09 01:46:40"]), new Set(["1970-01-01 00:00:00"])]);
});
