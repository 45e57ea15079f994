/**
 * Platforms in all their spellings, and what is left of those that are wanted.
 * @module
 */
import assert from "node:assert/strict";
import { choosePlatforms, readPlatform } from "./platforms.ts";

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
