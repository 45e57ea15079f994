/**
 * What a hostile registry may try: to be given in plain what https would keep, and to go on for ever
 * where each byte comes in time.
 * @module
 */
import assert from "node:assert/strict";
import { openRegistry } from "../../src/place/registry/registry.ts";
import { makeCertificates } from "../parts/certificates.ts";
import { type Exchange, startFaultProxy } from "../parts/fault_proxy.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { failsWith, soon } from "../support/fails.ts";
import { imageGraph, pushAll } from "../support/image_graph.ts";
import { tempDir } from "../support/temp.ts";
import { is, large, pull, push, small } from "./fault_lab.ts";

const BASIC = { kind: "password", username: "ali", password: "secret-of-ali" } as const;
const MANIFEST = { "content-type": "application/vnd.oci.image.manifest.v1+json" };
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test({
  name: "registry bounds: from https nothing follows to plain HTTP",
  ...needs("docker-registry", "openssl"),
  async fn() {
    await using dir = await tempDir();
    await makeCertificates(dir.path);
    const [cert, key, ca] = await Promise.all(
      ["server.crt", "server.key", "ca.crt"].map((name) => Deno.readTextFile(dir.join(name))),
    );
    await using registry = await startRegistry();
    await using plain = await startFaultProxy(registry.host, (exchange) => exchange.pass());
    // On loopback under another name, so that it is no plain address of the registry itself.
    const there = `http://localhost:${plain.host.split(":")[1]}`;
    let how: "pass" | "redirect" | "location" | "token" = "pass";
    const handle = async (exchange: Exchange) => {
      const { seen, answer } = exchange;
      if (!seen.headers.authorization) {
        const basic = 'Basic realm="x"';
        const token = `Bearer realm="${there}/token",service="x"`;
        return answer(401, { "www-authenticate": how === "token" ? token : basic });
      }
      if (how === "redirect") return answer(307, { location: there + seen.url });
      if (how === "location" && seen.url.includes("tags/list")) {
        const link = `<${there}${seen.url}&last=v1>; rel="next"`;
        return answer(200, { "content-type": "application/json", link }, '{"tags":["v1"]}');
      }
      await exchange.pass({
        headers: (headers) => {
          if (headers.location) {
            const to = how === "location" ? there : `https://${proxy.host}`;
            headers.location = headers.location.replace(/^http:\/\/[^/]+/, to);
          }
        },
      });
    };
    await using proxy = await startFaultProxy(registry.host, handle, {
      cert: cert ?? "",
      key: key ?? "",
    });
    const credentials = () => Promise.resolve(BASIC);
    const retry = { attempts: 2, baseMs: 1 };
    const options = { credentials, retry, caCerts: [ca ?? ""] };
    const open = () => openRegistry(`${proxy.host}/app`, options);
    const { root, blobs } = imageGraph();
    await using good = open();
    await soon(pushAll(good, [...blobs, small]));
    await good.tag(root.descriptor, "v1");
    assert.deepEqual(plain.seen, []);

    const unsafe = /sends on to localhost:\d+ by http:, which is not safe/;
    how = "redirect";
    const calls = [
      () => pull(good, small),
      () => good.resolve("v1"),
      () => good.tags(),
      () => good.referrers(root.descriptor),
    ];
    for (const call of calls) await soon(failsWith("REGISTRY_FAILED", call, unsafe));
    // What writes is not sent on at all.
    await soon(failsWith("REGISTRY_FAILED", () => push(open(), large)));
    how = "location";
    await soon(failsWith("REGISTRY_FAILED", () => push(open(), large), unsafe));
    await soon(failsWith("BAD_CONTENT", () => good.tags(), /its next page is on localhost/));
    how = "token";
    await soon(
      failsWith("REGISTRY_FAILED", () => open().tags(), /a token server that is not safe to ask/),
    );
    // Where certificates are not looked at, https stays https.
    how = "redirect";
    await using careless = openRegistry(`${proxy.host}/app`, {
      ...options,
      insecureRegistry: true,
    });
    await soon(failsWith("REGISTRY_FAILED", () => pull(careless, small), unsafe));
    assert.deepEqual(plain.seen, []);
  },
});

