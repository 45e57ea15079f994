/**
 * Who is asking: basic authentication and TLS of a real registry, and tokens of a server of the
 * tests before one.
 * @module
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { copy, type CopyOptions } from "../../src/content/copy.ts";
import { verify } from "../../src/content/check.ts";
import { bytesStream } from "../../src/io/streams.ts";
import type { Credential } from "../../src/place/registry/credentials.ts";
import { RegistryError } from "../../src/place/registry/failure.ts";
import { openRegistry } from "../../src/place/registry/registry.ts";
import type { RegistryOptions } from "../../src/place/registry/transport.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import { startTokenRegistry } from "../parts/token_registry.ts";
import { needs } from "../parts/tools.ts";
import { failsWith } from "../support/fails.ts";
import { blob, imageGraph, pushAll } from "../support/image_graph.ts";
import { tempDir } from "../support/temp.ts";
import { PASSWORD, startSecuredRegistry, USER } from "../parts/secured_registry.ts";

const password: Credential = { kind: "password", username: USER, password: PASSWORD };
const showing = (credential: Credential | undefined): RegistryOptions => ({
  credentials: () => Promise.resolve(credential),
  retry: { baseMs: 1 },
});

/** Pushes an image, and pulls it again. */
async function thereAndBack(
  name: string,
  options: RegistryOptions,
  how: CopyOptions = {},
): Promise<void> {
  const { root, blobs } = imageGraph();
  const from = new MemoryStore();
  await pushAll(from, blobs);
  await using store = openRegistry(name, options);
  await copy(from, root.descriptor, store, { ...how, tags: ["v1"] });
  await using again = openRegistry(name, options);
  const found = await again.resolve("v1");
  assert.equal(found.digest, root.descriptor.digest);
  assert.equal((await verify(again, found)).blobs, blobs.length);
  assert.deepEqual(await again.tags(), ["v1"]);
}

Deno.test({
  name: "registry: basic authentication",
  ...needs("docker-registry"),
  async fn() {
    await using registry = await startSecuredRegistry({ password: true });
    const name = `${registry.host}/app`;
    await thereAndBack(name, showing(password));
    const wrong: Credential = { kind: "password", username: USER, password: "guessed" };
    const said = [
      [undefined, "not logged in (401)"],
      [wrong, "registry answered 401 (UNAUTHORIZED: authentication required)"],
    ] as const;
    for (const [credential, why] of said) {
      await using store = openRegistry(name, showing(credential));
      const error = await failsWith("UNAUTHORIZED", () => store.tags());
      assert.equal(
        error.message,
        `Cannot list tags of ${name}: ${why}; run "kodeno login ${registry.host}"`,
      );
      assert.ok(error instanceof RegistryError);
      assert.equal(error.status, 401);
      assert.deepEqual(error.registryCodes, ["UNAUTHORIZED"]);
      // The answer to HEAD has no words.
      const pushed = await failsWith("UNAUTHORIZED", () => pushAll(store, [blob("b")]));
      const next = `run "kodeno login ${registry.host}"`;
      assert.equal(pushed.message, `Cannot push to ${name}: ${why}; ${next}`);
    }
  },
});

Deno.test({
  name: "registry: a token that nobody gave for it does not hinder what everybody may pull",
  ...needs("docker-registry"),
  async fn() {
    await using registry = await startTokenRegistry({ users: { me: "mine" }, isOpen: true });
    const name = `${registry.host}/app`;
    const mine: Credential = { kind: "password", username: "me", password: "mine" };
    await thereAndBack(name, showing(mine));
    const other = { ...mine, password: "other" };
    await using given = openRegistry(name, showing(other));
    await failsWith("UNAUTHORIZED", () => given.resolve("v1"));
    const ambient = showing({ ...other, isAmbient: true });
    await using found = openRegistry(name, ambient);
    const root = await found.resolve("v1");
    await verify(found, root);
    // Nobody pushes without being known.
    await using pushing = openRegistry(name, ambient);
    const error = await failsWith("UNAUTHORIZED", () => pushAll(pushing, [blob("b")]));
    assert.ok(!error.message.includes("other"), error.message);
  },
});

