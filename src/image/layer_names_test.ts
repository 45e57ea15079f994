/**
 * Looking for files in layers of all kinds, and how far.
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { failsWith } from "../../test/support/fails.ts";
import { type Blob, blob } from "../../test/support/image_graph.ts";
import { bytesStream } from "../io/streams.ts";
import { TAR_END, tarHeader } from "../io/tar_writer.ts";
import { MediaType } from "../oci/descriptor.ts";
import { namesNotIn } from "./layer_names.ts";

type Entry = Parameters<typeof tarHeader>[0];

/** A tar of empty files, and of entries as they are given. */
function tar(...entries: readonly (string | Entry)[]): Uint8Array<ArrayBuffer> {
  const headers = entries.map((one) =>
    tarHeader(typeof one === "string" ? { type: "file", name: one, mode: 0o644, size: 0 } : one)
  );
  return new Uint8Array(Buffer.concat([...headers, TAR_END]));
}

/** Names that are not in layers, and how many of these were fetched. */
async function lacking(layers: readonly Blob[], ...names: string[]) {
  let fetched = 0;
  const missing = await namesNotIn({
    manifest: {
      schemaVersion: 2,
      config: blob("{}").descriptor,
      layers: layers.map(({ descriptor }) => descriptor),
    },
    source: {
      fetch: ({ digest }) => {
        fetched++;
        const found = layers.find(({ descriptor }) => descriptor.digest === digest);
        return Promise.resolve(bytesStream(found?.bytes ?? new Uint8Array()));
      },
    },
  }, names);
  return [missing, fetched];
}

const DEEP = `usr/${"a".repeat(90)}/${"b".repeat(90)}/libdeep.so.1`;
const plain = blob(tar("lib/libc.so.6", DEEP));
const packed = blob(
  gzipSync(tar("usr/lib/libz.so.1", "usr/lib/.wh.libgone.so")),
  MediaType.layerGzip,
);

Deno.test("names in layers: whatever the folder, the kind of entry and the packing", async () => {
  const docker = "application/vnd.docker.image.rootfs.diff.tar.gzip";
  const twice = new Uint8Array(
    Buffer.concat([gzipSync(tar("a").slice(0, 512)), gzipSync(tar("b"))]),
  );
  const link = blob(
    tar({ type: "symlink", name: "lib/libx.so", linkname: "nowhere", mode: 0o777 }),
  );
  const cases: readonly (readonly [Blob[], string[], string[]])[] = [
    [[], ["a"], ["a"]],
    [[plain], ["libc.so.6", "libdeep.so.1", "libz.so.1", "lib"], ["libz.so.1", "lib"]],
    [[packed], ["libz.so.1", "libgone.so"], ["libgone.so"]],
    [[blob(packed.bytes, docker)], ["libz.so.1"], []],
    // Its bytes tell how it is packed.
    [[blob(packed.bytes, MediaType.layer)], ["libz.so.1", "no"], ["no"]],
    [[blob(twice, MediaType.layerGzip)], ["a", "b"], []],
    [[link], ["libx.so"], []],
    [[blob(TAR_END)], ["a"], ["a"]],
  ];
  for (const [layers, names, expected] of cases) {
    assert.deepEqual((await lacking(layers, ...names))[0], expected, names.join());
  }
});

Deno.test("names in layers: no layer is fetched that cannot say more", async () => {
  assert.deepEqual(await lacking([plain, packed], "libc.so.6"), [[], 1]);
  assert.deepEqual(await lacking([plain, packed], "libz.so.1"), [[], 2]);
  assert.deepEqual(await lacking([plain, packed], "libno.so", "libc.so.6"), [["libno.so"], 2]);
  assert.deepEqual(await lacking([plain, packed]), [[], 0]);
});

Deno.test("names in layers: one that cannot be unpacked is told", async () => {
  const cut = packed.bytes.slice(0, 60);
  const work = (bytes: Uint8Array, type: string) => () => lacking([blob(bytes, type)], "a");
  const message = /^Cannot unpack layer sha256:/;
  await failsWith("BAD_CONTENT", work(cut, MediaType.layerGzip), message);
  await failsWith("BAD_CONTENT", work(new Uint8Array([1, 2, 3]), MediaType.layerGzip), message);
  const zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
  const start = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd]);
  await failsWith("BAD_CONTENT", work(start, zstd), /EOF/);
  const large = tar({ type: "file", name: "a", mode: 0o644, size: 5000 });
  const early = blob(large.subarray(0, 512 + 2));
  await failsWith("BAD_CONTENT", () => lacking([early], "no"), /its tar ends too early/);
});
