/**
 * Checking a graph: everything is read, each blob once, and the first that does not hold is named.
 * @module
 */
import assert from "node:assert/strict";
import { bytesStream } from "../io/streams.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { MAX_JSON_BYTES } from "../oci/limits.ts";
import { MediaType } from "../oci/media_types.ts";
import type { ErrorCode } from "../errors.ts";
import { MemoryStore } from "../place/memory.ts";
import { failsWith } from "../../test/support/fails.ts";
import { type Blob, imageGraph, jsonBlob, pushAll } from "../../test/support/image_graph.ts";
import { copy } from "./copy.ts";
import type { Source } from "./places.ts";
import { successors } from "./successors.ts";
import { verify } from "./verify.ts";

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
