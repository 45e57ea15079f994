/**
 * A registry on a bad day: what breaks is tried again within bounds, what is wrong is refused, and
 * nothing that does not verify ever gets into a target.
 * @module
 */
import assert from "node:assert/strict";
import { copy } from "../../src/content/copy.ts";
import { openRegistry } from "../../src/place/registry/registry.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import { type Exchange, startFaultProxy } from "../parts/fault_proxy.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { failsWith, soon } from "../support/fails.ts";
import { blob, imageGraph, pushAll } from "../support/image_graph.ts";
import {
  endlessManifest,
  fault,
  is,
  large,
  pull,
  push,
  same,
  sent,
  SIZE,
  small,
  startFaulty,
} from "./fault_lab.ts";

const BASIC = { kind: "password", username: "ali", password: "secret-of-ali" } as const;

{
  const unknown = '{"errors":[{"code":"DIGEST_INVALID"},{"code":"MANIFEST_BLOB_UNKNOWN"}]}';
  fault(
    "a manifest whose blobs the registry does not see yet is put again",
    async (exchange, count) => {
      if (is(exchange, "PUT", "manifests") && count <= 2) return exchange.answer(400, {}, unknown);
      await exchange.pass();
    },
    async ({ proxy, store, direct }) => {
      const { blobs, root } = imageGraph();
      await pushAll(store, blobs);
      assert.ok(await direct.has(root.descriptor));
      assert.equal(sent(proxy, "PUT").filter(({ url }) => url.includes("/manifests/")).length, 5);
    },
  );
  fault("a manifest whose blobs the registry never sees is refused in the end", (exchange) => {
    if (is(exchange, "PUT", "manifests")) return exchange.answer(400, {}, unknown);
    return exchange.pass();
  }, async ({ store }) => {
    const why = /registry answered 400 \(DIGEST_INVALID; MANIFEST_BLOB_UNKNOWN\)$/;
    await failsWith("REGISTRY_FAILED", () => pushAll(store, imageGraph().blobs), why);
  });
}

fault("an upload that breaks begins anew", async (exchange, count) => {
  const cut = is(exchange, "PATCH", "blobs") && count <= 2;
  await exchange.pass(cut ? { cutUpload: 1_000_000 } : {});
}, async ({ proxy, store, direct }) => {
  await push(store, large);
  assert.ok(same(await pull(direct, large), large.bytes));
  // After a break it goes in chunks: the second one broke, too, and the last two arrived.
  assert.equal(sent(proxy, "PATCH").length, 4);
  // It is there now, and not sent again.
  await push(store, large);
  assert.equal(sent(proxy, "PATCH").length, 4);
  assert.equal(sent(proxy, "PUT").length, 1);
});

{
  // docker-registry 2.8 forgets an upload that broke; this stands for one that does not: what came in
  // till the break is in the registry as a part of its own, under the place it gave for that.
  let kept = 0;
  let place = "";
  fault("an upload that breaks goes on where the registry says", async (exchange) => {
    const { seen, request } = exchange;
    const isPart = seen.headers["x-test"] !== undefined;
    if (is(exchange, "PATCH", "blobs") && kept === 0 && !isPart) {
      const parts: Uint8Array[] = [];
      for await (const chunk of request) {
        parts.push(chunk);
        kept += chunk.length;
        if (kept > 2_000_000) break;
      }
      const url = `http://${seen.headers.host}${seen.url}`;
      const headers = { "content-type": "application/octet-stream", "x-test": "part" };
      const body = await new Response(new globalThis.Blob(parts as BlobPart[])).bytes();
      const answer = await fetch(url, { method: "PATCH", headers, body });
      place = answer.headers.get("location") ?? "";
      await answer.body?.cancel();
      return exchange.cut();
    }
    if (is(exchange, "GET", "blobs") && seen.url.includes("/uploads/")) {
      return exchange.answer(204, { location: place, range: `0-${kept - 1}` });
    }
    await exchange.pass();
  }, async ({ proxy, store, direct }) => {
    await push(store, large);
    assert.ok(same(await pull(direct, large), large.bytes));
    const [, rest] = sent(proxy, "PATCH").filter(({ headers }) => headers["x-test"] === undefined);
    assert.equal(rest?.headers["content-range"], `${kept}-${SIZE - 1}`);
    assert.equal(rest?.bytes, SIZE - kept);
    assert.equal(sent(proxy, "PUT").at(-1)?.bytes, 0);
  });
}

