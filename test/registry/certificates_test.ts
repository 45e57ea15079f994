/**
 * Which certificates of a server are trusted, by whose word, and what is told of the others.
 * @module
 */
import assert from "node:assert/strict";
import { DaemonClient } from "../../src/place/daemon/client.ts";
import { openRegistry } from "../../src/place/registry/registry.ts";
import { type RegistryOptions, Transport } from "../../src/place/registry/transport.ts";
import {
  LOOPBACK_NAMES,
  makeCertificates,
  makeOwnCertificate,
  openssl,
} from "../parts/certificates.ts";
import { startOddRegistry } from "../interop/odd_registry.ts";
import { startProxy } from "../parts/connect_proxy.ts";
import { startSecuredRegistry } from "../parts/secured_registry.ts";
import { needs } from "../parts/tools.ts";
import { failsWith } from "../support/fails.ts";
import { kodeno } from "../support/kodeno.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** One of the CA that `makeCertificates` has made, which was good for a day of 2020. */
async function expired(dir: TempDir): Promise<void> {
  const config = `[ca]\ndefault_ca = own\n[own]\ndatabase = ${dir.join("db")}\nserial = ${
    dir.join("serial")
  }\nnew_certs_dir = ${dir.path}\ndefault_md = sha256\npolicy = any\n[any]\ncommonName = supplied\n`;
  await dir.write("ca.cnf", config);
  await dir.write("db", "");
  await dir.write("serial", "7001\n");
  await dir.write("names", `${LOOPBACK_NAMES}\n`);
  await openssl(
    ...["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=old"],
    ...["-keyout", dir.join("old.key"), "-out", dir.join("old.csr")],
  );
  await openssl(
    ...["ca", "-batch", "-notext", "-config", dir.join("ca.cnf"), "-extfile", dir.join("names")],
    ...["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"],
    ...["-cert", dir.join("ca.crt"), "-keyfile", dir.join("ca.key")],
    ...["-in", dir.join("old.csr"), "-out", dir.join("old.crt")],
  );
}

