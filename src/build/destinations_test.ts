/**
 * Names of images of a layout in a registry and in a daemon, and none for two of them.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { nameInDaemon, planLoad, planPush } from "./destinations.ts";

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const [A, B] = [digest("a"), digest("b")];

Deno.test("push names: below a repository with the name's own host taken off, or as they are", async () => {
  const image = { digest: A, name: "reg.local/team/app:v1" };
  const cases = [
    [{}, "reg.local/team/app", "v1"],
    [{ to: "other.local/x" }, "other.local/x/team/app", "v1"],
    [{ to: "other.local/x", baseImportPaths: true }, "other.local/x/app", "v1"],
    [
      { to: "other.local/x", baseImportPaths: true, preserveImportPaths: true },
      "other.local/x/team/app",
      "v1",
    ],
    [{ to: "other.local/x", bare: true, tags: ["v2"] }, "other.local/x", "v2"],
  ] as const;
  for (const [naming, repository, tag] of cases) {
    assert.deepEqual(planPush([image], naming), [{ repository, tags: [tag] }]);
  }
  assert.deepEqual(planPush([{ digest: A }], { to: "other.local/x" }), [
    { repository: "other.local/x", tags: [] },
  ]);
  // One that names a digest alone gets no tag, which might be another image's.
  const pinned = { digest: A, name: `reg.local/team/app@${A}` };
  assert.deepEqual(planPush([pinned], { to: "other.local/x" }), [
    { repository: "other.local/x/team/app", tags: [] },
  ]);
  await failsWith(
    "BAD_REFERENCE",
    () => planPush([{ digest: A, name: "app:v1" }], {}),
    /no registry/,
  );
  const two = [image, { digest: B, name: "reg.local/team/b:v1" }];
  await failsWith(
    "BAD_OPTION",
    () => planPush(two, { to: "other.local/x", bare: true }),
    /as other/,
  );
});

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

Deno.test("load names: an image of several names comes once for each, and two have none in common", async () => {
  const [a, b] = [{ digest: A }, { digest: B }];
  const name = "app:v1";
  assert.deepEqual(planLoad([a, b]), [{ ...a, name: undefined }, { ...b, name: undefined }]);
  const twice = [{ ...a, name }, { ...a, name: "docker.io/library/app:v1" }, {
    ...b,
    name: "b:v1",
  }];
  assert.deepEqual(planLoad(twice), [{ ...a, name }, { ...b, name: "b:v1" }]);
  const both = new RegExp(`two images as \\S*app:v1: they are ${A} and ${B}`);
  const bad = (first: string, second: string, domain?: string) =>
    failsWith(
      "BAD_OPTION",
      () => planLoad([{ ...a, name: first }, { ...b, name: second }], domain),
      both,
    );
  await bad(name, name);
  await bad(name, "docker.io/library/app:v1");
  await bad("one.example/app:v1", "two.example/app:v1", "dev.local");
});
