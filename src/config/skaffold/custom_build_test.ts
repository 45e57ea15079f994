/**
 * The variables of Skaffold's custom builder.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../../test/support/fails.ts";
import { readCustomBuild } from "./custom_build.ts";

Deno.test("custom builder: everything that Skaffold says", () => {
  const asked = readCustomBuild({
    IMAGE: "127.0.0.1:5001/team/app:v1-dirty",
    PUSH_IMAGE: "true",
    PLATFORMS: "linux/amd64,linux/arm/v7",
    BUILD_CONTEXT: "/src/app",
  });
  assert.deepEqual(asked, {
    name: "127.0.0.1:5001/team/app",
    tag: "v1-dirty",
    push: true,
    platforms: ["linux/amd64", "linux/arm/v7"],
    context: "/src/app",
  });
});

Deno.test("custom builder: what Skaffold leaves open", () => {
  const asked = { name: "app", tag: "latest", push: false, platforms: [], context: undefined };
  assert.deepEqual(readCustomBuild({ IMAGE: "app", PLATFORMS: "" }), asked);
  assert.deepEqual(readCustomBuild({ IMAGE: "app:latest", PUSH_IMAGE: "false" }), asked);
});

Deno.test("custom builder: what cannot be is refused in one line", async () => {
  const digest = `sha256:${"0".repeat(64)}`;
  await failsWith("BAD_OPTION", () => readCustomBuild({}), /IMAGE is not set, which Skaffold sets/);
  await failsWith("BAD_OPTION", () => readCustomBuild({ IMAGE: "" }), /IMAGE is not set/);
  await failsWith("BAD_REFERENCE", () => readCustomBuild({ IMAGE: "Up:v1" }), /lower-case/);
  const withDigest = () => readCustomBuild({ IMAGE: `app:v1@${digest}` });
  await failsWith("BAD_REFERENCE", withDigest, /has no digest yet/);
  const odd = () => readCustomBuild({ IMAGE: "app", PUSH_IMAGE: "yes" });
  await failsWith("BAD_OPTION", odd, /PUSH_IMAGE "yes": it has to be true or false/);
});
