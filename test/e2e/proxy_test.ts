/**
 * To registries behind a proxy, as the binary does it: through a tunnel with a certificate checked,
 * unchecked or shown, in plain HTTP, and through SOCKS.
 * @module
 */
import assert from "node:assert/strict";
import { openLayout } from "../../src/place/layout/layout.ts";
import { startRegistry } from "../parts/registry.ts";
import { needs } from "../parts/tools.ts";
import { startProxy } from "../parts/connect_proxy.ts";
import { startSocksProxy } from "../parts/socks_proxy.ts";
import { PASSWORD, startSecuredRegistry, USER } from "../parts/secured_registry.ts";
import { imageGraph, pushAll } from "../support/image_graph.ts";
import { denoDirectory, kodeno } from "../support/kodeno.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** Nothing listens there: who does not ask the proxy finds no such host. */
const HOST = "reg.test:5000";
const graph = imageGraph();

/** A home with a layout in it. */
async function home(): Promise<TempDir> {
  const folder = await tempDir();
  const layout = await openLayout(folder.join("layout"), { create: true });
  await pushAll(layout, graph.blobs);
  await layout.tag(graph.root.descriptor, "v1");
  return folder;
}

/** Copies an image to the registry and pulls it again. */
async function thereAndBack(
  dir: TempDir,
  proxies: Readonly<Record<string, string>>,
  flags: readonly string[],
): Promise<void> {
  const env = {
    HOME: dir.path,
    DENO_DIR: denoDirectory(),
    NO_PROXY: "",
    DENO_NO_UPDATE_CHECK: "1",
    ...proxies,
  };
  const out = await Deno.makeTempDir({ dir: dir.path });
  for (
    const args of [
      ["copy", "oci:layout:v1", `${HOST}/app:v1`],
      ["pull", `${HOST}/app:v1`, "--oci-layout", `${out}/pulled`],
    ]
  ) {
    const { code, stderr } = await kodeno([...args, ...flags], { cwd: dir.path, env });
    assert.equal(code, 0, stderr);
  }
  const pulled = await openLayout(`${out}/pulled`);
  assert.equal(await pulled.has(graph.root.descriptor), true);
}

Deno.test({
  name: "behind a proxy: through its tunnel to a registry that asks for a certificate",
  ...needs("docker-registry", "openssl"),
  async fn() {
    await using registry = await startSecuredRegistry({ tls: true, clients: true });
    await using proxy = await startProxy(registry.host, true);
    const proxies = { https_proxy: `http://me:pw@${proxy.host}` };
    await using dir = await home();
    const certs = `.docker/certs.d/${HOST}`;
    await dir.write(`${certs}/me.cert`, registry.client.cert);
    await dir.write(`${certs}/me.key`, registry.client.key);
    await thereAndBack(dir, proxies, ["--insecure-registry"]);
    await dir.write(`${certs}/ca.crt`, registry.ca);
    await thereAndBack(dir, proxies, []);
    const asked = `CONNECT ${HOST} Basic ${btoa("me:pw")} ${HOST}`;
    assert.deepEqual([...new Set(proxy.asked)], [asked]);
  },
});

Deno.test({
  name: "behind a proxy: its tunnel with a CA that is named, and plain HTTP without one",
  ...needs("docker-registry", "openssl"),
  async fn() {
    await using dir = await home();
    await using secured = await startSecuredRegistry({ tls: true });
    await using tunnel = await startProxy(secured.host, true);
    const ca = await dir.write("ca.pem", secured.ca);
    await thereAndBack(dir, { https_proxy: `http://${tunnel.host}` }, ["--ca-file", ca]);
    assert.ok(tunnel.asked.every((line) => line.startsWith("CONNECT ")), tunnel.asked.join());

    await using plain = await startRegistry();
    await using proxy = await startProxy(plain.host, false);
    const proxies = { HTTP_PROXY: proxy.host, HTTPS_PROXY: proxy.host };
    await thereAndBack(dir, proxies, ["--insecure-registry"]);
    assert.ok(proxy.asked.some((line) => line.startsWith(`GET http://${HOST}/v2/app/`)));
  },
});

Deno.test({
  name: "behind a SOCKS proxy: its tunnel with a certificate checked or not, and plain HTTP",
  ...needs("docker-registry", "openssl"),
  async fn() {
    await using dir = await home();
    await using secured = await startSecuredRegistry({ tls: true });
    const login = { username: "me", password: "p w" };
    await using tunnel = await startSocksProxy(secured.host, login);
    const ca = await dir.write("ca.pem", secured.ca);
    const https = { HTTPS_PROXY: `socks5://me:p%20w@${tunnel.host}` };
    await thereAndBack(dir, https, ["--ca-file", ca]);
    await thereAndBack(dir, https, ["--insecure-registry"]);

    await using plain = await startRegistry();
    await using proxy = await startSocksProxy(plain.host);
    await thereAndBack(dir, { all_proxy: `socks5h://${proxy.host}` }, ["--insecure-registry"]);
    for (const { asked } of [tunnel, proxy]) assert.deepEqual([...new Set(asked)], [HOST]);
  },
});

Deno.test({
  name: "behind a proxy: GitHub's registry, with the token that its actions have, and no other one",
  ...needs("docker-registry", "openssl"),
  async fn() {
    await using dir = await home();
    await using secured = await startSecuredRegistry({ tls: true, password: true });
    await using tunnel = await startProxy(secured.host, true);
    const env = {
      HOME: dir.path,
      DENO_DIR: denoDirectory(),
      NO_PROXY: "",
      https_proxy: `http://${tunnel.host}`,
      GITHUB_TOKEN: PASSWORD,
      GITHUB_ACTOR: USER,
    };
    const copied = (to: string) => {
      const args = ["copy", "-v", "oci:layout:v1", to, "--insecure-registry"];
      return kodeno(args, { cwd: dir.path, env });
    };
    const there = await copied("ghcr.io/team/app:v1");
    assert.equal(there.code, 0, there.stderr);
    const other = await copied("ghcr.test/team/app:v1");
    assert.equal(other.code, 1);
    assert.match(other.stderr, /not logged in \(401\)/);
    for (const { stdout, stderr } of [there, other]) {
      assert.ok(!`${stdout}${stderr}`.includes(PASSWORD));
    }
  },
});
