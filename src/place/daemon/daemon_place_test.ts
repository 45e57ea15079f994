/**
 * How a daemon is spoken to, and what is made of answers that it should not give.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../../test/support/fails.ts";
import { Daemon } from "./daemon.ts";

Deno.test("daemon: speaks TCP, past a proxy that the environment names", async () => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/images/app:v1/json") return Response.json({ Id: "ab" });
    return pathname === "/version" ? new Response("<html>") : new Response("no", { status: 500 });
  });
  const before = Deno.env.get("HTTP_PROXY");
  Deno.env.set("HTTP_PROXY", "http://127.0.0.1:1");
  try {
    await using daemon = new Daemon({ kind: "tcp", host: "127.0.0.1", port: server.addr.port });
    assert.equal(await daemon.findImage("app:v1"), "sha256:ab");
    await failsWith("IO_FAILED", () => daemon.platforms(), /not what a Docker daemon says/);
    await failsWith("IO_FAILED", () => daemon.resolve("x:v1"), /answered 500 \(no\)/);
  } finally {
    if (before === undefined) Deno.env.delete("HTTP_PROXY");
    else Deno.env.set("HTTP_PROXY", before);
    await server.shutdown();
  }
});