fault("a blob whose answer was lost is not sent again", async (exchange, count) => {
  const lost = is(exchange, "PUT", "blobs") && count === 1;
  await exchange.pass({ headers: (headers) => lost && (headers["content-length"] = "1") });
  if (lost) exchange.cut();
}, async ({ proxy, store, direct }) => {
  await push(store, large);
  assert.equal(await direct.has(large.descriptor), true);
  assert.equal(sent(proxy, "PATCH").length, 1);
  assert.equal(sent(proxy, "PUT").length, 1);
});

fault("a download that breaks goes on by range", async (exchange, count) => {
  const cut = is(exchange, "GET", "blobs") && count <= 3;
  await exchange.pass(cut ? { cutAnswer: 1_200_000 } : {});
}, async ({ proxy, store, direct }) => {
  await push(direct, large);
  assert.ok(same(await pull(store, large), large.bytes));
  const ranges = sent(proxy, "GET").map(({ headers }) => headers.range);
  assert.equal(ranges.length, 4);
  assert.equal(ranges[0], undefined);
  assert.match(String(ranges[3]), /^bytes=\d+-4999999$/);
});

fault("a download goes on without ranges, too", async (exchange, count) => {
  delete (exchange.seen.headers as Record<string, string>).range;
  const cut = is(exchange, "GET", "blobs") && count === 1;
  await exchange.pass(cut ? { cutAnswer: 1_200_000 } : {});
}, async ({ store, direct }) => {
  await push(direct, large);
  assert.ok(same(await pull(store, large), large.bytes));
});

fault("a download that always breaks has an end", (exchange) => {
  if (!is(exchange, "GET", "blobs")) return exchange.pass();
  return exchange.pass({ cutAnswer: 10_000 });
}, async ({ proxy, store, direct }) => {
  await push(direct, large);
  await failsWith("REGISTRY_FAILED", () => pull(store, large), /did not answer: the connection/);
  assert.ok(sent(proxy, "GET").length <= 6, String(sent(proxy, "GET").length));
});

for (const status of [408, 500, 502, 503, 504]) {
  fault(`a burst of ${status}`, (exchange, count) => {
    return count <= 2 ? exchange.answer(status) : exchange.pass();
  }, async ({ store, direct }) => {
    const { root, blobs } = imageGraph();
    const from = new MemoryStore();
    await pushAll(from, blobs);
    await copy(from, root.descriptor, store, { tags: ["v1"], concurrency: 1 });
    assert.equal((await direct.resolve("v1")).digest, root.descriptor.digest);
  });
}

fault("500 for ever has an end", (exchange) => exchange.answer(500), async ({ proxy, store }) => {
  await failsWith("REGISTRY_FAILED", () => push(store, small), /registry answered 500$/);
  // The last one for words, which an answer to HEAD has not.
  assert.equal(proxy.seen.length, 6);
});

fault("429 is heeded", (exchange, count) => {
  if (count > 1 || exchange.seen.method !== "PUT") return exchange.pass();
  return exchange.answer(429, { "retry-after": "1" });
}, async ({ store, direct }) => {
  const began = performance.now();
  await push(store, small);
  const took = performance.now() - began;
  assert.ok(took >= 1000 && took < 4000, String(took));
  assert.equal(await direct.has(small.descriptor), true);
});

fault(
  "429 for a year is not",
  (exchange) => exchange.answer(429, { "retry-after": "31536000" }),
  async ({ proxy, store }) => {
    const why = /registry answered 429; it asks to wait 8760 h; run it again then$/;
    await failsWith("REGISTRY_FAILED", () => store.tags(), why);
    assert.equal(proxy.seen.length, 1);
  },
);

