/**
 * Foreign layers from the web servers that their manifests name: where they are, who is told what, and
 * what is made of servers that do not have them.
 * @module
 */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { copy } from "../../src/content/copy.ts";
import { readAll } from "../../src/io/streams.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import { ForeignLayers } from "../../src/place/registry/foreign.ts";
import { Registries } from "../../src/place/registry/registry.ts";
import type { RegistryOptions } from "../../src/place/registry/transport.ts";
import { failsWith } from "../support/fails.ts";
import { refusal, startOddRegistry } from "../interop/odd_registry.ts";
import { blob, image, pushAll } from "../support/image_graph.ts";

const layer = blob("x".repeat(100_000), "application/vnd.oci.image.layer.nondistributable.v1.tar");

type Answering = (request: IncomingMessage, response: ServerResponse) => void;

/** A web server; gives its address. */
async function startServer(answer: Answering): Promise<AsyncDisposable & { url: string }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bring(urls: readonly string[], options: RegistryOptions = {}): Promise<Uint8Array> {
  await using foreign = new ForeignLayers({ retry: { baseMs: 1, attempts: 2 }, ...options });
  const d: Descriptor = { ...layer.descriptor, urls };
  return await readAll(await foreign.fetch(d), 1 << 20, "the layer");
}

Deno.test("foreign layers: the first URL that has it counts, redirects and broken connections too", async () => {
  const asked: string[] = [];
  let broken = 0;
  await using server = await startServer((request, response) => {
    const { url = "", headers: { authorization = "nobody", range = "" } } = request;
    asked.push(`${url} ${authorization} ${range}`.trim());
    if (url === "/moved") return void response.writeHead(302, { location: "/there" }).end();
    if (url !== "/there") return void response.writeHead(404).end();
    const [, start = 0] = /^bytes=(\d+)-/.exec(range) ?? [];
    const part = layer.bytes.subarray(Number(start));
    const status = start === 0 ? 200 : 206;
    response.writeHead(status, {
      "content-length": String(part.length),
      ...(start === 0 ? {} : { "content-range": `bytes ${start}-99999/100000` }),
    });
    if (broken++ > 0) return void response.end(part);
    response.write(part.subarray(0, 40_000), () => setTimeout(() => response.destroy(), 50));
  });
  const urls = ["file:///etc/passwd", "no URL", `${server.url}/gone`, `${server.url}/moved`];
  // Credentials are for registries.
  const credentials = () =>
    Promise.resolve({ kind: "password" as const, username: "me", password: "secret" });
  assert.deepEqual(await bring(urls, { credentials }), layer.bytes);
  // It is no registry, which would be asked for its API first.
  assert.deepEqual(asked.slice(0, 3), ["/gone nobody", "/moved nobody", "/there nobody"]);
  assert.match(asked.at(-1) ?? "", /^\/(?:there|moved) nobody/);
});

Deno.test("foreign layers: why there is none is told", async () => {
  await using server = await startServer(({ url }, response) => {
    if (url === "/page") response.writeHead(200, { "content-type": "text/html" }).end("<p>");
    else if (url === "/short") response.writeHead(200, { "content-length": "3" }).end("abc");
    else response.writeHead(403).end();
  });
  const { digest } = layer.descriptor;
  await failsWith("NOT_FOUND", () => bring([]), new RegExp(`${digest}: .*nothing says where`));
  await failsWith("NOT_FOUND", () => bring(["ftp://127.0.0.1/x"]), /nothing says where/);
  const where = server.url.replace("http://", "");
  const refused = new RegExp(
    `^Cannot pull blob ${digest} from ${where}/x: ${where} answered 403; bring the layer into`,
  );
  await failsWith("UNAUTHORIZED", () => bring([`${server.url}/x`]), refused);
  await failsWith("REGISTRY_FAILED", () => bring([`${server.url}/page`]), /a web page/);
  await failsWith("BAD_CONTENT", () => bring([`${server.url}/short`]), /3 bytes, not the 100000/);
  await failsWith(
    "REGISTRY_FAILED",
    () => bring([`${server.url}/x`], { onlyHosts: [] }),
    /may not be dialled \(offline\)/,
  );
});

Deno.test("foreign layers: a registry that refuses them is told what to allow", async () => {
  const answer = refusal(400, "MANIFEST_INVALID", "invalid URL on layer");
  await using server = await startOddRegistry([{ method: "PUT", url: "/manifests/", answer }]);
  await using registries = new Registries();
  const platform = { os: "windows", architecture: "amd64" };
  const cases: readonly (readonly [typeof layer, RegExp])[] = [
    [layer, /invalid URL on layer\); it may have to be told .*validation\.manifests\.urls\.allow/],
    [blob("program"), /invalid URL on layer\)$/],
  ];
  for (const [one, said] of cases) {
    const { manifest, config } = image(platform, [one]);
    const source = new MemoryStore();
    await pushAll(source, [one, config, manifest]);
    const push = () => copy(source, manifest.descriptor, registries.open(`${server.host}/app`));
    await failsWith("REGISTRY_FAILED", push, said);
  }
});
