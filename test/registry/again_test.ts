/**
 * Pushing what is there: next to nothing is asked for, nothing is read and nothing is sent.
 * @module
 */
import assert from "node:assert/strict";
import { copy } from "../../src/content/copy.ts";
import type { Source } from "../../src/content/places.ts";
import { openRegistry } from "../../src/place/registry/registry.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import { startFaultProxy } from "../parts/fault_proxy.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { imageGraph, pushAll } from "../support/image_graph.ts";

Deno.test({
  name: "registry: an image that is there under its tag costs two HEAD requests",
  ...needs("docker-registry"),
  async fn() {
    await using registry = await startRegistry();
    await using proxy = await startFaultProxy(registry.host, (exchange) => exchange.pass());
    const memory = new MemoryStore();
    const { root: { descriptor }, blobs } = imageGraph("again");
    await pushAll(memory, blobs);
    const push = async (source: Source, tag: string): Promise<readonly string[]> => {
      const before = proxy.seen.length;
      await using store = openRegistry(`${proxy.host}/app`);
      await copy(source, descriptor, store, { tags: [tag] });
      return proxy.seen.slice(before).map(({ method, url }) =>
        `${method} ${url.split("/").at(-1)}`
      );
    };
    await push(memory, "v1");

    const closed: Source = {
      resolve: () => Promise.reject(new Error("nothing is to be looked up")),
      fetch: () => Promise.reject(new Error("nothing is to be read")),
    };
    const { digest } = descriptor;
    assert.deepEqual(await push(closed, "v1"), [`HEAD ${digest}`, "HEAD v1"]);
    // A tag that is new, or of something else, is put.
    const expected = [`HEAD ${digest}`, "HEAD v2", `GET ${digest}`, "PUT v2"];
    assert.deepEqual(await push(closed, "v2"), expected);
    const other = imageGraph("other");
    await pushAll(memory, other.blobs);
    await using store = openRegistry(`${registry.host}/app`);
    await copy(memory, other.root.descriptor, store, { tags: ["v2"] });
    assert.deepEqual(await push(closed, "v2"), expected);
    assert.equal((await store.resolve("v2")).digest, digest);
  },
});
