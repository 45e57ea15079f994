/**
 * Picking platforms from a base image, as other tools write such images.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import {
  type Blob,
  blob,
  image,
  index,
  jsonBlob,
  pushAll,
} from "../../test/support/image_graph.ts";
import type { ErrorCode } from "../errors.ts";
import type { KodenoEvent } from "../events.ts";
import { MediaType } from "../oci/descriptor.ts";
import { formatPlatform, parsePlatformSpec, type Platform } from "../oci/platform.ts";
import { MemoryStore } from "../place/memory.ts";
import { type Base, type BasePlatforms, readBase } from "./base.ts";

const platform = (text: string): Platform => {
  const { os, architecture = "", variant, osVersion } = parsePlatformSpec(text);
  return {
    os,
    architecture,
    ...(variant ? { variant } : {}),
    ...(osVersion ? { "os.version": osVersion } : {}),
  };
};
const wanted = (text: string): BasePlatforms =>
  text === "all" ? "all" : text.split(",").map(parsePlatformSpec);

/** An index of images, one for each platform; a place that has them. */
async function baseOf(
  platforms: readonly string[],
): Promise<
  { readonly store: MemoryStore; readonly root: Blob; readonly manifests: readonly Blob[] }
> {
  const store = new MemoryStore();
  const parts = platforms.map((text) => {
    const layer = blob(`layer for ${text}`);
    return { layer, text, ...image(platform(text), [layer]) };
  });
  const root = index(parts.map(({ manifest, text }) => [manifest, platform(text)]));
  await pushAll(store, parts.flatMap(({ layer, config, manifest }) => [layer, config, manifest]));
  await pushAll(store, [root]);
  return { store, root, manifests: parts.map(({ manifest }) => manifest) };
}

const found = ({ images }: Base) => images.map((one) => formatPlatform(one.platform));

Deno.test("base: what was asked for, in the order of the base", async () => {
  const windows = ["windows/amd64:10.0.17763.1", "windows/amd64:10.0.20348.2"];
  const all = ["linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8", ...windows];
  const { store, root } = await baseOf(all);
  const cases: Record<string, readonly string[]> = {
    "all": all,
    "linux/amd64": ["linux/amd64"],
    "linux/arm64,linux/amd64": ["linux/amd64", "linux/arm64/v8"],
    "linux/arm": ["linux/arm/v6", "linux/arm/v7"],
    "linux/arm/v7": ["linux/arm/v7"],
    "linux/amd64,linux/amd64": ["linux/amd64"],
    "linux": all.slice(0, 4),
    "windows/amd64:10.0.20348": [windows[1] ?? ""],
  };
  for (const [text, expected] of Object.entries(cases)) {
    const base = await readBase(store, root.descriptor, wanted(text), "base x", { name: "x:1" });
    assert.deepEqual(found(base), expected, text);
    assert.deepEqual([base.name, base.digest], ["x:1", root.descriptor.digest]);
  }
});

Deno.test("base: each image has its own manifest, config and digest", async () => {
  const { store, root, manifests } = await baseOf(["linux/amd64", "linux/arm64"]);
  const base = await readBase(store, root.descriptor, "all", "base x");
  assert.deepEqual(base.images.map((one) => one.digest), manifests.map((m) => m.descriptor.digest));
  assert.deepEqual(base.images.map((one) => one.config.architecture), ["amd64", "arm64"]);
  for (const { manifest, source } of base.images) {
    const [layer] = manifest.layers;
    assert.ok(layer !== undefined);
    assert.deepEqual(await Array.fromAsync(await source.fetch(layer)).then((c) => c.length), 1);
  }
});

Deno.test("base: an image without an index has the platform of its config", async () => {
  const store = new MemoryStore();
  const layer = blob("layer");
  const given = { os: "windows", architecture: "amd64", "os.version": "10.0.1.2" };
  const { manifest, config } = image(given, [layer]);
  await pushAll(store, [layer, config, manifest]);
  const base = await readBase(store, manifest.descriptor, "all", "base x");
  assert.deepEqual(found(base), ["windows/amd64:10.0.1.2"]);
  assert.equal(base.digest, manifest.descriptor.digest);
  const other = () => readBase(store, manifest.descriptor, wanted("linux/amd64"), "base x");
  await failsWith("BAD_PLATFORM", other, /base x has windows\/amd64:10.0.1.2$/);
});

Deno.test("base: null is what is not there, and what is odd hinders no other platform", async () => {
  const store = new MemoryStore();
  const layer = blob("layer", MediaType.layer, "sha512");
  const linux = platform("linux/amd64");
  const nulls = { variant: null, created: null, author: null, history: null, config: null };
  const { manifest, config } = image(linux, [layer], nulls, "sha512");
  const root = jsonBlob({
    schemaVersion: 2,
    annotations: null,
    subject: null,
    manifests: [
      { ...manifest.descriptor, annotations: null, platform: { ...linux, variant: null } },
      { ...manifest.descriptor, platform: platform("linux/arm64"), digest: "blake3:abc" },
      { ...manifest.descriptor, platform: null },
      null,
    ],
  }, MediaType.index);
  await pushAll(store, [layer, config, manifest, root]);
  const [found, ...more] =
    (await readBase(store, root.descriptor, wanted("linux/amd64"), "base x")).images;
  assert.ok(found && more.length === 0);
  assert.deepEqual(found.platform, linux);
  assert.deepEqual(found.config, {
    ...linux,
    rootfs: { type: "layers", diff_ids: [layer.descriptor.digest] },
  });
  const arm = () => readBase(store, root.descriptor, wanted("linux/arm64"), "base x");
  await failsWith("BAD_CONTENT", arm, /Cannot use blake3:abc: its digest: it is not a digest/);
});

