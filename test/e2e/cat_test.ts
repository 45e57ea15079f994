/**
 * `kodeno cat` of a file that was removed, of a device, and of one that is larger than memory.
 * @module
 */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { openLayout } from "../../src/place/layout/layout.ts";
import { TAR_END, tarHeader } from "../../src/io/tar_writer.ts";
import { concat, member, tar } from "../archive/images.ts";
import { type Blob, blob, image, pushAll } from "../support/image_graph.ts";
import { kodeno, spawnKodeno } from "../support/kodeno.ts";
import { watchMemory } from "../support/measured.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** Makes a layout `out` with an image `app:v1` of some layers. */
async function layoutOf(dir: TempDir, ...layers: readonly Blob[]): Promise<void> {
  const { manifest, config } = image({ os: "linux", architecture: "amd64" }, layers);
  using layout = await openLayout(dir.join("out"), { create: true });
  await pushAll(layout, [...layers, config, manifest]);
  await layout.tag(manifest.descriptor, "app:v1");
}

Deno.test("cat: what was removed, and what has no content, is told in one line", async () => {
  await using dir = await tempDir();
  const low = blob(tar(
    member("etc/passwd", "x"),
    member({ type: "character", name: "null", mode: 0o666, device: [1, 3] }),
    member({ type: "symlink", name: "loop", linkname: "loop", mode: 0o777 }),
    member({ type: "symlink", name: "link", linkname: "/etc/passwd", mode: 0o777 }),
  ));
  const top = blob(
    tar(member({ type: "dir", name: "etc/", mode: 0o755 }), member("etc/.wh.passwd")),
  );
  await layoutOf(dir, low, top);
  const cases = {
    "/etc/passwd": `layer ${top.descriptor.digest} has removed it`,
    "/link": `layer ${top.descriptor.digest} has removed it`,
    "/null": "it is a character device",
    "/loop": "it is behind links that do not end",
  };
  for (const [path, why] of Object.entries(cases)) {
    const { code, stdout, stderr } = await kodeno(["cat", `out:${path}`], { cwd: dir.path });
    assert.deepEqual([code, stdout, stderr], [
      1,
      "",
      `Error: Cannot print ${path} of out: ${why}\n`,
    ]);
  }
});

Deno.test("cat: a file of 10 GB goes by in little memory", async () => {
  await using dir = await tempDir();
  const size = 10 * 1024 ** 3;
  const step = 128 * 1024 ** 2;
  const zeros = gzipSync(new Uint8Array(step));
  const head = tarHeader({ type: "file", name: "big", mode: 0o644, size });
  const packed = [gzipSync(head), ...Array(size / step).fill(zeros), gzipSync(TAR_END)];
  await layoutOf(dir, blob(concat(...packed), "application/vnd.oci.image.layer.v1.tar+gzip"));
  const child = spawnKodeno(["cat", "out:/big"], { cwd: dir.path });
  const memory = watchMemory(child);
  let bytes = 0;
  for await (const chunk of child.stdout) bytes += chunk.length;
  const stderr = await new Response(child.stderr).text();
  assert.deepEqual([(await child.status).code, stderr, bytes], [0, "", size]);
  const mebibytes = await memory;
  // What was unpacked so fast waits to be collected: 260 to 350 here, however large the file is.
  assert.ok(mebibytes < 600, `${mebibytes} MiB`);
});
