/**
 * Archives that are damaged or made to do harm: each is refused with a reason, and nothing outside of
 * them is touched.
 * @module
 */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import type { ErrorCode } from "../../src/errors.ts";
import { verify } from "../../src/content/check.ts";
import { openArchive } from "../../src/place/archive/archive_source.ts";
import { MemoryStore } from "../../src/place/memory.ts";
import { failsWith } from "../support/fails.ts";
import { imageGraph, pushAll } from "../support/image_graph.ts";
import { fingerprint } from "../support/layout.ts";
import { tempDir } from "../support/temp.ts";
import { concat, member, tar, writeArchive } from "./images.ts";

const LAYOUT = member("oci-layout", '{"imageLayoutVersion":"1.0.0"}');
const INDEX = member("index.json", '{"schemaVersion":2,"manifests":[]}');
const link = (name: string, linkname: string) =>
  member({ type: "symlink", name, mode: 0o777, linkname });

/** A header with a field changed, and the checksum made right again. */
function patched(
  block: Uint8Array,
  offset: number,
  field: string | Uint8Array,
): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(block);
  copy.set(typeof field === "string" ? new TextEncoder().encode(field) : field, offset);
  copy.fill(0x20, 148, 156);
  const sum = copy.subarray(0, 512).reduce((a, b) => a + b, 0);
  copy.set(new TextEncoder().encode(sum.toString(8).padStart(6, "0") + "\0 "), 148);
  return copy;
}

const gzipped = (content: string | Uint8Array) => new Uint8Array(gzipSync(content));
const starting = (...bytes: readonly number[]) =>
  concat(Uint8Array.from(bytes), new Uint8Array(600));
const ofType = (type: string, name: string, linkname = "x") =>
  patched(link(name, linkname), 156, type);
const save = (list: unknown, ...more: Uint8Array[]) =>
  tar(member("manifest.json", JSON.stringify(list)), ...more);
const CONFIG = member(
  "c.json",
  JSON.stringify({
    os: "linux",
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: [`sha256:${"1".repeat(64)}`] },
  }),
);

const CASES: Readonly<Record<string, readonly [ErrorCode, RegExp, Uint8Array<ArrayBuffer>]>> = {
  "a name that leads up": [
    "BAD_CONTENT",
    /leads out/,
    tar(LAYOUT, member("../../etc/passwd", "x")),
  ],
  "a name that leads up inside": ["BAD_CONTENT", /leads out/, tar(member("blobs/../../x", "x"))],
  "an absolute name": ["BAD_CONTENT", /leads out/, tar(LAYOUT, INDEX, member("/etc/passwd", "x"))],
  "a long name that leads up": ["BAD_CONTENT", /leads out/, tar(member("../".repeat(60) + "x"))],
  "a symlink up": ["BAD_CONTENT", /outside/, tar(LAYOUT, link("index.json", "../../etc/passwd"))],
  "an absolute symlink": ["BAD_CONTENT", /outside/, tar(LAYOUT, link("index.json", "/etc/passwd"))],
  "a hard link up": ["BAD_CONTENT", /outside/, tar(ofType("1", "x", "../y"))],
  "a symlink to a link to itself": [
    "BAD_CONTENT",
    /does not end/,
    tar(LAYOUT, link("index.json", "a"), link("a", "index.json")),
  ],
  "a device": ["BAD_CONTENT", /CharacterDevice/, tar(ofType("3", "null"))],
  "a pipe": ["BAD_CONTENT", /FIFO/, tar(ofType("6", "pipe"))],
  "a link with content": [
    "BAD_CONTENT",
    /images have/,
    tar(patched(link("a", "b"), 124, "00000000010\0"), member("x")),
  ],
  "a member twice": ["BAD_CONTENT", /twice/, tar(LAYOUT, INDEX, INDEX)],
  "a size that is no number": [
    "BAD_CONTENT",
    /no number/,
    tar(patched(member("x"), 124, "size?\0")),
  ],
  "a member of 8 EiB": [
    "BAD_CONTENT",
    /damaged/,
    tar(
      patched(
        member("x"),
        124,
        Uint8Array.of(0x80, 0, 0, 0, 0x7f, 255, 255, 255, 255, 255, 255, 255),
      ),
    ),
  ],
  "a member of 1 PiB": [
    "BAD_CONTENT",
    /ends early/,
    tar(patched(member("x"), 124, Uint8Array.of(0x80, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0))),
  ],
  "a negative size": [
    "BAD_CONTENT",
    /no number/,
    tar(patched(member("x"), 124, new Uint8Array(12).fill(255))),
  ],
  "a member of 8 GiB": [
    "BAD_CONTENT",
    /ends early/,
    tar(patched(member("x"), 124, "77777777777\0")),
  ],
  "pax records of 2 MiB": [
    "BAD_CONTENT",
    /too large/,
    tar(concat(patched(member("x", "x".repeat(2 << 20)), 156, "x")), member("y")),
  ],
  "a damaged header": [
    "BAD_CONTENT",
    /damaged/,
    tar(LAYOUT, member("x").map((b, i) => i === 3 ? 9 : b)),
  ],
  "an end in a member": ["BAD_CONTENT", /ends early/, tar(LAYOUT, INDEX).slice(0, 1034)],
  "no end": ["BAD_CONTENT", /ends early/, concat(LAYOUT, INDEX)],
  "no bytes": ["BAD_PLACE", /empty/, new Uint8Array(0)],
  "text": ["BAD_PLACE", /not a tar/, new TextEncoder().encode("hello\n".repeat(200))],
  "gzip that ends early": ["BAD_CONTENT", /gzip is damaged/, Uint8Array.of(0x1f, 0x8b, 8, 0)],
  "gzip of no tar": ["BAD_PLACE", /not a tar/, gzipped("hello\n".repeat(200))],
  "gzip in gzip": ["BAD_PLACE", /not a tar/, gzipped(concat(gzipped("x"), new Uint8Array(1000)))],
  "gzip that was changed": [
    "BAD_CONTENT",
    /gzip is damaged/,
    gzipped(tar(LAYOUT, INDEX)).map((byte, i, all) => i === all.length - 6 ? byte ^ 1 : byte),
  ],
  "zstd": ["BAD_PLACE", /compressed with zstd; run "zstd -d"/, starting(0x28, 0xb5, 0x2f, 0xfd)],
  "zstd with a frame to be skipped": [
    "BAD_PLACE",
    /with zstd/,
    starting(0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0),
  ],
  "xz": ["BAD_PLACE", /compressed with xz/, starting(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0)],
  "bzip2": [
    "BAD_PLACE",
    /compressed with bzip2/,
    starting(0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59),
  ],
  "a tar of something else": ["BAD_PLACE", /neither/, tar(member("readme", "x"))],
  "an index that is none": [
    "BAD_CONTENT",
    /index.json/,
    tar(LAYOUT, member("index.json", "<html>")),
  ],
  "an index of 5 MB": [
    "BAD_CONTENT",
    /larger/,
    tar(LAYOUT, member("index.json", " ".repeat(5_000_000))),
  ],
  "a list that is none": ["BAD_CONTENT", /list of images/, save({ Config: "x" })],
  "a config that is missing": [
    "BAD_CONTENT",
    /has not/,
    save([{ Config: "../../etc/passwd", Layers: [] }]),
  ],
  "a layer that is missing": [
    "BAD_CONTENT",
    /has not/,
    save([{ Config: "c.json", Layers: ["/etc/passwd"] }], CONFIG),
  ],
  "too few layers": ["BAD_CONTENT", /names 1/, save([{ Config: "c.json", Layers: [] }], CONFIG)],
};

