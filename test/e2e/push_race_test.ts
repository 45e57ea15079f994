/**
 * Pushes that meet: two of one layout at once, and one of a layout that is being built again.
 * @module
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { goModule, printer } from "../support/go_module.ts";
import { blob, image, pushAll } from "../support/image_graph.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { done } from "../support/kodeno.ts";
import { assertClean, entriesOf } from "../support/layout.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const AT_ONCE = 4;
const PUSHES = 8;

/** What a push printed, by name. */
function references(stdout: string): readonly string[] {
  return stdout.trim().split("\n").sort();
}

/** A layout of images that share a layer, with layers that take a moment to send. */
async function manyImages(dir: TempDir): Promise<string> {
  const layout = await openLayout(dir.join("many"), { create: true });
  const shared = blob(new Uint8Array(randomBytes(2_000_000)));
  for (const name of ["a", "b", "c"]) {
    const own = blob(new Uint8Array(randomBytes(1_000_000)));
    const { manifest, config } = image({ os: "linux", architecture: "amd64" }, [shared, own]);
    await pushAll(layout, [shared, own, config, manifest]);
    await layout.tag(manifest.descriptor, `${name}:v1`);
  }
  return layout.directory;
}

/** Brings what a registry has back, and checks every byte of it. */
async function assertThere(dir: TempDir, from: string, to: string): Promise<void> {
  await done(dir, ["pull", from, "--oci-layout", to]);
  await assertClean(dir.join(to));
}

Deno.test({
  name: "push: several of one layout at once, and all of it is there",
  ...needs("docker-registry"),
  async fn() {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    const layout = await manyImages(dir);
    for (const repository of ["one", "two/deep"]) {
      const to = `${registry.host}/${repository}`;
      const pushes = Array.from({ length: AT_ONCE }, () => done(dir, ["push", layout, "--to", to]));
      const [first = [], ...others] = (await Promise.all(pushes)).map(references);
      assert.equal(first.length, 3);
      for (const other of others) assert.deepEqual(other, first);
      for (const [i, reference] of first.entries()) {
        const [, name] = reference.split(/\s+/).at(-1)?.match(/^(.*)@sha256:/) ?? [];
        await assertThere(dir, name ?? "", `${repository}-${i}`);
      }
    }
  },
});

Deno.test({
  name: "push: of a layout that is being built again, what is told is whole",
  ...needs("docker-registry"),
  async fn() {
    await using dir = await tempDir();
    await using registry = await startRegistry();
    await goModule(dir, "example.com/app", { "main.go": printer("app") });
    const build = async (turn: number) => {
      await dir.write("kodata/turn", `${turn}`.padEnd(100_000, "x"));
      await done(dir, ["build", ".", "--oci-layout", "out", "--bare"], { KO_DOCKER_REPO: "app" });
    };
    await build(0);
    let over = false;
    const building = (async () => {
      for (let turn = 1; !over; turn++) {
        await build(turn);
        // What the build before left is garbage by now, unless a push counts on it.
        await done(dir, ["gc", "out", "--prune-now"]);
      }
    })();
    const to = `${registry.host}/app`;
    const told: string[] = [];
    try {
      for (let i = 0; i < PUSHES; i++) told.push(await done(dir, ["push", "out", "--to", to]));
    } finally {
      over = true;
      await building;
    }
    const digests = new Set(told.map((line) => /@(sha256:[0-9a-f]{64})$/.exec(line)?.[1] ?? line));
    assert.ok(digests.size > 1, "it was not built again in the meantime");
    for (const [i, digest] of [...digests].entries()) {
      const repository = told.find((line) => line.endsWith(digest))?.replace(/:[^:/]*@.*$/, "");
      await assertThere(dir, `${repository}@${digest}`, `told-${i}`);
    }
    const last = await done(dir, ["push", "out", "--to", to]);
    const [entry] = await entriesOf(dir.join("out"));
    assert.ok(last.endsWith(`@${entry?.digest}`), last);
  },
});
