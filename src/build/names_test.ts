/**
 * Names of images: ko's, those in a registry and in a daemon, and none for two images.
 * @module
 */
import assert from "node:assert/strict";
import type { Naming } from "../config/config.ts";
import { failsWith } from "../../test/support/fails.ts";
import { nameInDaemon, planLoad, planNames, planPush } from "./names.ts";

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const [A, B] = [digest("a"), digest("b")];
const on = (architecture: string) => ({ os: "linux", architecture });

Deno.test("names: each way to name makes ko's names", () => {
  // The first is the example of ko's own documentation.
  const paths = ["github.com/google/ko/test", "Example.com/Cmd/Server"];
  const cases: readonly (readonly [string, Naming, readonly string[]])[] = [
    ["reg.local/team", "md5", [
      "reg.local/team/test-46c4b272b3716c422d5ff6dfc7547fa9",
      // Of the lower-cased path.
      "reg.local/team/server-23d106887450b01279f2afc9a2f91984",
    ]],
    ["reg.local/team", "base", ["reg.local/team/test", "reg.local/team/server"]],
    ["reg.local", "full", [
      "reg.local/github.com/google/ko/test",
      "reg.local/example.com/cmd/server",
    ]],
    ["", "full", ["github.com/google/ko/test", "example.com/cmd/server"]],
    ["", "short", ["test", "server"]],
  ];
  for (const [repository, naming, expected] of cases) {
    const names = planNames(paths, { repository, naming });
    assert.deepEqual([...names], paths.map((path, i) => [path, expected[i]]));
  }
  const bare = planNames(["example.com/x"], { repository: "reg.local/x", naming: "bare" });
  assert.equal(bare.get("example.com/x"), "reg.local/x");
});

Deno.test("names: short ones that would be the same get the md5", () => {
  const paths = ["example.com/a/server", "example.com/b/Server", "example.com/c"];
  assert.deepEqual([...planNames(paths, { repository: "", naming: "short" }).values()], [
    "server-a624783a4cec426f708c2942ddee61f8",
    "server-f96368e3caa99e0d5132f9e40c3f9042",
    "c",
  ]);
});

Deno.test("names: no two images get one", async () => {
  const cases: readonly (readonly [string, Naming, readonly string[]])[] = [
    ["reg.local/x", "bare", ["example.com/a", "example.com/b"]],
    ["reg.local/x", "base", ["example.com/a/server", "example.com/b/server"]],
    ["", "full", ["example.com/A", "example.com/a"]],
    ["", "short", ["example.com/A", "example.com/a"]],
  ];
  for (const [repository, naming, paths] of cases) {
    const work = () => planNames(paths, { repository, naming });
    const { message } = await failsWith("BAD_OPTION", work, /^Cannot name both /);
    for (const path of paths) assert.ok(message.includes(path), message);
  }
});

Deno.test("names: an import path that makes no valid name is refused", async () => {
  const path = "example.com/a/my~app";
  for (const naming of ["base", "full", "md5"] as const) {
    const work = () => planNames([path], { repository: "reg.local", naming });
    await failsWith("BAD_REFERENCE", work, /may hold only lower-case/);
  }
});

Deno.test("push names: below a repository with the name's own host taken off, or as they are", async () => {
  const image = { digest: A, name: "reg.local/team/app:v1", tag: "v1" };
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
