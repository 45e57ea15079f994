import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { type Blob, imageGraph, jsonBlob, pushAll } from "../../test/support/image_graph.ts";
import type { ErrorCode } from "../errors.ts";
import { digestOf } from "../io/hash.ts";
import { bytesStream } from "../io/streams.ts";
import { type Descriptor, MediaType } from "../oci/descriptor.ts";
import { encodeJson, MAX_GRAPH_BLOBS, MAX_GRAPH_DEPTH, MAX_JSON_BYTES } from "../oci/manifest.ts";
import { MemoryStore } from "../place/memory.ts";
import { copy } from "./copy.ts";
import type { Source } from "./places.ts";
import { verify } from "./check.ts";
import { isWhole, successors, Walk } from "./walk.ts";

const d = (n: number, more: Partial<Descriptor> = {}): Descriptor => ({
  mediaType: MediaType.index,
  digest: `sha256:${n.toString(16).padStart(64, "0")}`,
  size: 2,
  ...more,
});

/** Indexes by digest, so that graphs can be read. */
class Graph {
  readonly #blobs = new Map<string, Uint8Array>();

  index(...manifests: readonly Descriptor[]): Descriptor {
    const bytes = encodeJson({ schemaVersion: 2, mediaType: MediaType.index, manifests });
    const digest = digestOf(bytes);
    this.#blobs.set(digest, bytes);
    return { mediaType: MediaType.index, digest, size: bytes.length };
  }

