/**
 * What is left of a relay: nothing, however it ends.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { tempDir } from "../../../test/support/temp.ts";
import { Relay } from "./relay.ts";

Deno.test({
  name: "relay: a socket that cannot be made leaves no folder behind",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using root = await tempDir();
    // The path of a socket has about a hundred bytes at most.
    const folder = join(root.path, "x".repeat(120));
    await Deno.mkdir(folder);
    const before = Deno.env.get("TMPDIR");
    Deno.env.set("TMPDIR", folder);
    try {
      await assert.rejects(Relay.open({ hostname: "reg.test", port: 443 }));
    } finally {
      if (before === undefined) Deno.env.delete("TMPDIR");
      else Deno.env.set("TMPDIR", before);
    }
    assert.deepEqual(await Array.fromAsync(Deno.readDir(folder)), []);
  },
});

Deno.test("relay: closes, too, where its folder is gone", async () => {
  const relay = await Relay.open({ hostname: "reg.test", port: 443 });
  const { proxy } = relay;
  if (proxy.transport === "unix") await Deno.remove(join(proxy.path, ".."), { recursive: true });
  relay.close();
});
