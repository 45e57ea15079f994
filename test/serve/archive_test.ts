/**
 * `kodeno serve` of files: a bundle, and one that gzip has compressed, which is served from what it was
 * unpacked into.
 * @module
 */
import assert from "node:assert/strict";
import { imageGraph, layoutWith } from "../support/image_graph.ts";
import { done } from "../support/kodeno.ts";
import { assertClean } from "../support/layout.ts";
import { succeed } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";
import { ask, assertRefused, startServe } from "./served.ts";

Deno.test("serve: a bundle is pulled from, whole and in parts", async () => {
  await using dir = await tempDir();
  const graph = imageGraph();
  await layoutWith(dir, "out", { "registry.example/team/app:v1": graph });
  await done(dir, ["bundle", "create", "-o", "app.tar", "out"]);
  await succeed("gzip", ["--keep", "app.tar"], { cwd: dir.path });
  const { digest, size } = graph.shared.descriptor;
  for (const file of ["app.tar", "app.tar.gz"]) {
    await using server = await startServe(dir.join(file));
    const { host } = server;
    await done(dir, ["copy", `${host}/team/app:v1`, `oci:${file}.pulled`]);
    const [pulled] = await assertClean(dir.join(`${file}.pulled`));
    assert.equal(pulled?.digest, graph.root.descriptor.digest);

    const at = `/v2/team/app/blobs/${digest}`;
    const whole = await ask(host, at);
    assert.deepEqual(new Uint8Array(whole.body), new Uint8Array(graph.shared.bytes));
    const part = await ask(host, at, { headers: { range: "bytes=3-6" } });
    assert.deepEqual([part.status, part.body], [206, whole.body.subarray(3, 7)]);
    const head = await ask(host, at, { method: "HEAD" });
    assert.deepEqual([head.status, head.headers["content-length"]], [200, String(size)]);
    const other = `/v2/team/app/blobs/sha256:${"0".repeat(64)}`;
    assertRefused(await ask(host, other), 404, "BLOB_UNKNOWN");
    if (file.endsWith(".gz")) continue;
    // One that is replaced meanwhile is not read as if it were the same.
    await Deno.writeTextFile(dir.join(file), "changed");
    assertRefused(await ask(host, at), 404, "BLOB_UNKNOWN");
  }
});
