/**
 * Whether a push would be let in, asked before anything is built: nothing is left there.
 * @module
 */
import assert from "node:assert/strict";
import { openRegistry } from "../../src/place/registry/registry.ts";
import { PASSWORD, startSecuredRegistry, USER } from "../parts/secured_registry.ts";
import { needs } from "../parts/tools.ts";
import { failsWith } from "../support/fails.ts";
import { fault, is, sent } from "./fault_lab.ts";

Deno.test({
  name: "registry check: who may push, and who has to log in first",
  ...needs("docker-registry"),
  async fn() {
    await using registry = await startSecuredRegistry({ password: true });
    const name = `${registry.host}/app`;
    const open = (password: string | undefined) =>
      openRegistry(name, {
        credentials: () =>
          Promise.resolve(password ? { kind: "password", username: USER, password } : undefined),
      });
    await using known = open(PASSWORD);
    await known.check();
    for (const password of [undefined, "guessed"]) {
      await using store = open(password);
      await failsWith(
        "UNAUTHORIZED",
        () => store.check(),
        new RegExp(`^Cannot push to ${name}: .*401.*; run "kodeno login ${registry.host}"$`),
      );
    }
  },
});

fault("a check leaves no upload", (exchange) => exchange.pass(), async ({ proxy, store }) => {
  await store.check();
  assert.deepEqual(proxy.seen.map(({ method }) => method), ["POST", "DELETE"]);
  await failsWith("NOT_FOUND", () => store.tags());
});

fault("a registry that takes no upload back lets push all the same", (exchange) => {
  if (is(exchange, "DELETE", "blobs")) return exchange.answer(405);
  return exchange.pass();
}, async ({ proxy, store }) => {
  await store.check();
  assert.equal(sent(proxy, "DELETE").length, 1);
});

fault("a repository that is closed is told of", (exchange) => {
  exchange.answer(403, {}, '{"errors":[{"code":"DENIED"}]}');
}, async ({ proxy, store }) => {
  const why = /^Cannot push to \S+: registry answered 403 \(DENIED\); run "kodeno login \S+"$/;
  await failsWith("UNAUTHORIZED", () => store.check(), why);
  assert.equal(sent(proxy, "POST").length, 1);
});

Deno.test("registry check: nobody there", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  const { port } = listener.addr as Deno.NetAddr;
  await using store = openRegistry(`127.0.0.1:${port}/app`, { retry: { attempts: 1 } });
  await failsWith("REGISTRY_FAILED", () => store.check(), /did not answer: the connection was/);
});
