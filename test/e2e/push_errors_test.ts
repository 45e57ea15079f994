/**
 * Pushes and copies that fail: what could not be done, to which place, why, and what helps; and of a
 * blob that is damaged or not there, of which image it is, and where.
 * @module
 */
import assert from "node:assert/strict";
import { startSecuredRegistry } from "../parts/secured_registry.ts";
import { needs } from "../parts/tools.ts";
import { assertFails } from "../support/failure.ts";
import { imageGraph, layoutWith } from "../support/image_graph.ts";
import { kodeno } from "../support/kodeno.ts";
import { tempDir } from "../support/temp.ts";

const one = imageGraph("one");
const layer = one.shared.descriptor.digest;

Deno.test({
  name: "push: who is not logged in is told of the push, the place and the login",
  ...needs("docker-registry"),
  fn: async () => {
    await using dir = await tempDir();
    await layoutWith(dir, "out", { "app:v1": one });
    await using registry = await startSecuredRegistry({ password: true });
    const env = { DOCKER_CONFIG: dir.join("docker"), REGISTRY_AUTH_FILE: "" };
    const next = `not logged in (401); run "kodeno login ${registry.host}"`;
    const pushed = `Error: Cannot push to ${registry.host}/x/app: ${next}\n`;
    const lines = {
      [`push out --to ${registry.host}/x`]: pushed,
      [`push out --to ${registry.host}/x --dry-run`]: pushed,
      [`copy oci:out ${registry.host}/x/app:v1`]: pushed,
      [`pull ${registry.host}/x/app:v1`]: `Error: Cannot find ${registry.host}/x/app:v1: ${next}\n`,
    };
    for (const [line, stderr] of Object.entries(lines)) {
      const outcome = await kodeno(line.split(" "), { cwd: dir.path, env });
      assert.deepEqual([outcome.code, outcome.stderr], [1, stderr], line);
    }
  },
});

Deno.test("push: a registry that does not answer is told of as one that was pushed to", async () => {
  await using dir = await tempDir();
  await layoutWith(dir, "out", { "app:v1": one });
  const message = /^Cannot push to 127\.0\.0\.1:9\/x\/app: 127\.0\.0\.1:9 did not answer: /;
  for (
    const place of [["push", "out", "--to", "127.0.0.1:9/x"], [
      "copy",
      "oci:out",
      "127.0.0.1:9/x/app:v1",
    ]]
  ) {
    await assertFails(dir, place, { code: 1, message });
  }
});

Deno.test("copy: a damaged blob names its image and its place, and so does one that is away", async () => {
  await using dir = await tempDir();
  await layoutWith(dir, "out", { "app:v1": one });
  const path = dir.join("out/blobs/sha256", layer.slice("sha256:".length));
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, bytes.map((byte, i) => i === 0 ? byte ^ 1 : byte));
  const lines = ["copy oci:out oci:other", "copy oci:out archive:a.tar", "merge other out"];
  const damaged = RegExp(
    `^Cannot use blob ${layer} of layout out: its content has digest sha256:\\w+; image app:v1 of ` +
      "layout out is damaged or was changed: build it or bring it there again$",
  );
  for (const line of lines) await assertFails(dir, line.split(" "), { code: 1, message: damaged });
  const untrusted = RegExp(`^Cannot trust app:v1 of out: .*blob ${layer} of layout out: `);
  const { code, stderr } = await kodeno(["verify", "out"], { cwd: dir.path });
  assert.equal(code, 1);
  assert.match(stderr, RegExp(untrusted.source.replace("^", "^Error: "), "m"));
  await Deno.remove(path);
  const away = RegExp(`^Cannot find blob ${layer} in layout out; image app:v1 needs it`);
  for (const line of lines) await assertFails(dir, line.split(" "), { code: 1, message: away });
});
