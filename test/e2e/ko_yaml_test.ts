/**
 * `.ko.yaml` on the command line: `kodeno config`, `kodeno schema`, and every fault told in its
 * lines before anything is built.
 * @module
 */
import assert from "node:assert/strict";
import { goMod } from "../support/go_module.ts";
import { kodeno } from "../support/kodeno.ts";
import { configOf, digestIn, outputOf } from "../support/layout.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const MAIN = `package main

import "fmt"

var version = "dev"

func main() { fmt.Print(version) }
`;

const SKAFFOLD = `apiVersion: skaffold/v4beta13
kind: Config
build: {artifacts: [{image: app, ko: {main: ./cmd/app}}]}
`;

async function module(yaml: string | Uint8Array): Promise<TempDir> {
  const dir = await tempDir();
  await dir.write("go.mod", goMod("example.test/app"));
  await dir.write("cmd/app/main.go", MAIN);
  await dir.write(".ko.yaml", yaml);
  return dir;
}

Deno.test(".ko.yaml: what only kodeno reads is in the image", async () => {
  await using dir = await module(`defaultLabels: {team: blue}
defaultImageEnv: {LEVEL: info, PORT: 80}
defaultPlatforms: [linux/arm64]
builds:
- main: ./cmd/app
  platforms: [linux/amd64]
  labels: {part: app}
  annotations: {example.note: hi}
  env: [MODE=build]
  imageEnv: {PORT: 8080, MODE: run}
  user: "1000"
  entrypointArgs: [--listen, ":8080"]
  expose: [8080, 53/udp]
