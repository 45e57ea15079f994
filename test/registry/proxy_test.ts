/**
 * Through a proxy: tunnels for https, whole URLs for plain HTTP, and who goes straight.
 * @module
 */
import assert from "node:assert/strict";
import { proxyFor } from "../../src/place/registry/proxy.ts";
import { openRegistry } from "../../src/place/registry/registry.ts";
import type { RegistryOptions } from "../../src/place/registry/transport.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { failsWith } from "../support/fails.ts";
import { imageGraph, pushAll } from "../support/image_graph.ts";
import { verify } from "../../src/content/walk.ts";
import { startProxy } from "../parts/connect_proxy.ts";
import { startSecuredRegistry } from "../parts/secured_registry.ts";

const quiet: RegistryOptions = {
  credentials: () => Promise.resolve(undefined),
  certsFolders: [],
  retry: { baseMs: 1, attempts: 2 },
};

async function thereAndBack(options: RegistryOptions): Promise<void> {
  const { root, blobs } = imageGraph();
  await using store = openRegistry("reg.test:5000/app", { ...quiet, ...options });
  await pushAll(store, blobs);
  assert.equal((await verify(store, root.descriptor)).blobs, blobs.length);
}

Deno.test({
  name: "registry proxy: https goes through a tunnel, its certificate checked or not",
  ...needs("docker-registry", "openssl"),
  async fn() {
    await using registry = await startSecuredRegistry({ tls: true });
    await using proxy = await startProxy(registry.host, true);
    const environment = { https_proxy: `http://me:p%20w@${proxy.host}` };
    await thereAndBack({ environment, caCerts: [registry.ca] });
    await thereAndBack({ environment, insecureRegistry: true });
    for (const line of proxy.asked) {
      assert.equal(line, `CONNECT reg.test:5000 Basic ${btoa("me:p w")} reg.test:5000`);
    }
    await failsWith("REGISTRY_FAILED", () => thereAndBack({ environment }), /cannot be trusted/);
  },
});

Deno.test({
  name: "registry proxy: plain HTTP goes as whole URLs, where a tunnel is refused",
  ...needs("docker-registry"),
  async fn() {
    await using registry = await startRegistry();
    await using proxy = await startProxy(registry.host, false);
    const environment = { HTTP_PROXY: proxy.host, HTTPS_PROXY: proxy.host };
    await thereAndBack({ environment, insecureRegistry: true });
    assert.match(proxy.asked[1] ?? "", /^HEAD http:\/\/reg\.test:5000\/v2\/app\/blobs\//);
    await failsWith(
      "REGISTRY_FAILED",
      () => thereAndBack({ environment }),
      /the proxy refused the tunnel$/,
    );
    await failsWith(
      "BAD_OPTION",
      () => thereAndBack({ environment: { HTTPS_PROXY: "socks5://user:hunter2@x" } }),
      /^Cannot use HTTPS_PROXY: it has to be an http:\/\/ URL$/,
    );
  },
});

Deno.test("registry proxy: its user and password are decoded, or refused without being shown", async () => {
  const loginOf = (HTTPS_PROXY: string) =>
    proxyFor(new URL("https://reg.test/"), { HTTPS_PROXY })?.login;
  assert.deepEqual(loginOf("http://me:p%20%25w@x"), { username: "me", password: "p %w" });
  assert.equal(loginOf("http://x"), undefined);
  for (const insecureRegistry of [true, false]) {
    const environment = { HTTPS_PROXY: "http://me:hunter%2@127.0.0.1:1" };
    await failsWith(
      "BAD_OPTION",
      () => thereAndBack({ environment, insecureRegistry }),
      /^Cannot use HTTPS_PROXY: it has a % in its user or password that is to be written as %25$/,
    );
  }
});

Deno.test("registry proxy: NO_PROXY names hosts, domains, ports and networks", () => {
  const HTTPS_PROXY = "http://proxy:3128";
  const straight = (host: string, NO_PROXY: string) =>
    proxyFor(new URL(`https://${host}/`), { HTTPS_PROXY, NO_PROXY }) === undefined;
  assert.equal(straight("127.0.0.1:5000", ""), true);
  assert.equal(straight("reg.local", ""), false);
  assert.equal(straight("reg.local", "*"), true);
  assert.equal(straight("reg.local", "other, reg.local"), true);
  assert.equal(straight("a.reg.local", "reg.local"), true);
  assert.equal(straight("areg.local", "reg.local"), false);
  assert.equal(straight("reg.local", ".local"), true);
  assert.equal(straight("reg.local", ".reg.local"), false);
  assert.equal(straight("reg.local:5000", "reg.local:5000"), true);
  assert.equal(straight("reg.local:5001", "reg.local:5000"), false);
  assert.equal(straight("10.1.2.3", "10.0.0.0/8"), true);
  assert.equal(straight("11.1.2.3", "10.0.0.0/8"), false);
  assert.equal(proxyFor(new URL("https://a.b/"), {}), undefined);
  assert.equal(proxyFor(new URL("https://a.b/"), { HTTP_PROXY: "http://x" }), undefined);
  assert.equal(proxyFor(new URL("http://a.b/"), { ALL_PROXY: "x:1" })?.url.href, "http://x:1/");
});
