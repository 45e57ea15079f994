/**
 * Publishing without go: places are looked at before a build and ended after it, and an image whose
 * layer is damaged in the cache is built once more.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { tempDir } from "../../test/support/temp.ts";
import type { Place } from "../content/places.ts";
import { KodenoError } from "../errors.ts";
import type { BuiltImage } from "../image/assemble.ts";
import { MediaType } from "../oci/descriptor.ts";
import { encodeJson } from "../oci/manifest.ts";
import { MemoryStore } from "../place/memory.ts";
import type { Builder } from "./builder.ts";
import { newPublisher, publishImages, publishing } from "./publisher.ts";

const PATH = "example.test/app";

/** An image, and how often it was built and forgotten. */
async function built(fetched?: (digest: string) => void) {
  const store = new MemoryStore();
  const config = await store.add(
    MediaType.config,
    encodeJson({ os: "linux", architecture: "arm" }),
  );
  const layer = await store.add(MediaType.layerGzip, new Uint8Array([1, 2, 3]));
  const manifest = { schemaVersion: 2, mediaType: MediaType.manifest, config, layers: [layer] };
  const root = await store.add(MediaType.manifest, encodeJson(manifest));
  const image: BuiltImage = {
    importPath: PATH,
    root,
    platforms: ["linux/arm"],
    ownLayers: [layer.digest],
    resolve: () => Promise.resolve(root),
    fetch: (d, o) => {
      fetched?.(d.digest);
      return store.fetch(d, o);
    },
  };
  const calls: string[] = [];
  const builder: Builder = {
    prepare: () => Promise.resolve({ importPaths: [PATH], platforms: image.platforms }),
    async *build() {
      calls.push("build");
      yield image;
    },
    evict: (digest) => Promise.resolve(calls.push(`evict ${digest}`) > 0),
    close: () => Promise.resolve(),
  };
  return { builder, calls, root, layer };
}

Deno.test("publisher: places are looked at before a build, and a failure there is its end", async () => {
  await using dir = await tempDir();
  const { builder, calls } = await built();
  const asked: string[] = [];
  const memory = Object.assign(
    new MemoryStore(),
    {
      check: () => Promise.resolve(void asked.push("check")),
    } satisfies Partial<Place>,
  );
  const publisher = newPublisher({ environment: {}, dockerRepo: "reg.local/x" }, {
    targets: [memory],
  });
  const images = await publishImages([], publisher, builder);
  assert.deepEqual([asked, calls], [["check"], ["build"]]);
  assert.match(images.get(PATH) ?? "", /^reg\.local\/x\/app-[0-9a-f]{32}:latest@sha256:/);

  await dir.write("full/file", "x");
  const bad = newPublisher({ environment: {}, ociLayout: dir.join("full") });
  await failsWith("BAD_PLACE", () => publishImages([], bad, builder), /it holds "file"/);
  assert.deepEqual(calls, ["build"]);
});

Deno.test("publisher: a registry is asked about few names at once, and about none after a failure", async () => {
  let [now, most, all] = [0, 0, 0];
  const where = { port: 0, hostname: "127.0.0.1", onListen() {} };
  await using registry = Deno.serve(where, async ({ url }) => {
    // Once, how it wants to be told who is asking.
    if (new URL(url).pathname === "/v2/") return new Response(null, { status: 403 });
    all++;
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 20));
    now--;
    return new Response(null, { status: 403 });
  });
  const dockerRepo = `127.0.0.1:${registry.addr.port}/x`;
  const publisher = newPublisher({ environment: {}, dockerRepo, push: true });
  const names = Array.from({ length: 40 }, (_, i) => `${dockerRepo}/app${i}`);
  await failsWith("UNAUTHORIZED", () => publisher.check(names), /403/);
  assert.deepEqual([now, most <= 8, all <= 8], [0, true, true], `${most} of ${all} at once`);
  await publisher.close();
});

Deno.test("publisher: an end that fails, too, does not hide why the work has failed", async () => {
  const end = () => Promise.reject(new Error("the end"));
  const publisher = Object.assign(newPublisher({ environment: {} }), { close: end });
  const work = () => Promise.reject(new Error("the work"));
  await assert.rejects(publishing(publisher, undefined, work), /^Error: the work$/);
});

Deno.test("publisher: failed work leaves no layout that was made for it", async () => {
  await using dir = await tempDir();
  const { builder } = await built((digest) => {
    throw new KodenoError("IO_FAILED", `no ${digest}`);
  });
  const publisher = newPublisher({ environment: {}, ociLayout: dir.join("out") });
  await failsWith("IO_FAILED", () => publishImages([], publisher, builder), /no sha256/);
  assert.deepEqual(await dir.list(), []);
});

Deno.test("publisher: a damaged layer of the cache is forgotten, and the image built again", async () => {
  let damaged = true;
  const { builder, calls, layer, root } = await built((digest) => {
    if (!damaged || digest !== layer.digest) return;
    damaged = false;
    throw new KodenoError("BAD_CONTENT", "damaged", { digest });
  });
  const memory = new MemoryStore();
  const publisher = newPublisher({ environment: {}, tags: ["v1"] }, { targets: [memory] });
  const images = await publishImages([], publisher, builder);
  assert.deepEqual(calls, ["build", `evict ${layer.digest}`, "build"]);
  assert.equal(images.get(PATH), `app:v1@${root.digest}`);
  assert.deepEqual(memory.tags(), ["app:v1"]);
});