fault(
  "an answer that drips",
  async (exchange) => {
    const { response } = exchange;
    response.writeHead(200, { "content-length": String(SIZE) });
    for (let i = 0; i < 100 && !response.destroyed; i++) {
      response.write("x");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    exchange.cut();
  },
  async ({ store }) => {
    await failsWith("REGISTRY_FAILED", () => pull(store, large), /sent too little within 0.4 s/);
  },
  { idleMs: 400, retry: { attempts: 2, baseMs: 1 } },
);

fault(
  "an answer that never begins",
  () => new Promise(() => {}),
  async ({ store }) => {
    await failsWith("REGISTRY_FAILED", () => push(store, small), /no answer within/);
  },
  { answerMs: 300, retry: { attempts: 2, baseMs: 1 } },
);

fault(
  "an upload that nobody takes",
  (exchange) => is(exchange, "PATCH", "blobs") ? new Promise(() => {}) : exchange.pass(),
  async ({ store, direct }) => {
    const huge = blob(new Uint8Array(60_000_000), "application/octet-stream");
    await failsWith("REGISTRY_FAILED", () => push(store, huge), /took no bytes within 0.4 s/);
    assert.equal(await direct.has(huge.descriptor), false);
  },
  { idleMs: 400, retry: { attempts: 2, baseMs: 1 } },
);

fault("a manifest that breaks off is asked for again", async (exchange, count) => {
  const cut = is(exchange, "GET", "manifests") && count <= 2;
  await exchange.pass(cut ? { cutAnswer: 20 } : {});
}, async ({ proxy, store, direct }) => {
  const { root, blobs } = imageGraph();
  await pushAll(direct, blobs);
  const target = new MemoryStore();
  await copy(store, root.descriptor, target);
  assert.equal(await target.has(root.descriptor), true);
  assert.equal(sent(proxy, "GET").filter(({ url }) => url.includes("/manifests/")).length, 5);
});

fault("wrong bytes", (exchange) => {
  if (!is(exchange, "GET", "blobs") && !is(exchange, "GET", "manifests")) return exchange.pass();
  return exchange.pass({ change: (bytes) => bytes.map((byte) => byte ^ 1) });
}, async ({ store, direct }) => {
  const { root, blobs, manifests } = imageGraph();
  await pushAll(direct, blobs);
  await direct.tag(root.descriptor, "v1");
  const target = new MemoryStore();
  await failsWith("BAD_CONTENT", () => copy(store, root.descriptor, target, { tags: ["v1"] }));
  assert.deepEqual(target.tags(), []);
  assert.equal(await target.has(manifests[0].descriptor), false);
  await failsWith("BAD_CONTENT", () => copy(store, blobs[0]?.descriptor ?? "", target));
});

fault("a wrong digest in the header", (exchange) =>
  exchange.pass({
    headers: (headers) => {
      if (headers["docker-content-digest"]) {
        headers["docker-content-digest"] = blob("other").descriptor.digest;
      }
    },
  }), async ({ store, direct }) => {
  const { root, blobs } = imageGraph();
  await pushAll(direct, blobs);
  await direct.tag(root.descriptor, "v1");
  await failsWith("BAD_CONTENT", () => store.resolve(root.descriptor.digest), /the registry has/);
  await failsWith("BAD_CONTENT", () => store.fetch(root.descriptor), /the registry has/);
  const target = new MemoryStore();
  await assert.rejects(copy(store, "v1", target, { tags: ["v1"] }));
  assert.deepEqual(target.tags(), []);
  await failsWith("BAD_CONTENT", () => push(store, root));
});

fault("a manifest of 100 MB", async (exchange) => {
  const isAnnounced = exchange.seen.url.includes("announced");
  await endlessManifest(exchange, isAnnounced ? { "content-length": "100000000" } : {});
}, async ({ store }) => {
  await failsWith("BAD_CONTENT", () => store.resolve("endless"), /larger than 4194304 bytes/);
  const d = { ...blob("x").descriptor, mediaType: "application/vnd.oci.image.manifest.v1+json" };
  await failsWith("BAD_CONTENT", () => store.fetch(d), /larger than 4194304 bytes/);
});

fault("JSON that nests two million deep", ({ answer }) => {
  const type = { "content-type": "application/vnd.oci.image.index.v1+json" };
  answer(200, type, "[".repeat(2_000_000) + "]".repeat(2_000_000));
}, async ({ store }) => {
  await failsWith("BAD_CONTENT", () => store.tags());
  await failsWith("BAD_CONTENT", () => store.referrers(small.descriptor));
});

fault("a web page", ({ answer }) => {
  answer(200, { "content-type": "text/html; charset=utf-8" }, "<html>please log in</html>");
}, async ({ store }) => {
  const calls = [
    () => store.resolve("v1"),
    () => store.has(small.descriptor),
    () => store.fetch(small.descriptor),
    () => store.tags(),
  ];
  for (const call of calls) {
    await failsWith("REGISTRY_FAILED", call, /answered with a web page; make sure that it is/);
  }
});

fault("pages without end", (exchange) => {
  const next = '</v2/app/tags/list?n=1&last=a>; rel="next"';
  exchange.answer(200, { "content-type": "application/json", link: next }, '{"tags":["a"]}');
}, async ({ store }) => {
  await failsWith("BAD_CONTENT", () => store.tags(), /its pages have no end/);
});

fault(
  "a redirect loop",
  (exchange) => exchange.answer(307, { location: exchange.seen.url }),
  async (
    { proxy, store },
  ) => {
    await failsWith("REGISTRY_FAILED", () => pull(store, small), /redirects more than 8 times/);
    assert.equal(proxy.seen.length, 9);
  },
);

Deno.test({
  name: "registry faults: a redirect and an upload elsewhere take no credentials along",
  ...needs("docker-registry"),
  async fn() {
    await using registry = await startRegistry();
    const wants = (exchange: Exchange) => {
      if (exchange.seen.headers.authorization) return true;
      exchange.answer(401, { "www-authenticate": 'Basic realm="x"' });
      return false;
    };
    // It wants to know, too: what it is told would be stolen.
    let eager = false;
    await using elsewhere = await startFaultProxy(registry.host, async (exchange) => {
      if (!eager || wants(exchange)) await exchange.pass();
    });
    await using proxy = await startFaultProxy(registry.host, async (exchange) => {
      if (!wants(exchange)) return;
      const { seen } = exchange;
      const there = `http://${elsewhere.host}`;
      if (is(exchange, "GET", "blobs")) return exchange.answer(307, { location: there + seen.url });
      await exchange.pass({
        headers: (headers) => {
          if (headers.location && seen.method === "POST") {
            headers.location = headers.location.replace(`http://${proxy.host}`, there);
          }
        },
      });
    });
    const options = {
      credentials: () => Promise.resolve(BASIC),
      retry: { baseMs: 1, attempts: 2 },
    };
    await using store = openRegistry(`${proxy.host}/app`, options);
    await soon(push(store, small));
    assert.ok(same(await soon(pull(store, small)), small.bytes));
    assert.deepEqual(elsewhere.seen.map(({ method }) => method), ["PUT", "GET"]);
    assert.ok(proxy.seen.some(({ headers }) => headers.authorization));
    eager = true;
    const refused = failsWith("UNAUTHORIZED", () => pull(store, small), /answered 401/);
    const error = await soon(refused);
    await soon(failsWith("UNAUTHORIZED", () => push(store, large)));
    for (const { headers, url } of elsewhere.seen) {
      assert.equal(headers.authorization, undefined);
      assert.equal(JSON.stringify(headers).includes("secret"), false);
      assert.equal(url.includes("secret"), false);
    }
    assert.equal(JSON.stringify([error.message, error.detail]).includes("secret"), false);
  },
});

Deno.test("registry faults: nobody there", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  await using store = openRegistry(`127.0.0.1:${port}/app`, { retry: { baseMs: 1 } });
  const began = performance.now();
  const message = new RegExp(`127.0.0.1:${port} did not answer: the connection was refused$`);
  await soon(failsWith("REGISTRY_FAILED", () => store.resolve("v1"), message));
  assert.ok(performance.now() - began < 5000);
});