Deno.test({
  name: "registry: TLS of an own CA, by option, by certs.d, and unchecked",
  ...needs("docker-registry", "openssl"),
  async fn() {
    await using registry = await startSecuredRegistry({ tls: true });
    const { host, ca } = registry;
    const name = `${host}/app`;
    const anonymous = showing(undefined);
    await thereAndBack(name, { ...anonymous, caCerts: [ca] });
    await using folder = await tempDir();
    await folder.write(`${host}/ca.crt`, ca);
    await folder.write(`${host}/README.txt`, "not a certificate");
    await thereAndBack(`${host}/two`, { ...anonymous, certsFolders: [folder.path] });
    await thereAndBack(`${host}/three`, { ...anonymous, insecureRegistry: true });
    // A certificate that is not known is no reason to go without TLS, not even on loopback.
    await using store = openRegistry(name, { ...anonymous, certsFolders: [] });
    await failsWith(
      "REGISTRY_FAILED",
      () => store.resolve("v1"),
      /certificate cannot be trusted: nobody here knows .*; name its CA with --ca-file/,
    );
  },
});

Deno.test({
  name: "registry: tokens for nobody in particular, for a user, and for an identity token",
  ...needs("docker-registry"),
  async fn() {
    {
      await using registry = await startTokenRegistry();
      await thereAndBack(`${registry.host}/app`, showing(undefined));
      assert.deepEqual([...new Set(registry.asked)], [""]);
      assert.deepEqual(registry.given.slice(0, 2), [
        ["repository:app:pull"],
        ["repository:app:pull,push"],
      ]);
      // One for each action, by each of the two stores.
      assert.equal(registry.given.length, 3);
    }
    await using registry = await startTokenRegistry({
      users: { [USER]: PASSWORD },
      identityTokens: ["who-i-am"],
    });
    const name = `${registry.host}/app`;
    await thereAndBack(name, showing(password));
    await thereAndBack(name, showing({ kind: "identity", token: "who-i-am" }));
    assert.deepEqual(
      [...new Set(registry.asked)],
      [`Basic ${btoa(`${USER}:${PASSWORD}`)}`, "refresh who-i-am"],
    );
    await using store = openRegistry(name, showing(undefined));
    await failsWith(
      "UNAUTHORIZED",
      () => store.resolve("v1"),
      /: not logged in \(401\) by token .*; run "kodeno/,
    );
  },
});

Deno.test({
  name: "registry: a token that expires half-way is replaced, in the middle of an upload, too",
  ...needs("docker-registry"),
  async fn() {
    await using registry = await startTokenRegistry({ uses: 2 });
    // Side by side, others could use a new one up before the one that asked for it.
    await thereAndBack(`${registry.host}/app`, showing(undefined), { concurrency: 1 });
    assert.ok(registry.given.length > 8, String(registry.given.length));
  },
});

Deno.test("registry: passwords go to a token server on another host only over https", async () => {
  let realm = "";
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization !== undefined}`);
    if (request.url?.startsWith("/token")) {
      response.end('{"token": "abc"}');
    } else if (request.headers.authorization === "Bearer abc") {
      response.end('{"name": "app", "tags": ["v1"]}');
    } else {
      response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}"` }).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const identity: Credential = { kind: "identity", token: "secret" };
    for (const credential of [password, identity]) {
      realm = `http://tokens.invalid:${port}/token`;
      await using store = openRegistry(`127.0.0.1:${port}/app`, showing(credential));
      await failsWith(
        "REGISTRY_FAILED",
        () => store.tags(),
        /token server tokens\.invalid:\d+, which may get the password only over https/,
      );
    }
    realm = `http://localhost:${port}/token`;
    await using store = openRegistry(`127.0.0.1:${port}/app`, showing(password));
    assert.deepEqual(await store.tags(), ["v1"]);
    assert.match(asked.find((one) => one.startsWith("/token")) ?? "", / true$/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

Deno.test({
  name: "registry: mounts from where it may, and sends where it may not",
  ...needs("docker-registry"),
  async fn() {
    await using registry = await startTokenRegistry({ secret: ["hidden"] });
    const { host, proxy } = registry;
    const b = blob("a layer");
    const open = () => Promise.resolve(bytesStream(b.bytes));
    await using from = openRegistry(`${host}/base`, showing(undefined));
    await from.push(b.descriptor, open);
    const sent = () => proxy.seen.filter(({ method }) => method === "PUT").length;
    assert.equal(sent(), 1);
    const mountFrom = [`${host}/base`, "elsewhere.local/base"];
    await using to = openRegistry(`${host}/app`, { ...showing(undefined), mountFrom });
    await to.push(b.descriptor, () => Promise.reject(new Error("nothing needs to be read")));
    assert.equal(sent(), 1);
    assert.equal(await to.has(b.descriptor), true);
    await using other = openRegistry(`${host}/other`, {
      ...showing(undefined),
      mountFrom: [`${host}/hidden`, `${host}/empty`],
    });
    await other.push(b.descriptor, open);
    assert.equal(sent(), 2);
  },
});