for (const [what, [code, message, bytes]] of Object.entries(CASES)) {
  Deno.test(`archive: refuses ${what}`, async () => {
    await using dir = await tempDir();
    const path = await dir.write("inside/a.tar", bytes);
    const before = await fingerprint(dir.path);
    const error = await failsWith(code, () => openArchive(path), message);
    assert.ok(error.message.includes(path), error.message);
    assert.deepEqual(await fingerprint(dir.path), before);
  });
}

Deno.test("archive: a blob that was changed does not verify", async () => {
  await using dir = await tempDir();
  const { root, shared, blobs } = imageGraph();
  const store = new MemoryStore();
  await pushAll(store, blobs);
  const path = dir.join("a.tar");
  await writeArchive(path, store, [{ descriptor: root.descriptor, names: ["app:v1"] }]);
  const text = new TextDecoder("latin1").decode(await Deno.readFile(path));
  const at = text.indexOf("graph: shared layer");
  const file = await Deno.open(path, { write: true });
  await file.seek(at, Deno.SeekMode.Start);
  await file.write(new TextEncoder().encode("X"));
  file.close();
  const archive = await openArchive(path);
  await failsWith(
    "BAD_CONTENT",
    () => verify(archive, root.descriptor),
    new RegExp(shared.descriptor.digest),
  );
  await failsWith(
    "BAD_CONTENT",
    () => archive.fetch({ ...root.descriptor, size: 1 }),
    /has \d+ bytes/,
  );
  await failsWith("NOT_FOUND", () => archive.resolve("app:v2"), /app:v1/);
});

Deno.test("archive: every cut of a good one is refused, or lacks a blob", async () => {
  await using dir = await tempDir();
  const { root, blobs } = imageGraph();
  const store = new MemoryStore();
  await pushAll(store, blobs);
  const path = dir.join("a.tar");
  await writeArchive(path, store, [{ descriptor: root.descriptor, names: ["app:v1"] }]);
  const bytes = await Deno.readFile(path);
  for (let length = bytes.length - 1024; length >= 0; length -= 256) {
    await Deno.writeFile(path, bytes.subarray(0, length));
    // What is shorter than a header is no archive at all.
    const code = length < 512 ? "BAD_PLACE" : "BAD_CONTENT";
    await failsWith(code, () => openArchive(path));
  }
});