/** A registry of the test's own making, and what was told of delays. */
async function hostile(
  handle: (exchange: Exchange) => Promise<unknown> | unknown,
  documentMs: number,
) {
  const proxy = await startFaultProxy("127.0.0.1:1", handle);
  const told: string[] = [];
  const store = openRegistry(`${proxy.host}/app`, {
    credentials: () => Promise.resolve(undefined),
    retry: { baseMs: 1 },
    documentMs,
    onDelay: (message) => told.push(message),
  });
  return {
    proxy,
    store,
    told,
    async [Symbol.asyncDispose]() {
      store.close();
      await proxy.stop();
    },
  };
}

/** Begins an answer, and goes on with it for ever, byte by byte. */
async function drip({ seen, response }: Exchange, headers: Record<string, string>): Promise<void> {
  response.writeHead(200, headers);
  if (seen.method === "HEAD") return void response.end();
  while (!response.destroyed) {
    response.write(" ");
    await sleep(20);
  }
}

Deno.test("registry bounds: a manifest that drips has an end, all tries together", async () => {
  await using lab = await hostile((exchange) => drip(exchange, MANIFEST), 500);
  const began = performance.now();
  await soon(
    failsWith("REGISTRY_FAILED", () => lab.store.resolve("v1"), /did not come whole within/),
  );
  assert.ok(performance.now() - began >= 450);
  assert.equal(lab.proxy.seen.filter(({ method }) => method === "GET").length, 1);
});

Deno.test("registry bounds: a head that has no end, and too many of them", async () => {
  const long = "x".repeat(8000);
  await using lab = await hostile(({ seen, response }) => {
    if (seen.url.includes("referrers")) {
      response.writeHead(
        200,
        Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`a${i}`, long])),
      );
      response.end();
      return;
    }
    response.socket?.write("HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n".repeat(50));
  }, 500);
  const { store } = lab;
  await soon(failsWith("REGISTRY_FAILED", () => store.referrers(small.descriptor), /too long/));
  // The runtime waits for the answer that these announce.
  await soon(failsWith("REGISTRY_FAILED", () => store.tags(), /did not come whole within 2.5 s/));
});

Deno.test("registry bounds: lists of ever new pages have an end, and -v tells of them", async () => {
  let page = 0;
  const next = (seen: Exchange["seen"]) =>
    `<${seen.url.split("?")[0]}?n=1000&last=${page++}>; rel="next"`;
  const name = JSON.stringify("x".repeat(1_000_000));
  await using large = await hostile(({ seen, answer }) => {
    const index = seen.url.includes("referrers");
    const type = index ? "application/vnd.oci.image.index.v1+json" : "application/json";
    const annotations = `"annotations":{"x":${name}}`;
    const body = index ? `{"schemaVersion":2,"manifests":[],${annotations}}` : `{"tags":[${name}]}`;
    answer(200, { "content-type": type, link: next(seen) }, body);
  }, 60_000);
  const whole = /it has more than 33554432 bytes/;
  await soon(failsWith("BAD_CONTENT", () => large.store.tags(), whole));
  await soon(failsWith("BAD_CONTENT", () => large.store.referrers(small.descriptor), whole));
  assert.match(large.told.join("\n"), /Reading on to list tags of \S+\/app: 2 pages, \d+ bytes/);

  await using slow = await hostile(async ({ seen, answer }) => {
    await sleep(50);
    answer(200, { "content-type": "application/json", link: next(seen) }, '{"tags":["a"]}');
  }, 100);
  const late = /the list did not come whole within 0\.5 s/;
  await soon(failsWith("REGISTRY_FAILED", () => slow.store.tags(), late));
});

Deno.test("registry bounds: each try that failed is told of, with its reason", async () => {
  let asked = 0;
  await using lab = await hostile((exchange) => {
    if (is(exchange, "GET", "tags") && asked++ < 2) return exchange.answer(503);
    exchange.answer(200, { "content-type": "application/json" }, '{"tags":["a"]}');
  }, 1000);
  assert.deepEqual(await soon(lab.store.tags()), ["a"]);
  assert.equal(lab.told.length, 2);
  assert.match(
    lab.told[1] ?? "",
    /^Could not list tags of \S+: \S+ answered 503; trying again in \d\.\d s \(2 of 5\)$/,
  );
});
