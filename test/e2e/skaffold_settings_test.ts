/**
 * Skaffold's settings outside of what is built, as a Skaffold user has them: `skaffold.env`, the global
 * configuration, and hooks.
 * @module
 */
import assert from "node:assert/strict";
import { startSecuredRegistry } from "../parts/secured_registry.ts";
import { needs } from "../parts/tools.ts";
import { gitRepository } from "../support/git_repository.ts";
import { goMod, printer } from "../support/go_module.ts";
import { denoDirectory, kodeno, spawnKodeno } from "../support/kodeno.ts";
import { digestIn, imageNames, outputOf } from "../support/layout.ts";
import { isRunning, processesIn, until } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const HEADER = `apiVersion: skaffold/v4beta13
kind: Config
build:
  tagPolicy: {envTemplate: {template: '{{default "none" .STAGE}}'}}
  artifacts:
`;

/** A module with a skaffold.yaml; its home is the folder itself. */
async function project(artifacts: string): Promise<TempDir> {
  const dir = await tempDir();
  await dir.write("go.mod", goMod("example.test/app"));
  await dir.write("main.go", printer("hello"));
  await dir.write("skaffold.yaml", HEADER + artifacts);
  return dir;
}

const APP = "  - image: app\n    ko: {fromImage: scratch}\n";

/** The environment of a person whose home is the folder; caches are where they always are. */
async function home(dir: TempDir): Promise<Record<string, string>> {
  const gopath = dir.join("go");
  return { HOME: dir.path, GOPATH: gopath, GOCACHE: await goCache(), DENO_DIR: denoDirectory() };
}

async function build(dir: TempDir, args: readonly string[] = [], env = {}, command = "build") {
  return await kodeno([command, "-f", "skaffold.yaml", ...args], {
    cwd: dir.path,
    env: { ...await home(dir), ...env },
  });
}

let cache: Promise<string> | undefined;

function goCache(): Promise<string> {
  return cache ??= new Deno.Command("go", { args: ["env", "GOCACHE"] }).output()
    .then(({ stdout }) => new TextDecoder().decode(stdout).trim());
}

Deno.test("skaffold settings: skaffold.env and the global configuration shape a build", async () => {
  await using dir = await project(APP);
  await dir.write(
    "skaffold.env",
    'STAGE=test # a stage\nSKAFFOLD_FILE_OUTPUT="builds.json"\nSKAFFOLD_QUIET=true\n' +
      "KO_GO_PATH=./none\nKO_DEFAULTBASEIMAGE=static\n",
  );
  await dir.write(".skaffold/config", "global:\n  default-repo: reg.test/x\n  defualt-repo: y\n");
  const quiet = await build(dir);
  assert.deepEqual([quiet.code, quiet.stderr], [0, ""]);
  const { builds: [built] } = JSON.parse(quiet.stdout);
  assert.match(built.tag, /^reg\.test\/x\/app:test@sha256:/);
  assert.equal(await Deno.readTextFile(dir.join("builds.json")), quiet.stdout.trim());

  const loud = await build(dir, ["--dry-run"], { SKAFFOLD_QUIET: "false", STAGE: "mine" });
  assert.equal(loud.stdout, "reg.test/x/app:mine\n");
  assert.match(loud.stderr, /^skaffold\.env: KO_GO_PATH is left out/m);
  assert.match(loud.stderr, /config:3:3: .*"defualt-repo"; .*did you mean "default-repo"\?/m);
  const shown = await kodeno(["config", "-f", "skaffold.yaml", "--json"], {
    cwd: dir.path,
    env: await home(dir),
  });
  const { artifacts: [app] } = JSON.parse(shown.stdout);
  assert.equal(app.reference, "reg.test/x/app:test");
  assert.deepEqual(app.image.baseImage, { value: "static", from: "KO_DEFAULTBASEIMAGE" });
});

