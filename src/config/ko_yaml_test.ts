/**
 * `.ko.yaml` to values: what ko reads, where it is looked for, and what is told of a faulty one.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { tempDir } from "../../test/support/temp.ts";
import { findKoFile, imageConfigOf, resolveBuildConfig } from "./config.ts";
import { readKoFile } from "./ko_yaml.ts";
import type { KoFile } from "./options.ts";

async function read(text: string): Promise<KoFile> {
  await using dir = await tempDir();
  return await readKoFile(await dir.write(".ko.yaml", text), ".ko.yaml");
}

const WHOLE = `# comment
defaultBaseImage: reg.test/base
defaultPlatforms: linux/amd64,linux/arm64
defaultFlags: -v -tags=x
DefaultLdFlags: [-s, -w]
defaultEnv:
- A=1
defaultLabels: {team: blue}
baseImageOverrides:
  Example.com/A: scratch
mirrors: reg.test=mirror.test
builds:
- id: one
  main: ./cmd/one
  flags: -race -v
  ldflags: -X main.v={{.Env.V}}
  linux_capabilities: net_raw chown
  Env: [A=2, B=2]
  goos: [linux]
- dir: sub
  platforms: [linux/s390x]
  labels: {team: red, more: yes}
  user: "1000"
  entrypointArgs: [--port, 8080]
  expose: [8080]
`;

Deno.test(".ko.yaml: what ko reads, in any case, text or list", async () => {
  const file = await read(WHOLE);
  const { defaults, builds: [one, two] } = file;
  assert.equal(defaults.baseImage, "reg.test/base");
  assert.deepEqual(defaults.platforms, ["linux/amd64", "linux/arm64"]);
  assert.deepEqual(defaults.flags, ["-v", "-tags=x"]);
  assert.deepEqual(defaults.ldflags, ["-s", "-w"]);
  assert.deepEqual(defaults.env, ["A=1"]);
  assert.deepEqual(file.baseImageOverrides, { "example.com/a": "scratch" });
  assert.deepEqual(file.mirrors, ["reg.test=mirror.test"]);
  assert.deepEqual([one?.id, one?.dir, one?.main], ["one", ".", "./cmd/one"]);
  assert.deepEqual(one?.values.flags, ["-race", "-v"]);
  assert.deepEqual(one?.values.ldflags, ["-X main.v={{.Env.V}}"]);
  assert.deepEqual(one?.values.linuxCapabilities, ["net_raw", "chown"]);
  assert.deepEqual([two?.id, two?.dir, two?.main], ["#1", "sub", "."]);
  assert.deepEqual(two?.values.entrypointArgs, ["--port", "8080"]);
  assert.deepEqual(file.notes, [
    ".ko.yaml:19:3: builds[0]: goos is a field of GoReleaser; it is not read",
  ]);
});

Deno.test(".ko.yaml: what beats what, and where each value comes from", async () => {
  const koFile = await read(WHOLE);
  const config = resolveBuildConfig({
    koFile,
    labels: { own: "1" },
    env: ["A=3"],
    environment: { HOME: "h", KO_DEFAULTFLAGS: "-a -b", KO_DEFAULTBASEIMAGE: "env.test/base" },
  });
  const [one, two] = config.builds;
  assert.deepEqual(config.transfer.mirrors, { "reg.test": "mirror.test" });
  assert.deepEqual(config.image.baseImage, "env.test/base");
  assert.deepEqual(config.image.go.flags, ["-a", "-b"]);
  assert.deepEqual(config.image.labels, { team: "blue", own: "1" });
  // The caller's variables stand on top of the file's; those of an entry in place of the defaults.
  assert.deepEqual(config.image.go.env, { A: "3" });
  assert.deepEqual(one?.image.go.env, { A: "3", B: "2" });
  // An entry beats ko's variables for defaults, which beat the file's defaults.
  assert.deepEqual(one?.image.go.flags, ["-race", "-v"]);
  assert.deepEqual(two?.image.go.flags, ["-a", "-b"]);
  assert.deepEqual(two?.image.labels, { team: "red", more: "yes", own: "1" });
  assert.deepEqual(two?.image.expose, ["8080/tcp"]);
  const { origins } = one?.image ?? { origins: {} };
  assert.equal(origins.flags, ".ko.yaml:15");
  assert.equal(origins.baseImage, "KO_DEFAULTBASEIMAGE");
  assert.equal(origins.ldflags, ".ko.yaml:16");
  assert.equal(origins.platforms, ".ko.yaml:3");
  assert.equal(origins.labels, "option labels");
  assert.equal(two?.image.origins.ldflags, ".ko.yaml:5");
  const alone = resolveBuildConfig({ koFile, environment: { HOME: "h" } });
  assert.equal(alone.builds[0]?.image.origins.env, ".ko.yaml:18");
  // An override is for one package, and stronger than any default; the caller is stronger still.
  assert.equal(imageConfigOf(config, "example.com/A").baseImage, "scratch");
  assert.equal(imageConfigOf(config, "example.com/b").baseImage, "env.test/base");
  const own = resolveBuildConfig({ koFile, baseImage: "static", environment: { HOME: "h" } });
  assert.equal(imageConfigOf(own, "example.com/a").baseImage, "static");
});

Deno.test(".ko.yaml: each fault has its line", async () => {
  const cases: readonly (readonly [text: string, found: RegExp])[] = [
    ["builds: {}\n", /^\.ko\.yaml:1:9: builds: found a map; a list is allowed$/],
    ["defaultFlags: {a: b}\n", /^\.ko\.yaml:1:15: defaultFlags: found a map; /],
    ["defaultFlags:\n\t- x\n", /^\.ko\.yaml:2:1: found a tab as indentation/],
    ["defaultEnv: []\ndefaultEnv: []\n", /^\.ko\.yaml:2:1: /],
    ["- x\n", /^\.ko\.yaml:1:1: found a list; a map is allowed$/],
  ];
  for (const [text, found] of cases) {
    const error = await failsWith("BAD_CONFIG", () => read(text), found);
    assert.equal(error.exitCode, 2);
  }
  const two = "x: 1\ndefaultFlags: {}\nbuilds:\n- dir: []\n";
  const { message } = await failsWith("BAD_CONFIG", () => read(two));
  assert.equal(message.split("\n").length, 2);
});

Deno.test(".ko.yaml: what ko passes over is told, and the rest of the file holds", async () => {
  const file = await read(
    "x-all: &all {Flags: [-v], baseImage: x}\ndefaultBaseImag: x\nsomethingElse: 1\n" +
      "defaultLabels: {a: 1}\nbuilds:\n- {<<: *all, mian: x, id: 1.50}\n---\nb: [\n",
  );
  assert.deepEqual(file.builds[0]?.values.flags, ["-v"]);
  assert.equal(file.builds[0]?.id, "1.50");
  assert.deepEqual(file.defaults.labels, { a: "1" });
  const unknown = (place: string, key: string, hint = "") =>
    `.ko.yaml:${place}: found unknown field "${key}"; ${
      hint ? `did you mean "${hint}"? It is not read` : "it is not read"
    }`;
  assert.deepEqual(
    file.notes,
    [
      unknown("1:1", "x-all"),
      unknown("1:27", "baseImage", "baseImageOverrides").replace("found", "builds[0]: found"),
      unknown("2:1", "defaultBaseImag", "defaultBaseImage"),
      unknown("3:1", "somethingElse"),
      unknown("6:14", "mian", "main").replace("found", "builds[0]: found"),
      ".ko.yaml:7:1: found another document; it is not read, the first one counts",
    ],
  );
});

Deno.test(".ko.yaml: an entry with nothing in it is one with all its defaults, as in ko", async () => {
  const { builds } = await read("builds:\n-\n- id: a\n- null\n");
  assert.deepEqual(builds.map(({ id, dir, main }) => [id, dir, main]), [
    ["#0", ".", "."],
    ["a", ".", "."],
    ["#2", ".", "."],
  ]);
});

Deno.test(".ko.yaml: where it is looked for", async () => {
  await using dir = await tempDir();
  const read = async (environment: Record<string, string> = {}) => {
    const found = findKoFile(dir.path, environment);
    return found && await readKoFile(found.path, found.name);
  };
  assert.equal(await read(), undefined);
  await Deno.writeTextFile(dir.join(".ko.yaml"), "# nothing is said\n");
  assert.deepEqual((await read())?.builds, []);
  await Deno.mkdir(dir.join("conf"));
  await Deno.writeTextFile(dir.join("conf", ".ko.yaml"), "defaultBaseImage: a\n");
  await Deno.writeTextFile(dir.join("other.yaml"), "defaultBaseImage: b\n");
  const base = async (path: string) => (await read({ KO_CONFIG_PATH: path }))?.defaults.baseImage;
  assert.equal(await base("conf"), "a");
  assert.equal(await base(dir.join("other.yaml")), "b");
  for (const path of ["nowhere", "."]) {
    if (path === ".") await Deno.remove(dir.join(".ko.yaml"));
    await failsWith(
      "BAD_OPTION",
      () => base(path),
      /^Cannot use KO_CONFIG_PATH .*name a \.ko\.yaml/,
    );
  }
});
