/**
 * `kill -9` in the middle of pushes and pulls over a slow network: whatever the moment, registry and
 * layout hold nothing that does not verify, and the next run moves only what is missing.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copy } from "../../src/content/copy.ts";
import { verify } from "../../src/content/check.ts";
import { hasSuccessors } from "../../src/content/walk.ts";
import { MediaType } from "../../src/oci/descriptor.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import { openRegistry } from "../../src/place/registry/registry.ts";
import type { Target } from "../../src/content/places.ts";
import { type FaultProxy, type Seen, startFaultProxy } from "../parts/fault_proxy.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { type Blob, blob, image, index, pushAll } from "../support/image_graph.ts";
import { kodeno, spawnKodeno } from "../support/kodeno.ts";
import { assertClean, assertSound } from "../support/layout.ts";
import { until } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const ROUNDS = 16;
const LAYER_BYTES = 1_500_000;
const SLOW_MS = 8;

/** An image of two platforms with six layers that do not compress. */
function slowImage(): { readonly blobs: readonly Blob[]; readonly root: Blob } {
  const layers = Array.from({ length: 6 }, (_, i) => {
    const bytes = new Uint8Array(LAYER_BYTES);
    for (let at = 0; at < bytes.length; at += 32) {
      bytes.set(
        createHash("sha256").update(`${i} ${at}`).digest().subarray(0, bytes.length - at),
        at,
      );
    }
    return blob(bytes, MediaType.layerGzip);
  });
  const parts = (["amd64", "arm64"] as const).map((architecture, i) => {
    const platform = { os: "linux", architecture };
    const own = layers.slice(3 * i, 3 * i + 3);
    return { platform, ...image(platform, own, { architecture }) };
  });
  const root = index(parts.map(({ manifest, platform }) => [manifest, platform]));
  const below = parts.flatMap(({ config, manifest }) => [config, manifest]);
  return { blobs: [...layers, ...below, root], root };
}

const { blobs, root } = slowImage();

/** Which blobs a place lacks. */
async function missingIn(place: Pick<Target, "has">): Promise<Blob[]> {
  const missing: Blob[] = [];
  for (const one of blobs) if (!(await place.has(one.descriptor))) missing.push(one);
  return missing;
}

const sizeOf = (all: readonly Blob[]) => all.reduce((sum, one) => sum + one.bytes.length, 0);
const isBlob = ({ descriptor }: Blob) => !hasSuccessors(descriptor);

/** Kills kodeno when so much has gone through the proxy, in either direction; true if it lived. */
async function killAt(
  args: readonly string[],
  dir: TempDir,
  proxy: FaultProxy,
  bytes: number,
): Promise<boolean> {
  const before = moved(proxy.seen);
  const child = spawnKodeno(args, { cwd: dir.path });
  const ended = child.output();
  let over = false;
  ended.then(() => over = true);
  while (!over && moved(proxy.seen) - before < bytes) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  if (!over) child.kill("SIGKILL");
  return (await ended).signal === "SIGKILL";
}

const moved = (seen: readonly Seen[]) =>
  seen.reduce((sum, one) => sum + one.bytes + one.answered, 0);

/** A registry behind a slow proxy. */
async function slowRegistry() {
  const registry = await startRegistry();
  const proxy = await startFaultProxy(registry.host, ({ pass }) => pass({ slowMs: SLOW_MS }));
  return {
    registry,
    proxy,
    async [Symbol.asyncDispose]() {
      await proxy.stop();
      await registry.stop();
    },
  };
}

/** Moments from the first byte to the last, as parts of all bytes. */
const MOMENTS = Array.from({ length: ROUNDS }, (_, i) => i / (ROUNDS - 1));