  fetch({ digest }: Descriptor): Promise<ReadableStream<Uint8Array>> {
    return Promise.resolve(bytesStream(this.#blobs.get(digest) ?? new Uint8Array(0)));
  }
}

/** Each node names the next one twice. */
const chain = (last: number, looked: number[], options = {}): Walk =>
  new Walk(async (one, { below }) => {
    const n = Number.parseInt(one.digest.slice(-8), 16);
    looked.push(n);
    if (n < last) await below([d(n + 1), d(n + 1)]);
  }, options);

Deno.test("walk: each node is looked at once, whatever names it how often", async () => {
  for (const parallel of [false, true]) {
    const looked: number[] = [];
    const walk = chain(50, looked, { parallel });
    await walk.from(d(0));
    await walk.from(d(3));
    assert.deepEqual(looked, [...Array(51).keys()]);
    assert.ok(walk.hasMet(d(50)) && !walk.hasMet(d(51)));
  }
});

Deno.test("walk: what one size, or one kind, leads to says nothing of another", async () => {
  const looked: string[] = [];
  const walk = new Walk(({ size, mediaType }) => void looked.push(`${size} ${mediaType}`));
  const mediaType = MediaType.layer;
  for (const more of [{}, { size: 3 }, { mediaType }, {}]) await walk.from(d(1, more));
  assert.deepEqual(looked, [`2 ${MediaType.index}`, `3 ${MediaType.index}`, `2 ${mediaType}`]);
});

Deno.test("walk: it has an end, which may be told or not", async () => {
  for (const parallel of [false, true]) {
    const walk = chain(Infinity, [], { parallel });
    await assert.rejects(walk.from(d(0)), /sha256:0+: what it names goes over \d+ levels deep/);
  }
  const looked: number[] = [];
  const beyond: string[] = [];
  await chain(Infinity, looked, { beyond: (one: Descriptor) => beyond.push(one.digest) }).from(
    d(0),
  );
  assert.equal(looked.length, MAX_GRAPH_DEPTH + 1);
  assert.deepEqual(beyond, [d(MAX_GRAPH_DEPTH + 1).digest]);
  // Bounds hold for each root: a layout may have any number of them.
  const small = chain(0, [], { mostBytes: 2 });
  for (let n = 0; n < 10; n++) await small.from(d(n));
});

Deno.test("walk: the first failure ends the others, which are waited for", async () => {
  let ended = false;
  const walk: Walk = new Walk(async (one, { below }) => {
    if (one.digest === d(0).digest) await below([d(1), d(2)]);
    if (one.digest === d(1).digest) throw new Error("the first");
    if (one.digest !== d(2).digest) return;
    await new Promise((go) => walk.signal?.addEventListener("abort", go, { once: true }));
    await new Promise((go) => setTimeout(go, 5));
    ended = true;
    throw new Error("ended by it");
  }, { parallel: true });
  await assert.rejects(walk.from(d(0)), /the first/);
  assert.ok(ended);
});

Deno.test("walk: it can be cancelled", async () => {
  const stop = new AbortController();
  const looked: number[] = [];
  const walk = new Walk(async (one, { below }) => {
    looked.push(looked.length);
    if (looked.length === 3) stop.abort(new Error("enough"));
    await below([d(Number.parseInt(one.digest.slice(-8), 16) + 1)]);
  }, { signal: stop.signal });
  await assert.rejects(walk.from(d(0)), /enough/);
  assert.equal(looked.length, 3);
});

Deno.test("walk: what nodes are worth comes up to those that name them", async () => {
  const walk: Walk<number> = new Walk(async (one, { below }) => {
    const n = Number.parseInt(one.digest.slice(-8), 16);
    const found = n > 2 ? [] : await below([d(n + 1), d(n + 1)]);
    return 1 + found.reduce<number>((sum, worth = 100) => sum + worth, 0);
  });
  assert.equal(await walk.from(d(0)), 1 + 100 + 1 + 100 + 1 + 100 + 1);
});

Deno.test("whole: a part that is missing, or has another size than it is said to have", async () => {
  const graph = new Graph();
  const layer = (n: number, size: number) => d(n, { mediaType: MediaType.layer, size });
  const root = graph.index(graph.index(layer(1, 1)), layer(2, 2), layer(2, 3));
  const known = graph.index(layer(1, 1));
  for (const [missing, expected] of [[root.size, false], [1, false], [3, false], [9, true]]) {
    assert.equal(await isWhole(graph, root, ({ size }) => size !== missing), expected);
  }
  const isKnown = (one: Descriptor) => one.digest === known.digest;
  assert.equal(await isWhole(graph, root, ({ size }) => size !== 1, { isKnown }), true);
});

/** A root that names some nodes, which name nothing. */
const names = (root: Descriptor, nodes: readonly Descriptor[], mostBytes?: number) =>
  new Walk(async (_, { depth, below }) => {
    if (depth === 0) await below(nodes);
  }, { mostBytes }).from(root);

Deno.test("bounds: what every image has is taken", async () => {
  const nodes = Array.from({ length: MAX_GRAPH_BLOBS }, (_, i) => d(i + 1));
  await names(d(0), nodes.slice(1));
  await assert.rejects(names(d(0), nodes), /^KodenoError: Cannot use sha256:0{64}: it leads to/);
});

Deno.test("bounds: too deep, and too much to hold", async () => {
  await assert.rejects(chain(Infinity, []).from(d(7)), /sha256:0+7: .*levels deep/);
  const root = d(7, { mediaType: MediaType.layer });
  // A layer is not held, however large.
  const layer = d(9, { size: 1e12, mediaType: MediaType.layer });
  const index = d(10, { size: 1000, mediaType: MediaType.index });
  await names(root, [layer, index], 1000);
  const manifest = d(11, { size: 1, mediaType: MediaType.manifest });
  await assert.rejects(names(root, [layer, index, manifest], 1000), /1000/);
});

const GRAPH = imageGraph();
const [MANIFEST] = GRAPH.manifests;

/** The graph with other bytes for one blob; `undefined` takes it away. */
function harmed({ descriptor: { digest } }: Blob, bytes: Uint8Array | undefined): Source {
  const store = new MemoryStore();
  return {
    resolve: (ref) => store.resolve(ref),
    async fetch(d) {
      await pushAll(store, GRAPH.blobs.filter((b) => b.descriptor.digest !== digest));
      if (d.digest === digest && bytes !== undefined) return bytesStream(bytes);
      return await store.fetch(d);
    },
  };
}

Deno.test("verify: a document that is named as a plain blob first is read as a document, too", async () => {
  const store = new MemoryStore();
  await pushAll(
    store,
    GRAPH.blobs.filter(({ descriptor }) => descriptor.mediaType !== MediaType.layer),
  );
  const { digest, size } = MANIFEST.descriptor;
  const root = jsonBlob({
    schemaVersion: 2,
    mediaType: MediaType.index,
    manifests: [{ mediaType: "text/plain", digest, size }, MANIFEST.descriptor],
  }, MediaType.index);
  await pushAll(store, [root]);
  // Its layers are not there.
  await failsWith("NOT_FOUND", () => verify(store, root.descriptor));
  await failsWith("NOT_FOUND", () => copy(store, root.descriptor, new MemoryStore()));
});

Deno.test("verify: a blob that is named with a wrong size, too, is not whole", async () => {
  const store = new MemoryStore();
  await pushAll(store, GRAPH.blobs);
  const wrong = { ...MANIFEST.descriptor, size: MANIFEST.descriptor.size + 1 };
  const root = jsonBlob({
    schemaVersion: 2,
    mediaType: MediaType.index,
    manifests: [MANIFEST.descriptor, wrong],
  }, MediaType.index);
  await pushAll(store, [root]);
  await failsWith("BAD_CONTENT", () => verify(store, root.descriptor));
  await failsWith("BAD_CONTENT", () => copy(store, root.descriptor, new MemoryStore()));
});

Deno.test("verify: counts each blob once", async () => {
  const store = new MemoryStore();
  await pushAll(store, GRAPH.blobs);
  const bytes = GRAPH.blobs.reduce((sum, b) => sum + b.bytes.length, 0);
  assert.deepEqual(await verify(store, GRAPH.root.descriptor), { blobs: 8, bytes });
  const { descriptor } = GRAPH.shared;
  assert.deepEqual(await verify(store, descriptor), { blobs: 1, bytes: descriptor.size });
});

Deno.test("verify: names the blob that does not hold", async () => {
  const flipped = ({ bytes }: Blob) => bytes.with(0, 1 ^ (bytes[0] ?? 0));
  const cases: readonly (readonly [ErrorCode, Blob, Uint8Array | undefined, RegExp])[] = [
    ["BAD_CONTENT", GRAPH.shared, flipped(GRAPH.shared), /its content has digest/],
    ["BAD_CONTENT", GRAPH.shared, GRAPH.shared.bytes.subarray(1), /it has 18 bytes, not the 19/],
    ["BAD_CONTENT", GRAPH.shared, new Uint8Array(1000), /more than the 19 bytes/],
    ["NOT_FOUND", GRAPH.shared, undefined, /Cannot find blob/],
    ["BAD_CONTENT", MANIFEST, flipped(MANIFEST), /its content has digest/],
    ["NOT_FOUND", MANIFEST, undefined, /Cannot find blob/],
    ["BAD_CONTENT", GRAPH.root, flipped(GRAPH.root), /its content has digest/],
  ];
  for (const [code, harm, bytes, why] of cases) {
    const source = harmed(harm, bytes);
    const { message } = await failsWith(code, () => verify(source, GRAPH.root.descriptor), why);
    assert.ok(message.includes(harm.descriptor.digest), message);
  }
});

Deno.test("verify: ends with the signal", async () => {
  const store = new MemoryStore();
  await pushAll(store, GRAPH.blobs);
  const signal = AbortSignal.abort(new Error("stopped by the test"));
  await assert.rejects(verify(store, GRAPH.root.descriptor, { signal }), /stopped by the test/);
});

Deno.test("verify: a manifest that claims to be huge is not read", async () => {
  const d = { ...GRAPH.root.descriptor, size: MAX_JSON_BYTES + 1 };
  const source = { fetch: () => assert.fail("it was read") };
  await failsWith("BAD_CONTENT", () => verify(source, d), /larger than the 4194304 allowed/);
});

Deno.test("successors: all that a document points to, in its order", async () => {
  const [a, b, c] = GRAPH.blobs.map(({ descriptor }) => descriptor);
  const digests = (list: readonly Descriptor[]) => list.map(({ digest }) => digest);
  const manifest = { schemaVersion: 2, config: a, layers: [b, b], subject: c };
  const index = { schemaVersion: 2, manifests: [a, b], subject: c };
  const docker = "application/vnd.docker.distribution.manifest";
  const cases: readonly (readonly [string, unknown, readonly (Descriptor | undefined)[]])[] = [
    [MediaType.manifest, manifest, [a, b, b, c]],
    [`${docker}.v2+json`, { ...manifest, subject: undefined }, [a, b, b]],
    [MediaType.index, index, [a, b, c]],
    [`${docker}.list.v2+json`, index, [a, b, c]],
    [MediaType.config, manifest, []],
    [MediaType.layerGzip, index, []],
  ];
  for (const [mediaType, value, expected] of cases) {
    const { descriptor, bytes } = jsonBlob(value, mediaType);
    const found = digests(successors(descriptor, bytes));
    assert.deepEqual(found, expected.map((d) => d?.digest), mediaType);
  }
  const { descriptor, bytes } = jsonBlob(index, MediaType.manifest);
  await failsWith(
    "BAD_CONTENT",
    () => successors(descriptor, bytes),
    new RegExp(descriptor.digest),
  );
});
