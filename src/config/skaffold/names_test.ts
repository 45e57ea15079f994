/**
 * Image names in parts, names that Skaffold cannot use, and platforms.
 * @module
 */
import assert from "node:assert/strict";
import {
  choosePlatforms,
  parseName,
  readPlatform,
  sanitizeName,
  underDefaultRepo,
} from "./names.ts";

Deno.test("default repo: names in parts", () => {
  const digest = `sha256:${"0".repeat(64)}`;
  const cases: readonly (readonly [image: string, parts: readonly string[] | undefined])[] = [
    ["app", ["app", "", "", "", ""]],
    ["ko://Example.com/A/B:V1", ["example.com/a/b", "example.com/a", "b", "V1", ""]],
    [`localhost:5000/a@${digest}`, ["localhost:5000/a", "localhost:5000", "a", "", digest]],
    ["localhost:5000", ["localhost", "", "", "5000", ""]],
    ["[::1]:80/a", ["[::1]:80/a", "[::1]:80", "a", "", ""]],
    ["a//b", undefined],
    ["-a", undefined],
    ["", undefined],
    ["a:b c", undefined],
    [`a@${digest.toUpperCase()}`, undefined],
    ["a".repeat(256), undefined],
    [`example.com/${"a".repeat(255)}`, [
      `example.com/${"a".repeat(255)}`,
      "example.com",
      "a".repeat(255),
      "",
      "",
    ]],
  ];
  for (const [image, parts] of cases) {
    const found = parseName(image);
    const { name, repo, base, tag, digest } = found ?? {};
    assert.deepEqual(found && [name, repo, base, tag, digest], parts, image);
  }
  assert.equal(sanitizeName("ko://A//b"), "A//b");
});

Deno.test("default repo: registries of many elements, when the caller says so", () => {
  const under = (image: string) => underDefaultRepo(image, "reg.example.com/x", true);
  assert.equal(under("gcr.io/team/a/b:v1"), "reg.example.com/x/gcr.io/team/a/b:v1");
  assert.equal(under("a//b"), undefined);
  assert.equal(underDefaultRepo("a//b"), "a//b");
});

const HOST = { os: "linux", arch: "amd64" };

Deno.test("platforms: one in all its spellings", () => {
  const cases: readonly (readonly [text: string, platform: string | undefined])[] = [
    ["linux/amd64", "linux/amd64"],
    ["Linux/X86_64", "linux/amd64"],
    ["linux", "linux/amd64"],
    ["windows", "windows/amd64"],
    ["macos/arm64", "darwin/arm64"],
    ["arm64", "linux/arm64"],
    ["aarch64", "linux/arm64"],
    ["linux/arm64/v8", "linux/arm64/v8"],
    ["linux/arm64/v9", "linux/arm64/v9"],
    ["linux/arm", "linux/arm"],
    ["arm", "linux/arm"],
    ["linux/arm/7", "linux/arm/v7"],
    ["linux/armhf", "linux/arm"],
    ["linux/armel", "linux/arm/v6"],
    ["linux/amd64/v1", "linux/amd64"],
    ["linux/amd64/v2", "linux/amd64/v2"],
    ["linux/i386", "linux/386"],
    ["a/b/c/d", undefined],
    ["linux/", undefined],
    ["linux/*", undefined],
  ];
  for (const [text, platform] of cases) assert.equal(readPlatform(text, HOST), platform, text);
});

Deno.test("platforms: what is left of those that are wanted", () => {
  const choose = (wanted: string[], artifact: string[]) => choosePlatforms(wanted, artifact, HOST);
  assert.deepEqual(choose([], []), []);
  assert.deepEqual(choose(["all"], []), ["all"]);
  assert.deepEqual(choose(["linux/arm/v7", "linux/386"], ["linux/arm"]), ["linux/arm/v7"]);
  assert.deepEqual(choose(["all"], ["arm64", "386"]), ["linux/arm64", "linux/386"]);
  assert.equal(choose(["linux/amd64"], ["linux/arm64"]), undefined);
});