`);
  const { code, stdout, stderr } = await kodeno(["build", "./cmd/app"], { cwd: dir.path });
  assert.equal(code, 0, stderr);
  const { architecture, config = {} } = await configOf(dir.join("out"), digestIn(stdout));
  assert.equal(architecture, "amd64");
  assert.deepEqual(config.Labels, { part: "app", team: "blue" });
  assert.deepEqual(config.Env?.slice(-3), ["LEVEL=info", "PORT=8080", "MODE=run"]);
  assert.equal(config.User, "1000");
  assert.deepEqual(config.Entrypoint, ["/ko-app/app", "--listen", ":8080"]);
  assert.deepEqual(Object.keys(config.ExposedPorts ?? {}).sort(), ["53/udp", "8080/tcp"]);
});

Deno.test(".ko.yaml: a value with quotes and line breaks is one argument", async () => {
  const yaml = "defaultLdflags: ['-X \"main.version={{.Env.WORDS}}\"']\n";
  await using dir = await module(yaml);
  const WORDS = "it's -w; $(false) `x` \\ {{.Env.WORDS}}";
  const { code, stdout, stderr } = await kodeno(["build", "./cmd/app"], {
    cwd: dir.path,
    env: { WORDS },
  });
  assert.equal(code, 0, stderr);
  assert.equal(await outputOf(dir.join("out"), digestIn(stdout)), WORDS);
});

Deno.test(".ko.yaml: config shows where each value comes from, and no secrets", async () => {
  await using dir = await module("defaultBaseImage: scratch\ndefaultFlags: [-v]\n");
  const secrets = ["--env", "MY_TOKEN=hidden", "--image-env", "PASSWORD=hidden"];
  const args = ["config", "--image-label", "a=b", "--no-push", "--no-cache", ...secrets];
  const env = { KO_DOCKER_REPO: "reg.test/team", KO_DEFAULTFLAGS: "-a" };
  const { stdout, code } = await kodeno(args, { cwd: dir.path, env });
  assert.equal(code, 0);
  for (
    const line of [
      "file: .ko.yaml",
      "  repository: reg.test/team # KO_DOCKER_REPO",
      "  push: false # --no-push",
      "  cache: false # --no-cache",
      "  baseImage: scratch # .ko.yaml:1",
      "  labels: # --image-label",
      "  flags: # KO_DEFAULTFLAGS",
      "    - MY_TOKEN=***",
      "  imageEnv: # --image-env",
      '    PASSWORD: "***"',
      "  trimpath: true # default",
    ]
  ) assert.ok(stdout.split("\n").includes(line), `${line}\n${stdout}`);
  const json = await kodeno([...args, "--json"], { cwd: dir.path, env });
  const { image } = JSON.parse(json.stdout);
  assert.deepEqual(image.baseImage, { value: "scratch", from: ".ko.yaml:1" });
  assert.ok(!`${stdout}${json.stdout}`.includes("hidden"));
});

Deno.test(".ko.yaml: config shows packages of any name with their base images", async () => {
  await using dir = await module("baseImageOverrides: {image: scratch, publish: static}\n");
  const { stdout, code } = await kodeno(["config"], { cwd: dir.path });
  assert.equal(code, 0);
  assert.ok(
    stdout.includes("\nbaseImageOverrides:\n  image: scratch\n  publish: static\npu"),
    stdout,
  );
});

Deno.test("schema: the JSON Schemas of both files", async () => {
  for (const [name, key] of [["ko", "defaultBaseImage"], ["skaffold", "build"]] as const) {
    const { stdout } = await kodeno(["schema", name]);
    const schema = JSON.parse(stdout);
    assert.equal(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
    assert.ok(Object.hasOwn(schema.properties, key));
  }
});

/** What files of ko's users have, with what is told of it: ko reads none of it and goes on. */
const PASSED_OVER: readonly (readonly [yaml: string, ...notes: string[]])[] = [
  [
    "platforms: [linux/amd64]\n",
    '1:1: found unknown field "platforms"; did you mean "defaultPlatforms"? It is not read',
  ],
  [
    "base_image: x\n",
    '1:1: found unknown field "base_image"; did you mean "defaultBaseImage"? It is not read',
  ],
  [
    "x-flags: &flags [-v]\nbuilds:\n- main: ./cmd/app\n  flags: *flags\n",
    '1:1: found unknown field "x-flags"; it is not read',
  ],
  ["ko:\n  a: {b: [1]}\n", '1:1: found unknown field "ko"; it is not read'],
  [
    "main: ./cmd/app\n",
    '1:1: found unknown field "main"; did you mean "builds[].main"? It is not read',
  ],
  [
    "builds:\n- main: ./cmd/app\n  baseImage: x\n  defaultFlags: [-v]\n",
    '3:3: builds[0]: found unknown field "baseImage"; did you mean "baseImageOverrides"? It is not read',
    '4:3: builds[0]: found unknown field "defaultFlags"; did you mean "flags"? It is not read',
  ],
  [
    "defaultPlatfroms: [all]\n",
    '1:1: found unknown field "defaultPlatfroms"; did you mean "defaultPlatforms"? It is not read',
  ],
  [
    "defaultBaseImage: scratch\n---\ndefaultBaseImage: static\n",
    "2:1: found another document; it is not read, the first one counts",
  ],
  [
    "builds:\n- main: ./cmd/app\n  goos: [linux]\n",
    "3:3: builds[0]: goos is a field of GoReleaser; it is not read",
  ],
];

Deno.test(".ko.yaml: what ko passes over is a warning, and an error of config --strict", async (t) => {
  await using dir = await module("");
  for (const [yaml, ...notes] of PASSED_OVER) {
    await t.step(JSON.stringify(yaml), async () => {
      await dir.write(".ko.yaml", yaml);
      const usual = await kodeno(["config"], { cwd: dir.path });
      assert.equal(usual.code, 0, usual.stderr);
      const told = usual.stderr.trimEnd().split("\n");
      assert.equal(told.length, notes.length, usual.stderr);
      for (const [i, note] of notes.entries()) {
        assert.ok(told[i]?.endsWith(`.ko.yaml:${note}`), usual.stderr);
      }
      const strict = await kodeno(["config", "--strict"], { cwd: dir.path });
      assert.deepEqual([strict.code, strict.stdout], [2, ""]);
      assert.equal(
        strict.stderr.trimEnd(),
        `Error: ${notes.map((note) => `.ko.yaml:${note}`).join("\n")}`,
      );
    });
  }
  await t.step("a build goes on", async () => {
    await dir.write(".ko.yaml", "platforms: x\ndefaultPlatforms: [linux/arm64]\n---\nnone: [\n");
    const { code, stdout, stderr } = await kodeno(["build", "./cmd/app"], { cwd: dir.path });
    assert.equal(code, 0, stderr);
    assert.equal((await configOf(dir.join("out"), digestIn(stdout))).architecture, "arm64");
  });
  await t.step("a skaffold.yaml in such a folder", async () => {
    await dir.write("skaffold.yaml", SKAFFOLD);
    const file = ["config", "-f", "skaffold.yaml"];
    const usual = await kodeno(file, { cwd: dir.path });
    assert.equal(usual.code, 0, usual.stderr);
    const strict = await kodeno([...file, "--strict"], { cwd: dir.path });
    assert.equal(strict.code, 2);
    assert.match(strict.stderr, /unknown field "platforms"/);
  });
  await t.step("a file with nothing of the kind", async () => {
    await dir.write(".ko.yaml", "defaultBaseImage: scratch\n");
    const { code, stderr } = await kodeno(["config", "--strict"], { cwd: dir.path });
    assert.deepEqual([code, stderr], [0, ""]);
  });
});

const BOMB = ["a: &a [x, x, x, x, x, x, x, x, x]"].concat(
  [..."bcdefghi"].map((name, i) =>
    `${name}: &${name} [${Array(9).fill(`*${"abcdefghi"[i]}`).join(", ")}]`
  ),
).join("\n");

Deno.test(".ko.yaml: a fault is told in its lines, and nothing is built", async () => {
  const cases: Readonly<Record<string, readonly [yaml: string | Uint8Array, lines: RegExp[]]>> = {
    "a bomb of aliases": [BOMB, [/\.ko\.yaml:\d+:\d+: found aliases that stand for \d+ values/]],
    "a tab": ["builds:\n\t- main: x\n", [/\.ko\.yaml:2:1: found a tab as indentation/]],
    "a key that is there twice": ["defaultEnv: []\ndefaultEnv: []\n", [/\.ko\.yaml:2:1: /]],
    "wrong types, all at once": ["defaultFlags: {}\nbuilds:\n- main: []\n", [
      /\.ko\.yaml:1:15: defaultFlags: found a map; /,
      /\.ko\.yaml:3:9: builds\[0\]\.main: found an empty list; text is allowed/,
    ]],
    "50 MB": [new Uint8Array(50_000_000).fill(97), [/Cannot read \.ko\.yaml: it is larger than/]],
    "not UTF-8": [new Uint8Array([0xff]), [/\.ko\.yaml:1:1: found byte 0xff/]],
    "env without =": ["defaultEnv: [A]\n", [
      /environment entry \(\.ko\.yaml:1\) "A": it has no "="/,
    ]],
    "a platform the base lacks": [
      "defaultPlatforms: [windows]\n",
      [/Cannot (?:use|build).*windows/],
    ],
    "an unknown field of a template": ["defaultFlags: ['{{.Git.Brunch}}']\n", [
      /\{\{\.Git\.Brunch\}\} in flags\[0\] of \.ko\.yaml:1: .*did you mean Branch\?/,
    ]],
    "a template that does not parse": ["defaultFlags: ['{{if}}']\n", [
      /flags\[0\] of \.ko\.yaml:1/,
    ]],
    "-toolexec out of a template": [
      "defaultFlags: ['{{.Env.EVIL}}']\n",
      [/Cannot use -toolexec in "flags"/],
    ],
    "an entry that leads nowhere": ["builds:\n- main: ./nope\n", [
      /entry #0 of builds: there is no/,
    ]],
    "a capability that there is not": [
      "builds:\n- main: ./cmd/app\n  linux_capabilities: sys_magic\n",
      [/Cannot use capability "sys_magic"/],
    ],
  };
  for (const [name, [yaml, lines]] of Object.entries(cases)) {
    await using dir = await module(yaml);
    const { code, stdout, stderr } = await kodeno(["build", "./cmd/app"], {
      cwd: dir.path,
      env: { EVIL: "-toolexec=false" },
    });
    assert.equal(code, 2, `${name}: ${stderr}`);
    assert.equal(stdout, "");
    const errors = stderr.trim().split("\n").filter((line) => !line.startsWith("Cannot ask git"));
    assert.equal(errors.length, lines.length, `${name}: ${stderr}`);
    for (const [i, line] of lines.entries()) assert.match(errors[i] ?? "", line, name);
    assert.deepEqual(await dir.list("out"), [], name);
  }
});
