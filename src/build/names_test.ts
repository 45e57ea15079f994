/**
 * Names of built images: ko's, and none for two images.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import type { Naming } from "../config/config.ts";
import { planNames } from "./names.ts";

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
