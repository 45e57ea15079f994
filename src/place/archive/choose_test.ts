/**
 * Which image of several platforms a platform asks for, and when it does not tell.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../../test/support/fails.ts";
import { parsePlatformSpec } from "../../oci/platform.ts";
import { onlyMatch } from "./choose.ts";

const image = (os: string, architecture: string, variant?: string) => ({
  platform: { os, architecture, ...(variant ? { variant } : {}) },
});
const [ARM, V6, V7] = [
  image("linux", "arm"),
  image("linux", "arm", "v6"),
  image("linux", "arm", "v7"),
];
const match = (text: string, ...images: ReturnType<typeof image>[]) =>
  onlyMatch([image("windows", "arm64"), {}, ...images], parsePlatformSpec(text), "load x");

Deno.test("choose: the image that a platform asks for, and no other in its place", () => {
  assert.equal(match("linux/arm", V7), V7);
  assert.equal(match("linux/arm/v7", V6, V7), V7);
  assert.equal(match("linux/arm", V6, ARM), ARM);
  assert.equal(match("linux/arm/v5", V6, V7), undefined);
  assert.equal(match("linux", V6, V6), V6);
  assert.equal(match("linux/arm64", V6), undefined);
});

Deno.test("choose: a platform that leaves open which image is meant is refused", async () => {
  const several = /Cannot load x: linux\/arm may be linux\/arm\/v6, linux\/arm\/v7; say which one/;
  await failsWith("BAD_PLATFORM", () => match("linux/arm", V6, V7), several);
  await failsWith("BAD_PLATFORM", () => match("linux", V6, image("linux", "amd64")), /say which/);
});
