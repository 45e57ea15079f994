/**
 * Names in a daemon: below a domain, for an index that was written flat, and never one for two images.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { nameInDaemon, planLoad } from "./load_names.ts";

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const [A, B] = [digest("a"), digest("b")];
const on = (architecture: string) => ({ os: "linux", architecture });

Deno.test("load names: a domain takes the place of the registry's host", () => {
  const cases: Record<string, string> = {
    "app:v1": "dev.local/app:v1",
    "app": "dev.local/app:latest",
    "reg.example:5000/team/app:v1": "dev.local/team/app:v1",
    "docker.io/library/app:v1": "dev.local/app:v1",
    "dev.local/team/app:v1": "dev.local/team/app:v1",
    "dev.localhost/app:v1": "dev.local/app:v1",
  };
  for (const [name, named] of Object.entries(cases)) {
    assert.equal(nameInDaemon(name, "dev.local"), named);
  }
  assert.equal(
    nameInDaemon("reg.example:5000/team/app", undefined),
    "reg.example:5000/team/app:latest",
  );
  assert.equal(nameInDaemon("reg.example/app:v1", "dev.local/team"), "dev.local/team/app:v1");
});

Deno.test("load names: what differs in the platform alone is one image, all else are two", async () => {
  const [a, b] = [{ digest: A, platform: on("amd64") }, { digest: B, platform: on("arm64") }];
  const same = { digest: B, platform: on("amd64") };
  const name = "app:v1";
  assert.deepEqual(planLoad([a, b]), [{ images: [a, b] }]);
  assert.deepEqual(planLoad([a, same]), [{ images: [a] }, { images: [same] }]);
  assert.deepEqual(planLoad([{ digest: A }, b]), [{ images: [{ digest: A }] }, { images: [b] }]);
  assert.deepEqual(planLoad([{ ...a, name }, { ...b, name }]), [
    { name, images: [{ ...a, name }, { ...b, name }] },
  ]);
  const twice = planLoad([{ ...a, name }, { ...a, name: "docker.io/library/app:v1" }]);
  assert.deepEqual(twice, [{ name, images: [{ ...a, name }] }]);
  const both = new RegExp(`two images as \\S*app:v1: they are ${A} and ${B}`);
  const bad = (first: string, second: string, domain?: string) =>
    failsWith(
      "BAD_OPTION",
      () => planLoad([{ ...a, name: first }, { ...same, name: second }], domain),
      both,
    );
  await bad(name, name);
  await bad(name, "docker.io/library/app:v1");
  await bad("one.example/app:v1", "two.example/app:v1", "dev.local");
});