Deno.test("registry faults: what is no HTTP, and heads without end", async () => {
  const answers = ["SSH-2.0-OpenSSH_9.2\r\n", `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(300)}`];
  answers.push(`HTTP/1.1 200 OK\r\na: ${"b".repeat(100_000)}`, "HTTP/1.1 100 x\r\n\r\n".repeat(50));
  for (const answer of answers) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const serving = (async () => {
      for await (const conn of listener) {
        await conn.read(new Uint8Array(4096)).catch(() => {});
        await conn.write(new TextEncoder().encode(answer)).catch(() => {});
        try {
          conn.close();
        } catch {
          // Gone.
        }
      }
    })();
    const { port } = listener.addr as Deno.NetAddr;
    const options = { retry: { baseMs: 1, attempts: 2 }, idleMs: 1000 };
    await using store = openRegistry(`127.0.0.1:${port}/app`, options);
    await soon(failsWith("REGISTRY_FAILED", () => store.resolve("v1"), /did not answer/));
    listener.close();
    await serving;
  }
});

for (const outcome of ["breaks", "succeeds"] as const) {
  Deno.test({
    name: `registry faults: an upload that a mount began is given up when the next one ${outcome}`,
    ...needs("docker-registry"),
    async fn() {
      await using faulty = await startFaulty((exchange) => {
        const isSecond = exchange.seen.url.includes("from=second");
        if (!isSecond) return exchange.pass();
        return outcome === "breaks" ? exchange.cut() : exchange.answer(201);
      });
      const { proxy } = faulty;
      await using store = openRegistry(`${proxy.host}/app`, {
        credentials: () => Promise.resolve(undefined),
        retry: { baseMs: 1, attempts: 2 },
        mountFrom: [`${proxy.host}/first`, `${proxy.host}/second`],
      });
      if (outcome === "succeeds") await push(store, small);
      else await failsWith("REGISTRY_FAILED", () => push(store, small), /did not answer/);
      assert.equal(sent(proxy, "DELETE").length, 1);
    },
  });
}
