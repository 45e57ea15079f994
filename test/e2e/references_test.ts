/**
 * What images and places are called by people: by the last part of a name, by a path, and as other
 * tools write them.
 * @module
 */
import assert from "node:assert/strict";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { imageGraph, layoutWith } from "../support/image_graph.ts";
import { assertFails } from "../support/failure.ts";
import { done } from "../support/kodeno.ts";
import { entriesOf, imageNames } from "../support/layout.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const one = imageGraph("one");
const two = imageGraph("two");
const three = imageGraph("three");
const DIGEST = one.root.descriptor.digest;

async function layouts(): Promise<TempDir> {
  const dir = await tempDir();
  await layoutWith(dir, "out", {
    "reg.test/team/worker:v1": one,
    "reg.test/team/worker:v2": two,
    "reg.test/a/api:v1": two,
    "reg.test/b/api:v1": three,
    "tool:v3": three,
  });
  return dir;
}

Deno.test("references: the last part of a name is enough where it is of one image", async () => {
  await using dir = await layouts();
  const names = ["worker:v1", "team/worker:v1", "reg.test/team/worker:v1", `worker:v1@${DIGEST}`];
  for (const name of [...names, `reg.test/team/worker:v1@${DIGEST}`]) {
    const [image] = JSON.parse(`[${await done(dir, ["inspect", "out", name, "--json"])}]`);
    assert.deepEqual([image.name, image.digest], ["reg.test/team/worker:v1", DIGEST], name);
  }
  assert.match(await done(dir, ["inspect", "out", "tool"]), /^tool:v3 /);
  await done(dir, ["copy", "oci:out:worker:v1", "oci:other"]);
  assert.deepEqual(await imageNames(dir.join("other")), ["reg.test/team/worker:v1"]);
  assert.match(await done(dir, ["tag", "out", "worker:v2", "kept:v2"]), /^kept:v2@/);
  const removed = await done(dir, ["rm", "out", "worker"]);
  assert.deepEqual(removed.match(/worker:v\d/g), ["worker:v1", "worker:v2"]);
  assert.equal((await entriesOf(dir.join("out"))).length, 4);
});

Deno.test({
  name: "references: the last part of a name without a tag pushes all its tags",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await layouts();
    await using registry = await startRegistry();
    const pushed = await done(dir, ["push", "out", "worker", "--to", registry.host]);
    assert.deepEqual(pushed.match(/team\/worker:v\d/g), ["team/worker:v1", "team/worker:v2"]);
  },
});

/** Command lines, their exit codes, and what is said. */
const WRONG: readonly (readonly [line: string, code: 1 | 2, message: RegExp])[] = [
  [
    "inspect out api:v1",
    2,
    /^Cannot tell which image is meant by "api:v1" in layout out: .*a\/api:v1, .*b\/api:v1; say one/,
  ],
  ["rm out api", 2, /^Cannot tell which image is meant by "api" in layout out: /],
  ["push out --image api --to reg.test/x", 2, /^Cannot tell which image is meant by "api" in/],
  ["inspect out worker", 2, /^Cannot tell which .* "worker" .*worker:v1, .*worker:v2; say one of/],
  ["inspect out wroker", 1, /^Cannot find image "wroker" .*; did you mean "worker"\?$/],
  ["inspect out orker:v1", 1, /^Cannot find image "orker:v1"/],
  ["rm out worker:v3", 1, /^Cannot remove "worker:v3" .*; did you mean "worker:v1"\?$/],
  [
    `inspect out worker:v2@${DIGEST}`,
    1,
    /^Cannot find image "worker:v2" in layout out: it has reg\.test\/team\/worker:v1/,
  ],
  ["inspect out docker://reg.test/a/api:v1", 2, /leave "docker:\/\/" out$/],
  ["copy docker://reg.test/x:v1 oci:x", 2, /^Cannot use image name .*: leave "docker:\/\/" out$/],
  ["copy http://reg.test/x:v1 oci:x", 2, /leave "http:\/\/" out$/],
  ["copy oci:out:tool https://reg.test/x", 2, /leave "https:\/\/" out$/],
  ["pull https://reg.test/x:v1", 2, /leave "https:\/\/" out$/],
  ["push out --to https://reg.test", 2, /leave "https:\/\/" out$/],
  ["verify https://reg.test/x:v1", 2, /leave "https:\/\/" out$/],
  [
    "copy oci://reg.test/x:v1 oci:x",
    2,
    /leave "oci:\/\/" out of what is in a registry; oci:DIR is/,
  ],
  ["copy docker-daemon:app:v1 oci:x", 2, /: say daemon:app:v1$/],
  ["copy docker-archive:x.tar oci:x", 2, /: say archive:x\.tar$/],
  [
    "copy out x",
    2,
    /^Cannot use place "out": it is a path; say oci:out, or docker\.io\/library\/out for an image/,
  ],
  ["copy out:tool oci:x", 2, /it is a path; say oci:out:tool, or docker\.io/],
  ["copy ./out oci:x", 2, /^Cannot use place ".\/out": it is a path; say oci:\.\/out$/],
  ["copy oci:out:tool out", 2, /it is a path; say oci:out, or/],
  ["copy file.tar oci:x", 2, /it is a path; say archive:file\.tar, or/],
  ["copy ../none oci:x", 2, /say oci:\.\.\/none for a layout, archive:\.\.\/none for an archive$/],
  [
    "push nosuch",
    2,
    /^Cannot use nosuch as an OCI layout: there is no such file or folder; name a/,
  ],
  ["ls otu", 2, /there is no such file or folder; did you mean "out"\?$/],
  ["ls ./sub/fiel.tar", 2, /did you mean "\.?\/?sub\/file\.tar"\?$/],
];

Deno.test("references: what is no name here is told, with what to say", async () => {
  await using dir = await layouts();
  await dir.write("file.tar", "");
  await dir.write("sub/file.tar", "");
  for (const [line, code, message] of WRONG) {
    await assertFails(dir, line.split(" "), { code, message });
  }
});
