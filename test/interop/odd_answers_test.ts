/**
 * Registries that answer otherwise than the specification says, and mean well: what they mean is taken.
 * @module
 */
import assert from "node:assert/strict";
import { copy } from "../../src/content/copy.ts";
import { verify } from "../../src/content/check.ts";
import { MediaType, referrersTag } from "../../src/oci/descriptor.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import { openRegistry, type RegistryStore } from "../../src/place/registry/registry.ts";
import { failsWith, soon } from "../support/fails.ts";
import { type Blob, blob, imageGraph, jsonBlob, pushAll } from "../support/image_graph.ts";
import { large, pull, push, same, small } from "../registry/fault_lab.ts";
import {
  type Asked,
  errorBody,
  type OddRegistry,
  type OddRule,
  type Reply,
  startOddRegistry,
} from "./odd_registry.ts";

const graph = imageGraph("odd");
const MIB = 1024 * 1024;

function odd(
  what: string,
  rules: readonly OddRule[],
  work: (store: RegistryStore, registry: OddRegistry) => Promise<void>,
  mountFrom: readonly string[] = [],
): void {
  Deno.test(`odd registry: ${what}`, async () => {
    await using registry = await startOddRegistry(rules);
    await using store = openRegistry(`${registry.host}/app`, {
      credentials: () => Promise.resolve(undefined),
      retry: { baseMs: 1 },
      mountFrom: mountFrom.map((name) => `${registry.host}/${name}`),
    });
    await soon(work(store, registry), 30_000);
  });
}

/** An image goes there and back, under a tag. */
async function thereAndBack(store: RegistryStore): Promise<void> {
  const from = new MemoryStore();
  await pushAll(from, graph.blobs);
  await copy(from, graph.root.descriptor, store, { tags: ["v1"] });
  const found = await store.resolve("v1");
  assert.deepEqual(found, graph.root.descriptor);
  const back = new MemoryStore();
  await copy(store, found, back);
  assert.equal((await verify(back, found)).blobs, graph.blobs.length);
}

odd("nothing odd", [], async (store, registry) => {
  await thereAndBack(store);
  await push(store, large);
  assert.ok(same(await pull(store, large), large.bytes));
  assert.deepEqual(await store.tags(), ["v1"]);
  assert.ok(registry.requests().includes("PATCH /v2/app/blobs/uploads/ID"));
});

// HEAD

