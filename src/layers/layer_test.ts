/**
 * Writing a layer: the archive that `tar` reads, and digests that anybody can compute.
 * @module
 */
import assert from "node:assert/strict";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { failsWith, soon } from "../../test/support/fails.ts";
import { succeed } from "../../test/support/process.ts";
import { type TempDir, tempDir } from "../../test/support/temp.ts";
import { digestOf } from "../io/hash.ts";
import { CHUNK_BYTES } from "../io/streams.ts";
import {
  type LayerCompression,
  type LayerEntry,
  writeLayer,
  type WriteLayerOptions,
  type WrittenLayer,
} from "./layer.ts";

const NONE: LayerCompression = { type: "none" };

async function write(
  dir: TempDir,
  entries: readonly LayerEntry[],
  options: Partial<WriteLayerOptions> = {},
): Promise<{ readonly written: WrittenLayer; readonly bytes: Uint8Array<ArrayBuffer> }> {
  using file = await Deno.create(dir.join("layer"));
  const written = await writeLayer(file, entries, { compression: NONE, ...options });
  return { written, bytes: await Deno.readFile(dir.join("layer")) };
}

const fileEntry = (name: string, size: number, content: string | Uint8Array): LayerEntry => ({
  entry: { type: "file", name, mode: 0o555, size },
  content,
});

Deno.test("layer: tar reads what was written", async () => {
  await using dir = await tempDir();
  const large = new Uint8Array(2 * CHUNK_BYTES + 1).fill(7);
  await write(dir, [
    { entry: { type: "dir", name: "ko-app", mode: 0o555 } },
    fileEntry("ko-app/app", large.length, await dir.write("app", large)),
    fileEntry("ko-app/empty", 0, await dir.write("empty", "")),
    {
      entry: { type: "file", name: "etc/x", mode: 0o640, size: 3, uid: 5, gid: 6, mtime: 86400 },
      content: new TextEncoder().encode("abc"),
    },
  ]);
  const env = { ...Deno.env.toObject(), TZ: "UTC" };
  const args = ["--numeric-owner", "-tvf", dir.join("layer")];
  const lines = (await succeed("tar", args, { env })).trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => line.replaceAll(/\s+/g, " ")),
    [
      "dr-xr-xr-x 0/0 0 1970-01-01 00:00 ko-app",
      "-r-xr-xr-x 0/0 2097153 1970-01-01 00:00 ko-app/app",
      "-r-xr-xr-x 0/0 0 1970-01-01 00:00 ko-app/empty",
      "-rw-r----- 5/6 3 1970-01-02 00:00 etc/x",
    ],
  );
  assert.equal(await succeed("tar", ["-xOf", dir.join("layer"), "etc/x"]), "abc");
  await Deno.mkdir(dir.join("out"));
  await succeed("tar", ["-C", dir.join("out"), "-xf", dir.join("layer"), "ko-app/app"]);
  assert.deepEqual(digestOf(await Deno.readFile(dir.join("out/ko-app/app"))), digestOf(large));
});

Deno.test("layer: digests and size are those of the bytes, packed and not", async () => {
  await using dir = await tempDir();
  const entries = [fileEntry("a", 300_000, new Uint8Array(300_000).fill(1))];
  const plain = await write(dir, entries);
  assert.deepEqual(plain.written, {
    mediaType: "application/vnd.oci.image.layer.v1.tar",
    digest: digestOf(plain.bytes),
    size: plain.bytes.length,
    diffId: digestOf(plain.bytes),
  });
  const sizes: number[] = [];
  const zstd = { type: "zstd", level: 3 } as const;
  const packed = await write(dir, entries, { compression: zstd });
  assert.deepEqual(packed.written, {
    mediaType: "application/vnd.oci.image.layer.v1.tar+zstd",
    digest: digestOf(packed.bytes),
    size: packed.bytes.length,
    diffId: plain.written.diffId,
  });
  assert.equal(digestOf(zstdDecompressSync(packed.bytes)), plain.written.diffId);
  for (const level of [1, 9]) {
    const { written, bytes } = await write(dir, entries, { compression: { type: "gzip", level } });
    assert.deepEqual(written, {
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      digest: digestOf(bytes),
      size: bytes.length,
      diffId: plain.written.diffId,
    });
    assert.equal(digestOf(gunzipSync(bytes)), plain.written.diffId);
    // No time and no system of whoever packed it: the same input gives the same bytes.
    assert.deepEqual([...bytes.subarray(3, 8)], [0, 0, 0, 0, 0]);
    const again = await write(dir, entries, { compression: { type: "gzip", level } });
    assert.equal(again.written.digest, written.digest);
    sizes.push(bytes.length);
  }
  assert.ok((sizes[1] ?? 0) < (sizes[0] ?? 0));
});

Deno.test("layer: the same input gives the same bytes, however busy the machine is", async () => {
  await using dir = await tempDir();
  const entries = [fileEntry("a", 7, await dir.write("a", "content"))];
  for (const [type, level] of [["gzip", 1], ["gzip", 2], ["zstd", 1], ["zstd", 3]] as const) {
    const digests = new Set<string>();
    for (let i = 0; i < 30; i++) {
      digests.add((await write(dir, entries, { compression: { type, level } })).written.digest);
    }
    assert.equal(digests.size, 1, `${type}:${level}`);
  }
});

Deno.test("layer: an empty one is an archive's end", async () => {
  await using dir = await tempDir();
  assert.deepEqual((await write(dir, [])).bytes, new Uint8Array(1024));
});

Deno.test("layer: bytes are told as they come, all of them at the end", async () => {
  await using dir = await tempDir();
  const told: number[] = [];
  const entries = [fileEntry("a", 3_000_000, await dir.write("a", new Uint8Array(3_000_000)))];
  const { bytes } = await write(dir, entries, { onBytes: (count) => told.push(count) });
  assert.ok(told.length > 3);
  assert.deepEqual(told, told.toSorted((a, b) => a - b));
  assert.equal(told.at(-1), bytes.length);
});

Deno.test("layer: a file that is not what it was is refused", async () => {
  await using dir = await tempDir();
  const path = await dir.write("a", "four");
  for (const compression of [NONE, { type: "gzip", level: 1 }] as const) {
    for (const size of [3, 5, 0]) {
      const work = () => write(dir, [fileEntry("a", size, path)], { compression });
      await failsWith("BAD_SOURCE_FILE", work, /\/a into a layer: it changed while it was read/);
    }
    const absent = () => write(dir, [fileEntry("a", 1, dir.join("no"))], { compression });
    await failsWith("IO_FAILED", absent, /read .*\/no: there is no such file/);
  }
});

Deno.test("layer: the signal ends the writing", async () => {
  await using dir = await tempDir();
  const entries = [fileEntry("a", 9_000_000, await dir.write("a", new Uint8Array(9_000_000)))];
  for (const compression of [NONE, { type: "gzip", level: 1 }] as const) {
    const controller = new AbortController();
    const { signal } = controller;
    let most = 0;
    const onBytes = (count: number): void => {
      most = count;
      if (count > 2_000_000) controller.abort(new Error("stopped by the test"));
    };
    await assert.rejects(soon(write(dir, entries, { compression, signal, onBytes })));
    assert.ok(most < 9_000_000);
    const aborted = AbortSignal.abort(new Error("stopped by the test"));
    await assert.rejects(soon(write(dir, entries, { compression, signal: aborted })));
  }
});
