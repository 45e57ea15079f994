/**
 * Equal to ko: bases of other shapes, and each flag and variable that shapes an image, on one small
 * program with a kodata folder.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { needs } from "../parts/tools.ts";
import type { BaseName } from "./bases.ts";
import type { Leave } from "./images.ts";
import { addKodata } from "./kodata.ts";
import { type Lab, openLab } from "./lab.ts";
import { bringModule, SMALL } from "./programs.ts";

interface Case {
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly base?: BaseName;
  readonly leave?: Leave;
  /** What has to come out, in its order; default `linux/amd64`. */
  readonly platforms?: readonly string[];
}

const PACKAGE = "cmd/tomlv";
/** What the linker is to set. */
const VERSION = 'package main\n\nvar version = "dev"\n\nfunc init() { println(version) }\n';
/** What is built with a tag only. */
const TAGGED = "//go:build special\n\npackage main\n\nfunc init() { println(1) }\n";

const BASES: Readonly<Record<string, Case>> = {
  "Docker's media types, and every platform of a list": {
    base: "docker",
    flags: ["--platform=all"],
    leave: { asGoWrites: true },
    platforms: [
      ...["linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8", "linux/amd64/v3"],
    ],
  },
  "Docker's media types, and one platform of a list": {
    base: "docker",
    flags: ["--platform=linux/arm64"],
    leave: { asGoWrites: true },
    platforms: ["linux/arm64/v8"],
  },
  "no index, no PATH, no time": { base: "plain" },
  "a config without a platform": { base: "nameless", platforms: [""] },
  "one platform of an index": { flags: ["--platform=linux/arm64"], platforms: ["linux/arm64"] },
  "Windows": {
    base: "windows",
    flags: ["--platform=windows/amd64"],
    env: { KO_DATA_DATE_EPOCH: "1600000000" },
    platforms: ["windows/amd64"],
  },
  "Windows of a version": {
    base: "windows",
    flags: ["--platform=windows/amd64:10.0.20348"],
    platforms: ["windows/amd64"],
  },
  "Windows with a foreign layer": {
    base: "nanoserver",
    flags: ["--platform=windows/amd64"],
    platforms: ["windows/amd64"],
  },
  "Windows beside Linux": {
    base: "windows",
    flags: ["--platform=windows,linux"],
    platforms: ["linux/amd64", "windows/amd64"],
  },
};

const OPTIONS: Readonly<Record<string, Case>> = {
  "SOURCE_DATE_EPOCH": { env: { SOURCE_DATE_EPOCH: "1700000000" } },
  "SOURCE_DATE_EPOCH of 1970": { env: { SOURCE_DATE_EPOCH: "0" } },
  "KO_DATA_DATE_EPOCH": { env: { KO_DATA_DATE_EPOCH: "1600000000" } },
  "KO_DATA_DATE_EPOCH before 1970, and the other one": {
    env: { KO_DATA_DATE_EPOCH: "-1", SOURCE_DATE_EPOCH: "1700000001" },
  },
  "--image-label": {
    flags: [
      "--image-label=one=1,two=2",
      "--image-label=equation=a=b",
      '--image-label="list=1,2,3",empty=',
      "--image-label=shared.label=of the build,one=again",
      "--image-label=\u00e9=<&>",
    ],
  },
  "--image-annotation": {
    flags: ["--image-annotation=one=1,two=a=b", '--image-annotation="list=1,2",example.base=mine'],
  },
  "--image-user": { flags: ["--image-user=1000:1000"] },
  "--ldflags -s -w": { flags: ["--ldflags=-s -w"] },
  "--ldflags -s,-w and more of them": {
    flags: ["--ldflags=-s,-w", "--ldflags=-X main.version=1.2.3"],
  },
  "--ldflags -X with a blank": { flags: ["--ldflags=-X 'main.version=1.2 beta'"] },
  "--disable-optimizations": { flags: ["--disable-optimizations"] },
  "-tags in GOFLAGS": { env: { GOFLAGS: "-buildvcs=false -tags=special" } },
  "CGO_ENABLED=1": { env: { CGO_ENABLED: "1" } },
  "GOAMD64": { env: { GOAMD64: "v3" } },
  "GOOS and GOARCH": { env: { GOOS: "linux", GOARCH: "s390x" }, platforms: ["linux/s390x"] },
  "GOARM": { env: { GOOS: "linux", GOARCH: "arm", GOARM: "7" }, platforms: ["linux/arm/v7"] },
  "KO_DEFAULTPLATFORMS, in another order than the base's": {
    env: { KO_DEFAULTPLATFORMS: "linux/arm64 linux/s390x" },
    platforms: ["linux/s390x", "linux/arm64"],
  },
  "--platform linux": {
    flags: ["--platform=linux"],
    platforms: ["linux/s390x", "linux/amd64", "linux/arm/v7", "linux/arm64"],
  },
};

async function bringProgram(lab: Lab): Promise<string> {
  const folder = lab.dir.join("work");
  await bringModule(SMALL, folder);
  await addKodata(join(folder, PACKAGE));
  await Deno.writeTextFile(join(folder, PACKAGE, "version.go"), VERSION);
  await Deno.writeTextFile(join(folder, PACKAGE, "tagged.go"), TAGGED);
  return folder;
}

async function compareCase(lab: Lab, cwd: string, name: string, one: Case): Promise<string> {
  const { base = "multi", flags = [], env = {}, leave = {}, platforms = ["linux/amd64"] } = one;
  const build = { base, patterns: [`./${PACKAGE}`], flags, env, cwd };
  const [image] = (await lab.compare(build, leave)).values();
  assert.ok(image);
  assert.deepEqual(image.platforms.map((p) => p.name), platforms, name);
  return JSON.stringify(image);
}

for (const [what, cases] of Object.entries({ bases: BASES, options: OPTIONS })) {
  Deno.test({
    name: `equal to ko: ${what}`,
    ...needs("docker-registry"),
    async fn(t) {
      await using lab = await openLab();
      const cwd = await bringProgram(lab);
      // With nothing asked for; also what shows that an option does something at all.
      const seen = new Set([await compareCase(lab, cwd, "nothing", {})]);
      for (const [name, one] of Object.entries(cases)) {
        await t.step(name, async () => {
          const image = await compareCase(lab, cwd, name, one);
          assert.ok(!seen.has(image), `${name} made the same as another case`);
          seen.add(image);
        });
      }
    },
  });
}