/** A server that shows a certificate of a folder, and answers anything. */
async function serve(dir: TempDir, name: string) {
  const read = (kind: string) => Deno.readTextFile(dir.join(`${name}.${kind}`));
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    cert: await read("crt"),
    key: await read("key"),
    onListen: () => {},
  }, (request) => new Response(request.method === "GET" ? `{"Version":"1"}` : null));
  const host = `127.0.0.1:${server.addr.port}`;
  return { host, port: server.addr.port, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** Asks a host; gives the status of its answer, or throws what a user of a registry is told. */
async function ask(host: string, options: RegistryOptions = {}): Promise<number> {
  const all = { certsFolders: [], connectMs: 5000, ...options };
  const transport = new Transport(all);
  try {
    const url = new URL(`https://${host}/v2/`);
    const { status, body } = await transport.send({ method: "GET", url });
    await body.cancel();
    return status;
  } catch (error) {
    await using store = openRegistry(`${host}/app`, all);
    await store.resolve("v1");
    throw error;
  } finally {
    await transport.close();
  }
}

Deno.test("certificates: those of the system are read where a server needs them", async () => {
  await using server = await startOddRegistry();
  const warnings: string[] = [];
  const environment = { SSL_CERT_FILE: "/nowhere.pem" };
  const onWarning = (message: string) => warnings.push(message);
  await using store = openRegistry(`${server.host}/app`, { environment, onWarning });
  await failsWith("NOT_FOUND", () => store.resolve("v1"));
  assert.deepEqual(warnings, []);
});

Deno.test({
  name:
    "certificates: expired, of another host, without a name, and of an unknown CA are told apart",
  ...needs("openssl"),
  async fn(t) {
    await using dir = await tempDir();
    await makeCertificates(dir.path);
    await expired(dir);
    const caCerts = [await Deno.readTextFile(dir.join("ca.crt"))];
    // Signed by the CA, for nobody: the client's.
    const cases: readonly (readonly [name: string, options: RegistryOptions, told: RegExp])[] = [
      ["server", {}, /cannot be trusted: nobody here knows the CA .*; name its CA with --ca-file/],
      ["old", { caCerts }, /its certificate expired on 2020-01-02; have a better one made/],
      ["client", { caCerts }, /its certificate is for no host: it has no subjectAltName; have a/],
    ];
    for (const [name, options, told] of cases) {
      await t.step(name, async () => {
        await using server = await serve(dir, name);
        await failsWith("REGISTRY_FAILED", () => ask(server.host, options), told);
      });
    }
    await t.step("another host", async () => {
      await using server = await serve(dir, "server");
      assert.equal(await ask(server.host, { caCerts }), 200);
      await using proxy = await startProxy(server.host, true);
      const environment = { https_proxy: `http://${proxy.host}` };
      const told = /its certificate is for other hosts: .*reg\.test.*; have a better one made/;
      const options = { caCerts, environment };
      await failsWith("REGISTRY_FAILED", () => ask("other.test:5000", options), told);
    });
  },
});

Deno.test({
  name: "certificates: those of the system are trusted, by variables, for registries and daemons",
  ...needs("openssl"),
  async fn() {
    await using dir = await tempDir();
    await makeCertificates(dir.path);
    await using server = await serve(dir, "server");
    await dir.write("folder/company.pem", await Deno.readTextFile(dir.join("ca.crt")));
    // One that the runtime cannot read stands before it.
    const broken = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    await dir.write("bundle.pem", broken + await Deno.readTextFile(dir.join("ca.crt")));
    const endpoint = { kind: "tcp", host: "127.0.0.1", port: server.port, tls: {} } as const;
    const version = async (environment: Record<string, string>, ca?: string) => {
      const tls = ca === undefined ? {} : { ca };
      using client = new DaemonClient({ ...endpoint, tls }, environment);
      return (await client.ask("GET", "/version")).text;
    };
    for (
      const environment of [
        { SSL_CERT_FILE: dir.join("ca.crt") },
        { SSL_CERT_DIR: dir.join("folder") },
        { SSL_CERT_FILE: dir.join("bundle.pem"), SSL_CERT_DIR: dir.join("none") },
      ]
    ) {
      assert.equal(await ask(server.host, { environment }), 200);
      assert.equal(await version(environment), '{"Version":"1"}');
    }
    await failsWith("REGISTRY_FAILED", () => ask(server.host), /nobody here knows the CA/);
    const unknown = /nobody here knows the CA .*; put that of its CA into ca\.pem/;
    await failsWith("IO_FAILED", () => version({}), unknown);
    // As Docker has it, a CA that is named for a daemon is the only one.
    const own = await makeOwnCertificate(dir.path, "own");
    const environment = { SSL_CERT_FILE: dir.join("ca.crt") };
    await failsWith("IO_FAILED", () => version(environment, own), unknown);
  },
});

Deno.test({
  name: "certificates: a command needs no variable of the runtime for the system's",
  ...needs("docker-registry", "openssl"),
  async fn() {
    await using dir = await tempDir();
    await using registry = await startSecuredRegistry({ tls: true });
    const SSL_CERT_FILE = await dir.write("ca.crt", registry.ca);
    const args = ["pull", `${registry.host}/app:v1`];
    const pull = (env: Record<string, string>) =>
      kodeno(args, { cwd: dir.path, env: { DENO_TLS_CA_STORE: "mozilla", ...env } });
    assert.match((await pull({})).stderr, /nobody here knows the CA/);
    // It is asked, and has no such image.
    const { stderr } = await pull({ SSL_CERT_FILE });
    assert.match(stderr, /the registry does not have it/);
  },
});

Deno.test({
  name: "certificates: a server's own one is trusted where it is named itself, and nowhere else",
  ...needs("openssl"),
  async fn(t) {
    await using dir = await tempDir();
    const own = await makeOwnCertificate(dir.path, "own");
    const other = await makeOwnCertificate(dir.path, "other");
    await using server = await serve(dir, "own");
    const { host } = server;
    const folder = async (name: string, of: string, pem: string) => {
      await dir.write(`${name}/${of}/ca.crt`, pem);
      return { certsFolders: [dir.join(name)] };
    };
    const good: Record<string, RegistryOptions> = {
      "a CA file": { caCerts: [own] },
      "one of several": { caCerts: [other, `${other}\n${own}`] },
      "certs.d": await folder("certs", host, own),
    };
    for (const [name, options] of Object.entries(good)) {
      await t.step(name, async () => {
        assert.equal(await ask(host, options), 200);
        // Many at once find out, and a stream is sent anew.
        const transport = new Transport({ certsFolders: [], ...options });
        const get = async () => {
          const url = new URL(`https://${host}/v2/`);
          const { status, body } = await transport.send({ method: "GET", url });
          await body.cancel();
          return status;
        };
        assert.deepEqual(await Promise.all([get(), get(), get()]), [200, 200, 200]);
        await transport.close();
      });
    }
    const authority = /its certificate is that of a CA \(CA:TRUE\).*; name it with --ca-file/;
    const bad: Record<string, RegistryOptions> = {
      "nothing": {},
      "another one": { caCerts: [other] },
      "certs.d of another host": await folder("others", "127.0.0.1:1", own),
      "the system": { environment: { SSL_CERT_FILE: dir.join("own.crt") } },
    };
    for (const [name, options] of Object.entries(bad)) {
      await t.step(name, async () => {
        await failsWith("REGISTRY_FAILED", () => ask(host, options), authority);
      });
    }
    await t.step("no name in it", async () => {
      const nameless = await makeOwnCertificate(dir.path, "nameless", "");
      await using server = await serve(dir, "nameless");
      const told = /its certificate is for no host: it has no subjectAltName; have a better one/;
      await failsWith("REGISTRY_FAILED", () => ask(server.host, { caCerts: [nameless] }), told);
    });
    await t.step("another name in it", async () => {
      const away = await makeOwnCertificate(dir.path, "away", "subjectAltName=DNS:away.test");
      await using server = await serve(dir, "away");
      const told = /its certificate is for other hosts.*; have a better one made/;
      await failsWith("REGISTRY_FAILED", () => ask(server.host, { caCerts: [away] }), told);
    });
    await t.step("through a tunnel", async () => {
      await using proxy = await startProxy(host, true);
      const environment = { https_proxy: `http://${proxy.host}` };
      assert.equal(await ask("reg.test:5000", { caCerts: [own], environment }), 200);
    });
    await t.step("a daemon's", async () => {
      const version = async (ca: string) => {
        const tls = { ca };
        const endpoint = { kind: "tcp", host: "127.0.0.1", port: server.port, tls } as const;
        using client = new DaemonClient(endpoint);
        return (await client.ask("GET", "/version")).text;
      };
      assert.equal(await version(own), '{"Version":"1"}');
      await failsWith("IO_FAILED", () => version(other), /certificate is that of a CA .*ca\.pem/);
    });
  },
});
