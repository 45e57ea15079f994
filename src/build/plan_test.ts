/**
 * The plan: which binaries one run of `go build` makes, with which variables, under which names.
 * @module
 */
import assert from "node:assert/strict";
import { resolveBuildConfig } from "../config/config.ts";
import type { MainPackage } from "../go/list.ts";
import { parsePlatformSpec, type Platform } from "../oci/platform.ts";
import { executableName, goVariables, makePlan } from "./plan.ts";

const platform = (text: string): Platform => {
  const { os, architecture = "", variant } = parsePlatformSpec(text);
  return { os, architecture, ...(variant ? { variant } : {}) };
};
const main = (importPath: string, directory = "/src"): MainPackage => ({
  importPath,
  packageDirectory: `/src/${importPath}`,
  directory,
});
const { go, image } = resolveBuildConfig({ environment: {} });
const plan = (packages: readonly MainPackage[], platforms: readonly Platform[]) =>
  makePlan(go, packages.map((p) => ({ ...p, image, platforms })));

Deno.test("plan: one run for all packages of a platform and a folder", () => {
  const packages = [main("m/a"), main("m/b"), main("other/c", "/other")];
  const platforms = ["linux/amd64", "linux/arm/v7"].map(platform);
  const { images, groups } = plan(packages, platforms);
  assert.deepEqual(images.map((i) => [i.importPath, i.appName, i.platforms.length]), [
    ["m/a", "a", 2],
    ["m/b", "b", 2],
    ["other/c", "c", 2],
  ]);
  const rows = groups.map((g) => [g.platformName, g.directory, ...g.binaries.map((b) => b.file)]);
  assert.deepEqual(rows, [
    ["linux/amd64", "/src", "a", "b"],
    ["linux/amd64", "/other", "c"],
    ["linux/arm/v7", "/src", "a", "b"],
    ["linux/arm/v7", "/other", "c"],
  ]);
});

Deno.test("plan: packages that are built differently are built apart, each for its platforms", () => {
  const own = { ...image, go: { ...image.go, ldflags: ["-s"] } };
  const [amd64, arm64] = ["linux/amd64", "linux/arm64"].map(platform);
  if (amd64 === undefined || arm64 === undefined) throw new Error("platforms");
  const { groups } = makePlan(go, [
    { ...main("m/a"), image, platforms: [amd64] },
    { ...main("m/b"), image: own, platforms: [arm64, amd64] },
    { ...main("m/c"), image, platforms: [amd64] },
  ]);
  const rows = groups.map((
    g,
  ) => [g.platformName, ...g.go.ldflags, ...g.binaries.map((b) => b.file)]);
  assert.deepEqual(rows, [
    ["linux/amd64", "a", "c"],
    ["linux/amd64", "-s", "b"],
    ["linux/arm64", "-s", "b"],
  ]);
});

Deno.test("plan: files of the same name are made by different runs", () => {
  const packages = ["m/x/app", "m/y/app", "m/b", "m/z/app/v2"].map((path) => main(path));
  const { images, groups } = plan(packages, [platform("linux/amd64")]);
  assert.deepEqual(groups.map(({ part, binaries }) => [part, binaries.map((b) => b.importPath)]), [
    [0, ["m/x/app", "m/b"]],
    [1, ["m/y/app"]],
    [2, ["m/z/app/v2"]],
  ]);
  // In the image it is ko that names them.
  assert.deepEqual(images.map((i) => i.appName), ["app", "app", "b", "v2"]);
});

Deno.test("plan: a file is called as go calls it", () => {
  const cases: Record<string, string> = {
    "example.com/app": "app",
    "example.com/app/v2": "app",
    "example.com/app/v10": "app",
    "example.com/app/v1": "v1",
    "example.com/app/v0": "v0",
    "example.com/app/v02": "v02",
    "example.com/app/v2x": "v2x",
    "v2": "v2",
    "app.exe": "app.exe",
  };
  for (const [path, name] of Object.entries(cases)) {
    assert.equal(executableName(path, "linux"), name);
    assert.equal(executableName(path, "windows"), `${name}.exe`);
  }
});

Deno.test("plan: variables of go, and what beats what", () => {
  const env = { GOAMD64: "v2", CGO_ENABLED: "1", GOOS: "plan9", PATH: "/bin" };
  const cases: readonly (readonly [
    platform: string,
    environment: Record<string, string>,
    own: Record<string, string>,
    expected: Record<string, string>,
  ])[] = [
    ["linux/amd64", {}, {}, { CGO_ENABLED: "0", GOOS: "linux", GOARCH: "amd64" }],
    ["linux/amd64/v3", {}, {}, { GOAMD64: "v3" }],
    ["linux/arm/v7", {}, {}, { GOARCH: "arm", GOARM: "7" }],
    ["linux/arm/v5", {}, {}, { GOARM: "5" }],
    ["linux/arm64/v8", {}, {}, { GOARCH: "arm64" }],
    ["linux/amd64/v3", env, {}, { GOAMD64: "v2", CGO_ENABLED: "1", GOOS: "linux", PATH: "/bin" }],
    ["linux/amd64/v3", env, { GOAMD64: "v1", CGO_ENABLED: "x", GOARCH: "386" }, {
      GOAMD64: "v1",
      CGO_ENABLED: "x",
      GOARCH: "386",
    }],
  ];
  for (const [text, environment, own, expected] of cases) {
    const found = goVariables(platform(text), { environment, env: own });
    for (const [name, value] of Object.entries(expected)) assert.equal(found[name], value, text);
    assert.equal("GOARM" in found, "GOARM" in expected, text);
  }
});
