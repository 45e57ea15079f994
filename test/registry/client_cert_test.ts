/**
 * Registries that let in only who shows a certificate: those of Docker's `certs.d`, for the one host
 * they are for, straight and through a proxy.
 * @module
 */
import assert from "node:assert/strict";
import { verify } from "../../src/content/check.ts";
import { checkClientCert } from "../../src/place/registry/certs.ts";
import { openRegistry } from "../../src/place/registry/registry.ts";
import type { RegistryOptions } from "../../src/place/registry/transport.ts";
import { needs, rootTool } from "../parts/tools.ts";
import { failsWith } from "../support/fails.ts";
import { imageGraph, pushAll } from "../support/image_graph.ts";
import { denoDirectory, kodeno } from "../support/kodeno.ts";
import { succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import { startProxy } from "../parts/connect_proxy.ts";
import { type SecuredRegistry, startSecuredRegistry } from "../parts/secured_registry.ts";

const PARTS = ["docker-registry", "openssl"];

async function thereAndBack(name: string, options: RegistryOptions): Promise<void> {
  const { root, blobs } = imageGraph();
  const credentials = () => Promise.resolve(undefined);
  const retry = { baseMs: 1, attempts: 2 };
  await using store = openRegistry(name, { credentials, retry, ...options });
  await pushAll(store, blobs);
  assert.equal((await verify(store, root.descriptor)).blobs, blobs.length);
}

/** A `certs.d` folder with what a registry at `host` needs. */
async function certsFolder(host: string, { ca, client }: SecuredRegistry): Promise<TempDir> {
  const folder = await tempDir();
  await folder.write(`${host}/ca.crt`, ca);
  await folder.write(`${host}/me.cert`, client.cert);
  await folder.write(`${host}/me.key`, client.key);
  return folder;
}

Deno.test({
  name: "registry: a client certificate of certs.d lets in, and without it one is told",
  ...needs(...PARTS),
  async fn() {
    await using registry = await startSecuredRegistry({ tls: true, clients: true });
    const { host, ca } = registry;
    await using folder = await certsFolder(host, registry);
    const certsFolders = [folder.path];
    await thereAndBack(`${host}/app`, { certsFolders });
    await thereAndBack(`${host}/unchecked`, { certsFolders, insecureRegistry: true });
    const nobody = new RegExp(
      `${host} did not answer: it lets in only who shows a client certificate that it knows; ` +
        `put NAME.cert and NAME.key into ~/.docker/certs.d/${host}$`,
    );
    for (const more of [{ caCerts: [ca] }, { insecureRegistry: true }]) {
      const options = { ...more, certsFolders: [] };
      await failsWith("REGISTRY_FAILED", () => thereAndBack(`${host}/app`, options), nobody);
    }
    // One that another CA has made.
    await using other = await startSecuredRegistry({ tls: true, clients: true });
    await using foreign = await certsFolder(host, { ...other, ca });
    const options = { certsFolders: [foreign.path] };
    await failsWith("REGISTRY_FAILED", () => thereAndBack(`${host}/app`, options), nobody);
  },
});

Deno.test({
  name: "registry: a client certificate is shown through a tunnel, to its own host only",
  ...needs(...PARTS),
  async fn() {
    await using registry = await startSecuredRegistry({ tls: true, clients: true });
    await using proxy = await startProxy(registry.host, true);
    const environment = { https_proxy: `http://${proxy.host}` };
    await using folder = await certsFolder("reg.test:5000", registry);
    const certsFolders = [folder.path];
    await thereAndBack("reg.test:5000/app", { environment, certsFolders });
    await thereAndBack("reg.test:5000/unchecked", {
      environment,
      certsFolders,
      insecureRegistry: true,
    });
    assert.ok(proxy.asked.length > 0);
    await failsWith(
      "REGISTRY_FAILED",
      () =>
        thereAndBack("reg.test:5001/app", { environment, certsFolders, caCerts: [registry.ca] }),
      /lets in only who shows a client certificate/,
    );
  },
});

Deno.test({
  name: "registry: a client certificate that cannot be used is told of in one line",
  ...needs(...PARTS),
  async fn() {
    await using registry = await startSecuredRegistry({ tls: true, clients: true });
    const { host, client, ca } = registry;
    const openssl = rootTool("openssl") ?? "";
    await using other = await tempDir();
    const key = ["ecparam", "-name", "prime256v1", "-genkey", "-noout"];
    const otherKey = await succeed(openssl, key);
    // Without extensions openssl makes certificates of version 1.
    const request = ["-subj", "/CN=old", "-keyout", other.join("k"), "-out", other.join("c")];
    await succeed(openssl, ["req", "-newkey", "rsa:2048", "-nodes", ...request]);
    const old = await succeed(openssl, [
      "x509",
      "-req",
      "-in",
      other.join("c"),
      "-signkey",
      other.join("k"),
    ]);
    const oldKey = await Deno.readTextFile(other.join("k"));
    const locked = await succeed(openssl, [
      ...["pkcs8", "-topk8", "-in", other.join("k"), "-passout", "pass:x"],
    ]);
    const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
      [{ "me.cert": client.cert }, /me\.cert: its key me\.key is missing; a CA's .* end in \.crt$/],
      [{ "me.key": client.key }, /me\.key: its client certificate me\.cert is missing$/],
      [{ "me.cert": client.cert, "me.key": otherKey }, /me\.cert: .*me\.key is the key of another/],
      [{ "me.cert": "x", "me.key": client.key }, /me\.cert: it is no PEM certificate/],
      [{ "me.cert": client.cert, "me.key": "x" }, /me\.cert: its key .*me\.key is no PEM key/],
      [{ "me.cert": old, "me.key": locked }, /me\.cert: it is one of X\.509 version 1/],
      [{ "me.cert": old, "me.key": oldKey }, /me\.cert: it is one of X\.509 version 1/],
    ];
    for (const [files, message] of cases) {
      await using home = await tempDir();
      const certs = `.docker/certs.d/${host}`;
      await home.write(`${certs}/ca.crt`, ca);
      for (const [name, text] of Object.entries(files)) await home.write(`${certs}/${name}`, text);
      const env = { HOME: home.path, DENO_DIR: denoDirectory() };
      const { code, stdout, stderr } = await kodeno(["pull", `${host}/app`], {
        cwd: home.path,
        env,
      });
      assert.deepEqual([code, stdout], [2, ""], stderr);
      assert.match(stderr, /^Error: Cannot use [^\n]*\n$/);
      assert.match(stderr.trimEnd(), message);
    }
  },
});

Deno.test({
  name: "registry: a locked key is no key that can be used",
  ...needs("openssl"),
  async fn() {
    await using dir = await tempDir();
    const openssl = rootTool("openssl") ?? "";
    const made = ["req", "-x509", "-newkey", "rsa:2048", "-days", "2", "-subj", "/CN=me"];
    const out = ["-passout", "pass:x", "-keyout", dir.join("key"), "-out", dir.join("cert")];
    await succeed(openssl, [...made, ...out]);
    const cert = await Deno.readTextFile(dir.join("cert"));
    const key = await Deno.readTextFile(dir.join("key"));
    await failsWith(
      "BAD_CONFIG",
      () => checkClientCert("/x/me.cert", { cert, key }),
      /without a password$/,
    );
  },
});