Deno.test("skaffold settings: what cannot be read is told as Skaffold tells it", async () => {
  await using dir = await project(APP);
  await dir.write("skaffold.env", "STAGE=test\nnot a line\n");
  const warned = await build(dir, ["--dry-run"]);
  assert.deepEqual([warned.code, warned.stdout], [0, "app:none\n"]);
  assert.match(warned.stderr, /^skaffold\.env:2:1: .*nothing of skaffold\.env is used$/m);
  await dir.write(".skaffold/config", "global: {multi-level-repo: perhaps}\n");
  const refused = await build(dir, ["--dry-run"]);
  assert.deepEqual([refused.code, refused.stdout], [2, ""]);
  assert.match(refused.stderr, /config:1:28: global\.multi-level-repo: found "perhaps"; true or/);
  const flag = await build(dir, ["--dry-run"], { SKAFFOLD_PUSH: "yes", SKAFFOLD_QUIET: "" });
  assert.deepEqual([flag.code, flag.stdout], [2, ""]);
  assert.match(flag.stderr, /Cannot use SKAFFOLD_PUSH="yes": true or false is allowed/);
  const other = await build(dir, ["--dry-run"], { SKAFFOLD_CONFIG: "none.yaml" });
  assert.equal(other.code, 0, other.stderr);
  assert.match(other.stderr, /Cannot find Skaffold's configuration none\.yaml/);
});

Deno.test("skaffold settings: skaffold.env names no program that git runs for a tag", async () => {
  await using work = await gitRepository();
  const { dir } = work;
  await work.commit("initial", {
    "skaffold.yaml": HEADER.replace(/tagPolicy: .*/, "tagPolicy: {gitCommit: {}}") + APP,
    ".gitattributes": "a filter=own\n",
    a: "a\n",
    "own/git/config": '[filter "own"]\n  clean = "touch filtered; cat"\n',
  });
  const at = dir.join("own");
  for (
    const [env, names] of [
      [`XDG_CONFIG_HOME=${at}`, ["XDG_CONFIG_HOME"]],
      [`GIT_CONFIG_GLOBAL=${at}/git/config`, ["GIT_CONFIG_GLOBAL"]],
      [
        "GIT_CONFIG_COUNT=1\nGIT_CONFIG_KEY_0=filter.own.clean\n" +
        'GIT_CONFIG_VALUE_0="touch filtered; cat"',
        ["GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0"],
      ],
    ] as const
  ) {
    await dir.write("skaffold.env", env);
    // Of the same size, so that git has to look into it.
    await dir.write("a", "b\n");
    const { code, stderr } = await build(dir, ["--dry-run"]);
    assert.equal(code, 0, stderr);
    for (const name of names) assert.match(stderr, new RegExp(`: ${name} is left out, since`));
    assert.ok(!(await dir.list()).includes("filtered"), env);
  }
});

Deno.test({
  name: "skaffold settings: an insecure registry is one of its own, not all of them",
  ...needs("docker-registry", "openssl"),
  async fn() {
    await using registry = await startSecuredRegistry({ tls: true });
    await using dir = await project(APP);
    const push = ["--push", "-d", `${registry.host}/x`];
    const refused = await build(dir, push);
    assert.equal(refused.code, 1, refused.stderr);
    assert.match(refused.stderr, /certificate/);
    await dir.write(".skaffold/config", "global: {insecure-registries: ['127.0.0.1:1']}\n");
    assert.equal((await build(dir, push)).code, 1);
    await dir.write(".skaffold/config", `global: {insecure-registries: ['${registry.host}']}\n`);
    const { code, stderr } = await build(dir, push);
    assert.equal(code, 0, stderr);
    await Deno.remove(dir.join(".skaffold/config"));
    const said = await build(dir, push, { SKAFFOLD_INSECURE_REGISTRY: `a.test,${registry.host}` });
    assert.equal(said.code, 0, said.stderr);
  },
});

Deno.test("hooks: what they make is built, and what they print is on stderr", async () => {
  await using dir = await project(
    `${APP}    hooks:\n      before:\n      - command: [sh, -c, 'mkdir gen; cp "$FROM" gen/gen.go']\n` +
      "      - command: [sh, -c, 'echo out; echo err >&2; printf last']\n",
  );
  await dir.write("from", 'package gen\n\nconst Text = "generated"\n');
  await dir.write(
    "main.go",
    'package main\n\nimport (\n\t"fmt"\n\n\t"example.test/app/gen"\n)\n\n' +
      "func main() { fmt.Println(gen.Text) }\n",
  );
  const { code, stdout, stderr } = await build(dir, [], { FROM: "from" });
  assert.equal(code, 0, stderr);
  assert.equal((await outputOf(dir.join("out"), digestIn(stdout), "app")).trim(), "generated");
  assert.match(stderr, /^out$/m);
  assert.match(stderr, /^err$/m);
  assert.match(stderr, /^last$/m);
  assert.equal(stdout.split("\n").length, 2);
});

Deno.test("hooks: one that fails ends the build; without hooks it goes on, and says so", async () => {
  await using dir = await project(
    `${APP}    hooks: {before: [{command: [sh, -c, 'touch ran; exit 3']}, {command: [touch, more]}]}\n` +
      "  - image: late\n    ko: {fromImage: scratch}\n" +
      "    hooks: {after: [{command: [no-such-program]}]}\n" +
      "  - image: lost\n    ko: {fromImage: scratch}\n" +
      "    hooks: {before: [{command: [pwd], dir: nowhere}]}\n",
  );
  const cases: readonly (readonly [image: string, why: RegExp])[] = [
    ["app", /the hook before the build of app \(skaffold\.yaml:8\), .*, ended with exit code 3$/],
    ["late", /the hook after .* late \(skaffold\.yaml:11\).*there is no program no-such-program/],
    ["lost", /cannot be run: .*nowhere is not a folder$/],
  ];
  for (const [image, why] of cases) {
    const { code, stdout, stderr } = await build(dir, ["-b", image]);
    assert.deepEqual([code, stdout], [1, ""], stderr);
    const errors = stderr.trim().split("\n").filter((line) => line.startsWith("Error"));
    assert.equal(errors.length, 1, stderr);
    assert.match(errors[0] ?? "", why);
  }
  const ran = async (name: string): Promise<boolean> => (await dir.list()).includes(name);
  assert.deepEqual([await ran("ran"), await ran("more")], [true, false]);
  await Deno.remove(dir.join("ran"));
  for (
    const quiet of [["config", "-f", "skaffold.yaml"], [
      "build",
      "-f",
      "skaffold.yaml",
      "--dry-run",
    ]]
  ) {
    assert.equal((await kodeno(quiet, { cwd: dir.path })).code, 0);
  }
  const { code, stderr } = await build(dir, ["--hooks=false"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^The hooks of the file are left out \(--hooks=false\)$/m);
  assert.equal(await ran("ran"), false);
  assert.equal((await imageNames(dir.join("out"))).length, 3);
});

Deno.test("hooks: what one has left running keeps nobody waiting", async () => {
  await using dir = await project(
    `${APP}    hooks: {before: [{command: [sh, -c, 'sleep 60 & echo $! >pid; echo left']}]}\n`,
  );
  const { code, stderr } = await build(dir);
  const pid = Number(await Deno.readTextFile(dir.join("pid")));
  assert.equal(await isRunning(pid), true);
  Deno.kill(pid);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^left$/m);
});

Deno.test("hooks: a signal ends them, with all that they have started", async () => {
  await using dir = await project(
    `${APP}    hooks: {before: [{command: [sh, -c, 'trap "" INT; sleep 300; touch over']}]}\n`,
  );
  const child = spawnKodeno(["build", "-f", "skaffold.yaml"], { cwd: dir.path });
  const ended = child.output();
  // kodeno, sh and sleep.
  await until("the hook to run", async () => (await processesIn(dir.path)).length === 3, 60_000);
  child.kill("SIGTERM");
  const { code, stderr } = await ended;
  assert.equal(code, 130, new TextDecoder().decode(stderr));
  assert.deepEqual(await processesIn(dir.path), []);
  assert.ok(!(await dir.list()).includes("over"));
});

Deno.test("templates: a program of cmd is asked once, and ended by a signal", async () => {
  await using dir = await project(
    "  - image: app\n    ko:\n      labels:\n" +
      '        a: \'{{cmd "sh" "-c" "echo $WHO; echo x >>asked"}}{{cmd "echo" .WHO | upper}}\'\n' +
      '        b: \'{{if eq .WHO "me"}}{{cmd "sh" "-c" "touch runs; sleep 300; true"}}{{end}}\'\n',
  );
  const tag =
    `template: '{{cmd "sh" "-c" "echo $WHO; echo x >>asked"}}{{cmd "echo" .WHO | upper}}'`;
  const text = await Deno.readTextFile(dir.join("skaffold.yaml"));
  const tagged = text.replace(/template: '[^']*'/, () => tag).replace(
    /labels:[^]*/,
    "labels: {}\n",
  );
  await dir.write("skaffold.yaml", tagged);
  const { stdout } = await build(dir, ["--dry-run"], { WHO: "you" });
  assert.equal(stdout, "app:youYOU\n");
  assert.equal(await Deno.readTextFile(dir.join("asked")), "x\n");

  await dir.write("skaffold.yaml", text);
  const shown = await build(dir, [], { WHO: "me" }, "config");
  assert.match(shown.stdout, /<output of sh -c touch runs; sleep 300; true>/);
  assert.deepEqual([shown.code, (await dir.list()).includes("runs")], [0, false]);
  // Names and tags are told without the labels.
  const told = await build(dir, ["--dry-run"], { WHO: "me" });
  assert.deepEqual([told.stdout, (await dir.list()).includes("runs")], ["app:none\n", false]);

  const args = ["build", "-f", "skaffold.yaml"];
  const child = spawnKodeno(args, { cwd: dir.path, env: { WHO: "me" } });
  const ended = child.output();
  await until("the program", async () => (await dir.list()).includes("runs"), 60_000);
  child.kill("SIGTERM");
  const { code, stderr } = await ended;
  assert.equal(code, 130, new TextDecoder().decode(stderr));
  assert.deepEqual(await processesIn(dir.path), []);
});

function linkOf(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch {
    // It was closed meanwhile.
    return undefined;
  }
}

Deno.test("skaffold settings: a signal ends the reading of files for a tag", async () => {
  await using dir = await project(APP);
  const text = await Deno.readTextFile(dir.join("skaffold.yaml"));
  await dir.write("skaffold.yaml", text.replace(/tagPolicy: .*/, "tagPolicy: {inputDigest: {}}"));
  await dir.write("large.go", "");
  await Deno.truncate(dir.join("large.go"), 200e9);
  const args = ["build", "-f", "skaffold.yaml", "--dry-run"];
  const child = spawnKodeno(args, { cwd: dir.path, env: await home(dir) });
  const ended = child.output();
  const fds = `/proc/${child.pid}/fd`;
  await until("the reading", () => {
    const open = [...Deno.readDirSync(fds)].map(({ name }) => linkOf(`${fds}/${name}`));
    return Promise.resolve(open.includes(dir.join("large.go")));
  }, 60_000);
  child.kill("SIGTERM");
  assert.equal((await ended).code, 130);
});
