/**
 * Platforms: what can be asked for, how it is printed, and what of a base it picks.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import {
  choiceMatches,
  formatPlatform,
  parsePlatformChoice,
  parsePlatformSpec,
  type Platform,
  platformMatches,
} from "./platform.ts";

Deno.test("platform: reads what Go can build for", () => {
  const cases: Record<string, readonly (string | undefined)[]> = {
    "linux": ["linux", undefined, undefined, undefined],
    "linux/amd64": ["linux", "amd64", undefined, undefined],
    " linux/arm/v7 ": ["linux", "arm", "v7", undefined],
    "linux/amd64/v3": ["linux", "amd64", "v3", undefined],
    "linux/arm64/v8": ["linux", "arm64", "v8", undefined],
    "windows/amd64:10.0.20348": ["windows", "amd64", undefined, "10.0.20348"],
    "windows:10.0.20348.1726": ["windows", undefined, undefined, "10.0.20348.1726"],
    "windows/amd64:": ["windows", "amd64", undefined, undefined],
    "wasip1/wasm": ["wasip1", "wasm", undefined, undefined],
  };
  for (const [text, expected] of Object.entries(cases)) {
    const { os, architecture, variant, osVersion } = parsePlatformSpec(text);
    assert.deepEqual([os, architecture, variant, osVersion], expected, text);
  }
});

Deno.test("platform: refuses the rest, and lists what there is", async () => {
  const cases: Record<string, RegExp> = {
    "": /no os "".*linux/,
    "Linux": /no os "Linux"/,
    "toString": /no os "toString"/,
    "amd64": /no os "amd64"/,
    "linux/z80": /no architecture "z80" for linux; known are .*amd64/,
    "darwin/386": /no architecture "386" for darwin.*amd64, arm64/,
    "linux/": /no architecture ""/,
    "linux/arm/v4": /arm has no variant "v4".*v5, v6, v7/,
    "linux/arm64/v7": /arm64 has no variant "v7"/,
    "linux/s390x/v1": /s390x has no variant "v1".*leave it out/,
    "linux/arm/v7/x": /too many parts/,
    "windows/amd64:1:2": /too many parts/,
  };
  for (const [text, why] of Object.entries(cases)) {
    const { message } = await failsWith("BAD_PLATFORM", () => parsePlatformSpec(text), why);
    assert.ok(message.includes(JSON.stringify(text)), message);
  }
});

Deno.test("platform: what there is may be for more than Go knows", async () => {
  const spec = { os: "linux", architecture: "sparc64", variant: "v9", osVersion: "1" };
  assert.deepEqual(parsePlatformChoice("linux/sparc64/v9:1"), spec);
  for (const text of ["", "linux/", "/amd64", "linux//v7", "linux/arm/v7/x", "linux:1:2"]) {
    await failsWith("BAD_PLATFORM", () => parsePlatformChoice(text), /say os\[\/arch/);
  }
});

Deno.test("platform: says which one is meant by what others call it", async () => {
  const cases: Record<string, string> = {
    "amd64": "linux/amd64",
    "x86_64": "linux/amd64",
    "linux/aarch64": "linux/arm64",
    "linux-amd64": "linux/amd64",
    "LINUX/AMD64": "linux/amd64",
    "linux/arm/7": "linux/arm/v7",
    "armv7": "linux/arm/v7",
    "arm64/v8": "linux/arm64/v8",
    "linx/amd46": "linux/amd64",
    "macos/arm64": "darwin/arm64",
    "win64": "windows",
  };
  for (const [text, meant] of Object.entries(cases)) {
    const hint = RegExp(`; did you mean "${meant}"\\?$`);
    await failsWith("BAD_PLATFORM", () => parsePlatformSpec(text), hint);
  }
});

Deno.test("platform: prints as Docker and ko do", () => {
  const cases: readonly (readonly [Platform, string])[] = [
    [{ os: "linux", architecture: "amd64" }, "linux/amd64"],
    [{ os: "linux", architecture: "arm", variant: "v6" }, "linux/arm/v6"],
    [{ os: "linux", architecture: "arm", variant: "" }, "linux/arm"],
    [
      { os: "windows", architecture: "amd64", "os.version": "10.0.1.2" },
      "windows/amd64:10.0.1.2",
    ],
    // As images say it that have no programs.
    [{ os: "", architecture: "" }, "/"],
    [{ os: "linux", architecture: "" }, "linux/"],
  ];
  for (const [platform, text] of cases) assert.equal(formatPlatform(platform), text);
});

Deno.test("platform: what is left out matches anything, the rest has to be equal", () => {
  const have: Record<string, Platform> = {
    amd64: { os: "linux", architecture: "amd64" },
    arm7: { os: "linux", architecture: "arm", variant: "v7" },
    arm: { os: "linux", architecture: "arm" },
    arm64: { os: "linux", architecture: "arm64", variant: "v8" },
    bare64: { os: "linux", architecture: "arm64" },
    ltsc: { os: "windows", architecture: "amd64", "os.version": "10.0.20348.1726" },
    other: { os: "windows", architecture: "amd64", "os.version": "10.0.2034.1" },
    five: { os: "windows", architecture: "amd64", "os.version": "10.0.20348.1.2" },
  };
  const cases: Record<string, readonly string[]> = {
    "linux": ["amd64", "arm7", "arm", "arm64", "bare64"],
    "linux/arm": ["arm7", "arm"],
    "linux/arm/v7": ["arm7"],
    "linux/s390x": [],
    "linux/arm64": ["arm64", "bare64"],
    "linux/arm64/v8": ["arm64"],
    "linux/amd64/v1": [],
    "windows/amd64": ["ltsc", "other", "five"],
    "windows/amd64:10.0.20348": ["ltsc"],
    "windows/amd64:10.0.20348.1726": ["ltsc"],
    // Only three parts stand for any build of a version.
    "windows/amd64:10.0": [],
    "windows/amd64:10.0.2034": ["other"],
    "linux/amd64:1.2.3": [],
  };
  for (const [text, expected] of Object.entries(cases)) {
    const spec = parsePlatformSpec(text);
    const found = Object.keys(have).filter((name) => {
      const platform = have[name];
      return platform !== undefined && platformMatches(spec, platform);
    });
    assert.deepEqual(found, expected, text);
  }
});

Deno.test("platform: a variant that goes without saying is the one that is chosen", () => {
  const cases: readonly (readonly [asked: string, Platform, boolean])[] = [
    ["linux/arm64/v8", { os: "linux", architecture: "arm64" }, true],
    ["linux/arm64", { os: "linux", architecture: "arm64", variant: "v8" }, true],
    ["linux/amd64/v1", { os: "linux", architecture: "amd64", variant: "" }, true],
    ["linux/amd64/v2", { os: "linux", architecture: "amd64" }, false],
    ["linux/arm/v7", { os: "linux", architecture: "arm" }, false],
  ];
  for (const [asked, have, expected] of cases) {
    assert.equal(choiceMatches(parsePlatformChoice(asked), have), expected, asked);
  }
});