for (const status of [400, 403, 405, 501]) {
  odd(`HEAD is answered ${status}, GET is not`, [{ method: "HEAD", answer: { status } }], async (
    store,
    registry,
  ) => {
    const [image] = graph.manifests;
    assert.equal(await store.has(image.descriptor), false);
    assert.equal(await store.has(small.descriptor), false);
    await failsWith(
      "NOT_FOUND",
      () => store.resolve("v1"),
      /the registry does not have it \(MANIFEST/,
    );
    await thereAndBack(store);
    await push(store, large);
    // A blob that is there is not read for that.
    await using again = openRegistry(store.name, { retry: { baseMs: 1 } });
    assert.equal(await again.has(large.descriptor), true);
    const other = { ...large.descriptor, size: large.descriptor.size + 1 };
    assert.equal(await again.has(other), false);
    const { method, headers: { range } } = registry.asked.at(-1) as Asked;
    assert.deepEqual([method, range], ["GET", "bytes=0-0"]);
  });
}

odd("neither HEAD nor ranges", [
  { method: "HEAD", answer: { status: 405 } },
  {
    method: "GET",
    url: "/blobs/",
    answer: (_, usual) => {
      const reply = usual();
      return reply.status === 206 ? { ...reply, status: 200, body: large.bytes } : reply;
    },
  },
], async (store) => {
  await push(store, large);
  await using again = openRegistry(store.name);
  assert.equal(await again.has(large.descriptor), true);
});

odd("HEAD tells the length of its own answer, which has no body", [{
  method: "HEAD",
  answer: (_, usual) => {
    const { status, headers = {} } = usual();
    return { status, headers };
  },
}], async (store) => {
  await thereAndBack(store);
  await using again = openRegistry(store.name);
  for (const { descriptor } of graph.blobs) assert.equal(await again.has(descriptor), true);
});

// Types of manifests

for (
  const type of ["text/plain; charset=utf-8", "application/json", "application/octet-stream", ""]
) {
  odd(`a manifest is served as ${type || "nothing"}`, [{
    url: "/manifests/",
    answer: ({ method }, usual) => {
      const reply = usual();
      if (method === "PUT" || reply.status !== 200) return reply;
      const { "content-type": _, ...headers } = reply.headers ?? {};
      return { ...reply, headers: type === "" ? headers : { ...headers, "content-type": type } };
    },
  }], async (store, { manifests }) => {
    await thereAndBack(store);
    // Docker's, and one that does not say what it is.
    const docker = "application/vnd.docker.distribution.manifest.v2+json";
    const [{ bytes }] = graph.manifests;
    const { mediaType: _, ...manifest } = JSON.parse(new TextDecoder().decode(bytes));
    const put = (tag: string, value: unknown) => {
      const { bytes, descriptor } = jsonBlob(value, "x");
      manifests.set(`app:${tag}`, { type: "x", bytes });
      return descriptor;
    };
    const cases: readonly (readonly [unknown, string])[] = [
      [{ ...manifest, mediaType: docker }, docker],
      [manifest, MediaType.manifest],
      [{ schemaVersion: 2, manifests: [] }, MediaType.index],
    ];
    for (const [value, mediaType] of cases) {
      const descriptor = put("odd", value);
      assert.deepEqual(await store.resolve("odd"), { ...descriptor, mediaType });
    }
    // One that is both can be read as either; what is neither is refused as before.
    for (
      const value of [
        { ...manifest, manifests: [] },
        { ...manifest, mediaType: "application/x" },
        { schemaVersion: 1, fsLayers: [] },
        ["no"],
        null,
      ]
    ) {
      put("odd", value);
      await failsWith("BAD_CONTENT", () => store.resolve("odd"), /neither an image nor an index/);
    }
  });
}

// Referrers

const empty = blob("{}", "application/vnd.oci.empty.v1+json");
const note: Blob = jsonBlob({
  schemaVersion: 2,
  mediaType: MediaType.manifest,
  artifactType: "application/vnd.kodeno.test",
  config: empty.descriptor,
  layers: [],
  subject: graph.root.descriptor,
}, MediaType.manifest);
const page: Reply = { status: 200, headers: { "content-type": "text/html" }, body: "<p>Hello</p>" };

const WITHOUT_API: readonly Reply[] = [
  { status: 400, body: errorBody("UNSUPPORTED", "bad request") },
  { status: 404 },
  { status: 405 },
  { status: 406 },
  { status: 410 },
  { status: 501 },
  { status: 200 },
  { status: 204 },
  { status: 200, body: "ok" },
  { status: 200, body: { referrers: [] } },
  page,
  { ...page, status: 403 },
];
for (const answer of WITHOUT_API) {
  const what = answer.headers ? "a web page" : JSON.stringify(answer.body) ?? "nothing";
  odd(
    `referrers are answered ${answer.status} with ${what}`,
    [{ url: "/referrers/", answer }],
    async (
      store,
      registry,
    ) => {
      assert.deepEqual(await store.referrers(graph.root.descriptor), []);
      await pushAll(store, [...graph.blobs, empty, note]);
      const [found, ...others] = await store.referrers(graph.root.descriptor);
      assert.deepEqual([found?.digest, others], [note.descriptor.digest, []]);
      assert.ok(registry.manifests.has(`app:${referrersTag(graph.root.descriptor)}`));
    },
  );
}

odd("referrers that are refused are no lack of an API", [
  { url: "/referrers/", answer: { status: 403, body: errorBody("DENIED", "not yours") } },
], async (store) => {
  const why = /answered 403 \(DENIED: not yours\)/;
  await failsWith("UNAUTHORIZED", () => store.referrers(graph.root.descriptor), why);
});

// Uploads

for (const status of [200, 201]) {
  odd(`an upload begins with ${status}`, [
    { method: "POST", answer: (_, usual) => ({ ...usual(), status }) },
  ], async (store, registry) => {
    await store.check();
    assert.deepEqual(registry.requests().slice(-2), [
      "POST /v2/app/blobs/uploads/",
      "DELETE /v2/app/blobs/uploads/ID",
    ]);
    await thereAndBack(store);
    await push(store, large);
    assert.ok(same(await pull(store, large), large.bytes));
  });

  // It is no blob of another repository that was mounted.
  odd(`an upload begins with ${status} where a blob was to be mounted`, [
    { method: "POST", answer: (_, usual) => ({ ...usual(), status }) },
  ], async (store, { blobs }) => {
    await push(store, small);
    assert.ok(blobs.has(small.descriptor.digest));
  }, ["other"]);

  odd(`a blob that is mounted is answered ${status}`, [
    { method: "HEAD", url: "/v2/app/blobs/", answer: { status: 404 } },
    { method: "POST", url: "mount=", answer: (_, usual) => ({ ...usual(), status }) },
  ], async (store, registry) => {
    registry.blobs.set(small.descriptor.digest, small.bytes);
    await store.push(small.descriptor, () => Promise.reject(new Error("nothing is to be read")));
  }, ["other"]);

  odd(`a part of an upload is answered ${status}`, [
    { method: "PATCH", answer: (_, usual) => ({ ...usual(), status }) },
  ], async (store) => {
    await push(store, large);
    assert.ok(same(await pull(store, large), large.bytes));
  });
}

odd("a part of an upload is answered without an address", [{
  method: "PATCH",
  answer: (_, usual) => {
    usual();
    return { status: 202 };
  },
}], async (store) => {
  await push(store, large);
  assert.ok(same(await pull(store, large), large.bytes));
});

odd("a manifest is taken with 204", [{
  method: "PUT",
  url: "/manifests/",
  answer: (_, usual) => ({ ...usual(), status: 204 }),
}], thereAndBack);

for (const told of ["location", "docker-content-digest"]) {
  odd(`a blob is answered 200 with ${told}`, [{
    method: "PUT",
    url: "/blobs/",
    answer: (_, usual) => {
      const { headers = {} } = usual();
      return { status: 200, headers: { [told]: headers[told] ?? "" } };
    },
  }], async (store, { blobs }) => {
    await thereAndBack(store);
    await push(store, large);
    assert.ok(blobs.has(large.descriptor.digest));
  });
}

odd("a blob is answered 200 by one that does not say that it has it", [
  { method: "PUT", url: "/blobs/", answer: { status: 200, body: "hello" } },
], async (store) => {
  await failsWith("REGISTRY_FAILED", () => push(store, small), /registry answered 200/);
});

for (const status of [413, 416]) {
  odd(`a body that is too large is answered ${status}`, [
    {
      url: "/blobs/uploads/",
      answer: ({ method, body }, usual) =>
        ["PATCH", "PUT"].includes(method) && body.length > MIB ? { status } : usual(),
    },
  ], async (store, { asked }) => {
    await push(store, large);
    assert.ok(same(await pull(store, large), large.bytes));
    const chunks = asked.filter(({ method }) => method === "PATCH").map(({ body }) => body.length);
    assert.deepEqual(chunks.slice(-5), [MIB, MIB, MIB, MIB, large.bytes.length - 4 * MIB]);
  });
}

odd("all bodies are too large", [
  { method: "PUT", url: "/blobs/", answer: { status: 416 } },
], async (store) => {
  const why = /answered 416; let it, or the proxy before it, take larger bodies$/;
  await failsWith("REGISTRY_FAILED", () => push(store, small), why);
});