Deno.test("base: Docker's list is read, and attestations in it are not", async () => {
  const store = new MemoryStore();
  const docker = "application/vnd.docker.distribution.manifest";
  const layer = blob("layer");
  const { manifest, config } = image(platform("linux/amd64"), [layer]);
  const real = { ...manifest.descriptor, mediaType: `${docker}.v2+json` };
  const unknown = { os: "unknown", architecture: "unknown" };
  const root = jsonBlob({
    schemaVersion: 2,
    manifests: [
      { ...real, platform: platform("linux/amd64") },
      { ...real, platform: unknown },
      real,
      { ...layer.descriptor, platform: platform("linux/arm64") },
    ],
  }, `${docker}.list.v2+json`);
  await pushAll(store, [layer, config, manifest, root]);
  const base = await readBase(store, root.descriptor, "all", "base x");
  assert.deepEqual(found(base), ["linux/amd64"]);
});

Deno.test("base: indexes in an index are read, and a platform that none says is that of the config", async () => {
  const { store, root, manifests } = await baseOf(["linux/arm64", "linux/amd64"]);
  const bare = jsonBlob({
    schemaVersion: 2,
    manifests: [
      manifests[0]?.descriptor,
      // As Go's encoder writes what was not set.
      { ...manifests[1]?.descriptor, platform: { os: "", architecture: "" } },
    ],
  }, root.descriptor.mediaType);
  const outer = index([[bare]]);
  await pushAll(store, [bare, outer]);
  for (const { descriptor } of [bare, outer]) {
    const all = await readBase(store, descriptor, "all", "base x");
    assert.deepEqual(found(all), ["linux/arm64", "linux/amd64"]);
    assert.equal(all.digest, descriptor.digest);
    const one = await readBase(store, descriptor, wanted("linux/amd64"), "base x");
    assert.deepEqual(found(one), ["linux/amd64"]);
  }
});

Deno.test("base: what Go builds nothing for is left out, with a note", async () => {
  const store = new MemoryStore();
  const layer = blob("layer");
  const parts = ["amd64", "sparc64", "alpha"].map((architecture) => {
    const on = { os: "linux", architecture };
    return { on, ...image(on, [layer]) };
  });
  await pushAll(store, [layer, ...parts.flatMap(({ manifest, config }) => [config, manifest])]);
  const notes: string[] = [];
  const emit = (event: KodenoEvent) => void (event.type === "note" && notes.push(event.message));
  const readAll = async (some: typeof parts, text: string) => {
    const root = index(some.map(({ manifest, on }) => [manifest, on]));
    await pushAll(store, [root]);
    return found(await readBase(store, root.descriptor, wanted(text), "base x", { emit }));
  };
  for (const text of ["all", "linux"]) {
    assert.deepEqual(await readAll(parts, text), ["linux/amd64"]);
  }
  const left = "Left out linux/sparc64, linux/alpha of base x: Go builds nothing for that";
  assert.deepEqual(notes.splice(0), [left, left]);
  assert.deepEqual(await readAll(parts, "linux/amd64"), ["linux/amd64"]);
  assert.deepEqual(notes, []);
  const none = /^Cannot build for linux\/sparc64, linux\/alpha of base x: Go builds nothing/;
  await failsWith("BAD_PLATFORM", () => readAll(parts.slice(1), "all"), none);
});

Deno.test("base: what cannot be a base says why", async () => {
  const store = new MemoryStore();
  const layer = blob("layer");
  const good = image(platform("linux/amd64"), [layer]);
  const uneven = image(platform("linux/amd64"), [layer], {
    rootfs: { type: "layers", diff_ids: [] },
  });
  const absent = image(platform("linux/amd64"), [layer], { created: "2020-01-01T00:00:00Z" });
  const [none, text] = [index([]), blob("text", "text/plain")];
  const broken = blob("{}", good.manifest.descriptor.mediaType);
  await pushAll(store, [layer, good.config, good.manifest, uneven.config, uneven.manifest]);
  await pushAll(store, [absent.manifest, none, text, broken]);
  const { store: several, root } = await baseOf(["linux/amd64", "linux/arm64"]);
  const list = /^Cannot build for linux\/s390x: base x has linux\/amd64, linux\/arm64$/;
  const cases: readonly (readonly [ErrorCode, MemoryStore, Blob, string, RegExp])[] = [
    ["BAD_PLATFORM", several, root, "linux/s390x", list],
    ["BAD_PLATFORM", several, root, "linux/amd64,linux/s390x", list],
    ["BAD_PLATFORM", several, root, "linux/arm64/v8", /Cannot build for linux\/arm64\/v8/],
    ["BAD_PLATFORM", store, none, "all", /base x has no platform/],
    ["BAD_CONTENT", store, text, "all", /it is a text\/plain, not an image/],
    ["BAD_CONTENT", store, uneven.manifest, "all", /its config names 0 layers, its manifest 1/],
    ["BAD_CONTENT", store, broken, "all", /Cannot read base x: it is not an image manifest/],
    ["NOT_FOUND", store, absent.manifest, "all", /Cannot find blob/],
  ];
  for (const [code, place, { descriptor }, text, why] of cases) {
    await failsWith(code, () => readBase(place, descriptor, wanted(text), "base x"), why);
  }
});
