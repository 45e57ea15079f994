/**
 * Who waits for a host that is slow may leave, and takes nobody along.
 * @module
 */
import assert from "node:assert/strict";
import { soon } from "../../../test/support/fails.ts";
import { Transport } from "./transport.ts";

/** A host without TLS that says so when it is let, and counts who has come. */
function slowHost() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const release = Promise.withResolvers<void>();
  const come = Promise.withResolvers<void>();
  let count = 0;
  const serving = (async () => {
    for await (const connection of listener) {
      count++;
      come.resolve();
      await release.promise;
      await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"))
        .catch(() => {});
      connection.close();
    }
  })();
  return {
    host: `127.0.0.1:${listener.addr.port}`,
    come: come.promise,
    count: () => count,
    answer: release.resolve,
    async [Symbol.asyncDispose]() {
      release.resolve();
      listener.close();
      await serving;
    },
  };
}

Deno.test("transport: one who leaves while a way is opened is heard", async () => {
  await using slow = slowHost();
  const transport = new Transport({ certsFolders: [], connectMs: 5000 });
  const leaving = new AbortController();
  const url = new URL(`https://${slow.host}/v2/`);
  const asked = transport.send({ method: "GET", url, signal: leaving.signal });
  leaving.abort(new Error("left"));
  await assert.rejects(asked, /^Error: left$/);
  await transport.close();
  assert.equal(slow.count(), 0);
});

Deno.test("transport: who leaves while https is tried takes none of the others along", async () => {
  await using slow = slowHost();
  const transport = new Transport({ certsFolders: [], connectMs: 5000 });
  const [first, second] = [new AbortController(), new AbortController()];
  const leaves = transport.base(slow.host, first.signal);
  const alsoLeaves = transport.base(slow.host, second.signal);
  const stays = transport.base(slow.host);
  await slow.come;
  first.abort(new Error("first"));
  await assert.rejects(leaves, /^Error: first$/);
  second.abort(new Error("second"));
  await assert.rejects(alsoLeaves, /^Error: second$/);
  slow.answer();
  assert.equal((await stays).href, `http://${slow.host}/`);
  await transport.close();
});

Deno.test("transport: closing it ends the asking that nobody waits for any more", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const transport = new Transport({ certsFolders: [] });
  const leaving = new AbortController();
  const asked = transport.base(`127.0.0.1:${listener.addr.port}`, leaving.signal);
  const connection = await listener.accept();
  leaving.abort(new Error("left"));
  await assert.rejects(asked, /^Error: left$/);
  await transport.close();
  // It is read to its end, or was reset.
  await soon(Array.fromAsync(connection.readable).catch(() => {}));
});
