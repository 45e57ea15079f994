/**
 * Through a proxy: tunnels for https, whole URLs for plain HTTP, SOCKS, and who goes straight.
 * @module
 */
import assert from "node:assert/strict";
import { proxyFor } from "../../src/place/registry/proxy.ts";
import { openRegistry } from "../../src/place/registry/registry.ts";
import { type RegistryOptions, Transport } from "../../src/place/registry/transport.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { failsWith } from "../support/fails.ts";
import { imageGraph, pushAll } from "../support/image_graph.ts";
import { verify } from "../../src/content/check.ts";
import { startProxy } from "../parts/connect_proxy.ts";
import { startSocksProxy } from "../parts/socks_proxy.ts";
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
      () => thereAndBack({ environment: { HTTPS_PROXY: "socks4://user:hunter2@x" } }),
      /^Cannot use HTTPS_PROXY: it has to be an http:\/\/ or socks5:\/\/ URL$/,
    );
  },
});

for (const scheme of ["socks5", "socks5h"]) {
  Deno.test({
    name: `registry proxy: through ${scheme}, https and plain HTTP, with a password and without`,
    ...needs("docker-registry", "openssl"),
    async fn() {
      await using secured = await startSecuredRegistry({ tls: true });
      await using plain = await startRegistry();
      for (const login of [undefined, { username: "me", password: "p w" }]) {
        const user = login ? "me:p%20w@" : "";
        await using https = await startSocksProxy(secured.host, login);
        const HTTPS_PROXY = `${scheme}://${user}${https.host}`;
        await thereAndBack({ environment: { HTTPS_PROXY }, caCerts: [secured.ca] });
        await thereAndBack({ environment: { HTTPS_PROXY }, insecureRegistry: true });
        await using http = await startSocksProxy(plain.host, login);
        const ALL_PROXY = `${scheme}://${user}${http.host}`;
        await thereAndBack({ environment: { ALL_PROXY }, insecureRegistry: true });
        // Names are looked up there, and nobody goes past it.
        for (const { asked } of [https, http]) {
          assert.deepEqual([...new Set(asked)], ["reg.test:5000"]);
        }
      }
      await using closed = await startSocksProxy(secured.host, { username: "a", password: "b" });
      for (const user of ["", "a:wrong@"]) {
        const HTTPS_PROXY = `${scheme}://${user}${closed.host}`;
        await isRefused(
          "reg.test:5000",
          HTTPS_PROXY,
          /the proxy refused the tunnel \(.*authentication/i,
        );
        const checked = () => thereAndBack({ environment: { HTTPS_PROXY }, caCerts: [secured.ca] });
        await failsWith("REGISTRY_FAILED", checked, /SOCKS proxy wants another user and password$/);
      }
      assert.deepEqual(closed.asked, []);
    },
  });
}

/** Without checks of certificates, when `fetch` does not open the tunnel. */
async function isRefused(host: string, HTTPS_PROXY: string, why: RegExp): Promise<void> {
  const environment = { HTTPS_PROXY };
  const transport = new Transport({ certsFolders: [], environment, insecureRegistry: true });
  try {
    const url = new URL(`https://${host}/v2/`);
    await assert.rejects(transport.send({ method: "GET", url }), why);
  } finally {
    await transport.close();
  }
}

Deno.test("registry proxy: a SOCKS proxy is told addresses as what they are", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  await using proxy = await startSocksProxy(`127.0.0.1:${listener.addr.port}`);
  for (const host of ["10.1.2.3", "[2001:db8::1:0:2]:5000", "[::ffff:0:0]:5000"]) {
    const why = /the proxy refused the tunnel \(.*ConnectionRefused\)$/;
    await isRefused(host, `socks5://${proxy.host}`, why);
  }
  assert.deepEqual(proxy.asked, [
    "10.1.2.3:443",
    "2001:db8:0:0:0:1:0:2:5000",
    "0:0:0:0:0:ffff:0:0:5000",
  ]);
  await using web = await startProxy("127.0.0.1:1", true);
  await isRefused("reg.test", `socks5://${web.host}`, /closed|Socks5/);
});

Deno.test("registry proxy: one that does not answer is named", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  const gone = `127.0.0.1:${listener.addr.port}`;
  for (const scheme of ["http", "socks5"]) {
    const environment = { HTTPS_PROXY: `${scheme}://me:hunter2@${gone}` };
    const why = new RegExp(`: reg\\.test:5000 did not answer: [^:;]*, through the proxy ${gone}$`);
    await failsWith("REGISTRY_FAILED", () => thereAndBack({ environment }), why);
    await isRefused(
      "reg.test",
      environment.HTTPS_PROXY,
      new RegExp(`, through the proxy ${gone}$`),
    );
  }
  await using web = await startProxy("127.0.0.1:1", true);
  const environment = { HTTPS_PROXY: `socks5://${web.host}` };
  const why = /: the proxy does not speak SOCKS5$/;
  await failsWith("REGISTRY_FAILED", () => thereAndBack({ environment }), why);
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

Deno.test("registry proxy: NO_PROXY names hosts, domains, ports and networks", async () => {
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
  for (const ALL_PROXY of ["socks5://x", "socks5h://x:1080"]) {
    assert.equal(proxyFor(new URL("http://a.b/"), { ALL_PROXY })?.url.href, "socks5://x:1080");
  }
  const unusable = [["ftp://x", "has to be an"], ["socks5://", "is not a URL"]] as const;
  for (const [ALL_PROXY, why] of unusable) {
    const bad = new RegExp(`^Cannot use ALL_PROXY: it ${why}`);
    await failsWith("BAD_OPTION", () => proxyFor(new URL("http://a.b/"), { ALL_PROXY }), bad);
  }
});