Deno.test({
  name: "kill: pushes killed at any moment leave a sound registry, and the next sends the rest",
  ...needs("docker-registry"),
  async fn() {
    await using dir = await tempDir();
    const layout = await openLayout(dir.join("images"), { create: true });
    await pushAll(layout, blobs);
    await layout.tag(root.descriptor, "app:v1");
    await using parts = await slowRegistry();
    const { registry, proxy } = parts;
    let killed = 0;
    let partly = 0;
    for (const [round, moment] of MOMENTS.entries()) {
      const name = `round${round}/app`;
      const args = ["push", "images", "--to", `${proxy.host}/round${round}`];
      if (await killAt(args, dir, proxy, Math.max(1, moment * sizeOf(blobs)))) killed++;
      // What was on its way comes to its end at the registry.
      await settled(proxy);
      await using direct = openRegistry(`${registry.host}/${name}`);
      const missing = await missingIn(direct);
      if (missing.length > 0 && missing.length < blobs.length) partly++;
      const tags = await direct.tags().catch(() => []);
      if (tags.length > 0) await verify(direct, await direct.resolve("v1"));
      // A manifest that is there has all that it names.
      for (const { descriptor } of blobs.filter((one) => !isBlob(one) && !missing.includes(one))) {
        await verify(direct, descriptor);
      }

      const before = proxy.seen.length;
      const { code, stderr } = await kodeno(args, { cwd: dir.path });
      assert.equal(code, 0, stderr);
      await using after = openRegistry(`${registry.host}/${name}`);
      assert.equal((await verify(after, await after.resolve("v1"))).blobs, blobs.length);
      const sent = proxy.seen.slice(before).filter(({ method, url }) =>
        (method === "PUT" || method === "PATCH") && url.includes("/blobs/")
      );
      const lacked = missing.filter(isBlob);
      const ended = sent.filter(({ method }) => method === "PUT");
      assert.equal(ended.length, lacked.length, `round ${round}`);
      assert.equal(sent.reduce((sum, { bytes }) => sum + bytes, 0), sizeOf(lacked));
    }
    assert.ok(killed >= ROUNDS / 2, `only ${killed} were killed`);
    assert.ok(partly >= ROUNDS / 3, `only ${partly} were killed in the middle`);
  },
});

/** Waits till the proxy moves nothing any more. */
async function settled(proxy: FaultProxy): Promise<void> {
  let last = -1;
  await until("the proxy rests", async () => {
    const now = moved(proxy.seen);
    const rests = now === last;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 150));
    return rests;
  });
}

Deno.test({
  name: "kill: pulls killed at any moment leave a sound layout, and the next fetches the rest",
  ...needs("docker-registry"),
  async fn() {
    await using dir = await tempDir();
    await using parts = await slowRegistry();
    const { registry, proxy } = parts;
    const source = await openLayout(dir.join("source"), { create: true });
    await pushAll(source, blobs);
    await using direct = openRegistry(`${registry.host}/app`);
    await copy(source, root.descriptor, direct, { tags: ["v1"] });
    let killed = 0;
    let partly = 0;
    for (const [round, moment] of MOMENTS.entries()) {
      const out = dir.join(`out${round}`);
      const args = ["pull", `${proxy.host}/app:v1`, "--oci-layout", out];
      if (await killAt(args, dir, proxy, Math.max(1, moment * sizeOf(blobs)))) killed++;
      const isLayout = await Deno.stat(`${out}/oci-layout`).then(() => true, () => false);
      if (isLayout) await assertSound(out);
      const missing = isLayout ? await missingIn(await openLayout(out)) : blobs;
      if (missing.length > 0 && missing.length < blobs.length) partly++;

      await settled(proxy);
      const before = proxy.seen.length;
      const { code, stderr } = await kodeno(args, { cwd: dir.path });
      assert.equal(code, 0, stderr);
      const [entry] = await assertClean(out);
      assert.equal(entry?.digest, root.descriptor.digest);
      const asked = proxy.seen.slice(before).filter(({ method, url }) =>
        method === "GET" && url.includes("/blobs/")
      );
      const lacked = missing.filter(isBlob);
      assert.equal(asked.length, lacked.length, `round ${round}`);
      assert.equal(asked.reduce((sum, one) => sum + one.answered, 0), sizeOf(lacked));
    }
    assert.ok(killed >= ROUNDS / 2, `only ${killed} were killed`);
    assert.ok(partly >= ROUNDS / 3, `only ${partly} were killed in the middle`);
  },
});
