/**
 * How a daemon is spoken to, what is made of answers that it should not give, and what becomes of those
 * who take an archive.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith, soon } from "../../../test/support/fails.ts";
import { blob } from "../../../test/support/image_graph.ts";
import { bytesStream } from "../../io/streams.ts";
import { Daemon } from "./daemon.ts";
import type { TakeArchive } from "./daemon_place.ts";

Deno.test("daemon: speaks TCP, past a proxy that the environment names", async () => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/images/app:v1/json") return Response.json({ Id: "ab" });
    if (pathname === "/images/huge:v1/json") return new Response(new Uint8Array(17 << 20));
    return pathname === "/version" ? new Response("<html>") : new Response("no", { status: 500 });
  });
  const before = Deno.env.get("HTTP_PROXY");
  Deno.env.set("HTTP_PROXY", "http://127.0.0.1:1");
  try {
    await using daemon = new Daemon({ kind: "tcp", host: "127.0.0.1", port: server.addr.port });
    assert.equal(await daemon.findImage("app:v1"), "sha256:ab");
    await failsWith("IO_FAILED", () => daemon.platforms(), /not what a Docker daemon says/);
    const tooLarge = /^Cannot talk to the Docker daemon at \S+: its answer is too large; /;
    await failsWith("IO_FAILED", () => daemon.findImage("huge:v1"), tooLarge);
    await failsWith("IO_FAILED", () => daemon.resolve("x:v1"), /answered 500 \(no\)/);
  } finally {
    if (before === undefined) Deno.env.delete("HTTP_PROXY");
    else Deno.env.set("HTTP_PROXY", before);
    await server.shutdown();
  }
});

Deno.test("daemon: when one of several takers fails at once, the others are let go", async () => {
  const ended = Promise.withResolvers<unknown>();
  class Two extends Daemon {
    protected override takers(): Promise<readonly TakeArchive[]> {
      const fails: TakeArchive = async (archive) => {
        await archive.cancel();
        throw new Error("no room");
      };
      const waits: TakeArchive = async (archive) => {
        await Array.fromAsync(archive).catch(ended.resolve);
      };
      return Promise.resolve([fails, waits]);
    }
  }
  await using place = new Two({ kind: "unix", path: "/nowhere" });
  const { descriptor, bytes } = blob("content");
  const push = () => place.push(descriptor, () => Promise.resolve(bytesStream(bytes)));
  await assert.rejects(push, /no room/);
  await place.undo();
  assert.match(String(await soon(ended.promise)), /no room/);
});
