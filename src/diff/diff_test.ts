/**
 * In what images differ: documents, layers of all kinds, indexes, and what cannot be looked into.
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { failsWith } from "../../test/support/fails.ts";
import { type Blob, blob, image, index, jsonBlob } from "../../test/support/image_graph.ts";
import { KodenoError } from "../errors.ts";
import { bytesStream } from "../io/streams.ts";
import { TAR_END, tarHeader } from "../io/tar_writer.ts";
import { MediaType } from "../oci/descriptor.ts";
import { diffImages } from "./images.ts";
import { type Difference, differences, firstDifference } from "./words.ts";

const AMD64 = { os: "linux", architecture: "amd64" };
const ARM64 = { os: "linux", architecture: "arm64" };
const go = { command: "/nonexistent/go", environment: {} };
const SAME_PACKED_OTHERWISE = "layers the same, packed otherwise";

type Entry = Partial<Parameters<typeof tarHeader>[0]> & { readonly content?: string };

/** A tar of files by their names, or of other entries. */
function tar(entries: Readonly<Record<string, string | Entry>>): Uint8Array<ArrayBuffer> {
  const parts = Object.entries(entries).flatMap(([name, given]) => {
    const { content = "", ...entry } = typeof given === "string" ? { content: given } : given;
    const bytes = Buffer.from(content);
    const head = { type: "file", name, mode: 0o644, size: bytes.length, ...entry } as const;
    const padding = new Uint8Array((512 - bytes.length % 512) % 512);
    return [tarHeader(head), bytes, padding];
  });
  return new Uint8Array(Buffer.concat([...parts, TAR_END]));
}

const layer = (entries: Parameters<typeof tar>[0]): Blob => blob(tar(entries));

/** An image, with all its blobs. */
interface Whole {
  readonly root: Blob;
  readonly blobs: readonly Blob[];
}

function whole(
  layers: readonly Blob[],
  more?: Readonly<Record<string, unknown>>,
  platform = AMD64,
): Whole {
  const { manifest, config } = image(platform, layers, more);
  return { root: manifest, blobs: [manifest, config, ...layers] };
}

/** An image whose manifest says other things of its layers or itself. */
function remade({ blobs: [manifest, ...others] }: Whole, more: Record<string, unknown>): Whole {
  const value = JSON.parse(new TextDecoder().decode(manifest?.bytes));
  const root = jsonBlob({ ...value, ...more }, MediaType.manifest);
  return { root, blobs: [root, ...others] };
}

function at({ root, blobs }: Whole) {
  const source = {
    what: "memory",
    fetch: ({ digest }: { readonly digest: string }) => {
      const found = blobs.find(({ descriptor }) => descriptor.digest === digest);
      if (found) return Promise.resolve(bytesStream(found.bytes));
      return Promise.reject(new KodenoError("NOT_FOUND", `Cannot find blob ${digest}`));
    },
  };
  return { source, root: root.descriptor };
}

/** Lines of what differs, but for digests of layers. */
async function told(a: Whole, b: Whole, notes: string[] = []): Promise<readonly string[]> {
  const emit = (event: { readonly type: string; readonly message?: string }) => {
    notes.push(event.message ?? "");
  };
  const lines = (all: readonly Difference[], indent: string): readonly string[] =>
    all.flatMap(({ what, a, b, facts = [], below = [] }) => [
      ...what.startsWith("sha256:") ? [] : [
        indent + [what, ...a === undefined ? [] : ["-", a], ...b === undefined ? [] : ["+", b]]
          .concat(facts).join(" ").trimEnd(),
      ],
      ...lines(below, `${indent} `),
    ]);
  return lines(differences(await diffImages(at(a), at(b), { go, emit })), "");
}

Deno.test("diff: what has the same digest is the same, and nothing is read of it", async () => {
  const { root } = whole([layer({ a: "a" })]);
  const found = await diffImages(at({ root, blobs: [] }), at({ root, blobs: [] }), { go });
  assert.equal(found.isEqual, true);
  assert.deepEqual(found.images, []);
});

Deno.test("diff: members of configs, whatever they are called", async () => {
  const one = layer({ a: "a" });
  const of = (config: unknown, more = {}) => whole([one], { config, ...more });
  const cases: readonly (readonly [unknown, unknown, string[]])[] = [
    [{ Env: ["A=1", "B=2"] }, { Env: ["B=3", "C=4"] }, ["env A - 1", "env B - 2 + 3", "env C + 4"]],
    [{ Env: ["A=1", "B=2"] }, { Env: ["B=2", "A=1"] }, ['env - ["A=1","B=2"] + ["B=2","A=1"]']],
    [{}, { Env: ["A="] }, ['env A + ""']],
    [{ Labels: { "org.x": "1" } }, {}, ["label org.x - 1"]],
    [{ Entrypoint: ["/a"] }, { Entrypoint: ["/b", "c d"] }, ['entrypoint - ["/a"] + ["/b","c d"]']],
    [{ User: "0" }, { User: "65532" }, ["user - 0 + 65532"]],
    [{ ExposedPorts: { "80/tcp": {} } }, {}, ["port 80/tcp -"]],
    [{ New: { x: [1] } }, { New: { x: [2] } }, ["New x - [1] + [2]"]],
    [{ WorkingDir: " " }, { WorkingDir: "/x\n" }, ['working directory - " " + "/x\\n"']],
  ];
  for (const [a, b, expected] of cases) {
    assert.deepEqual(await told(of(a), of(b)), ["config", ...expected.map((one) => ` ${one}`)]);
  }
  const steps = (...all: string[]) => ({ history: all.map((comment) => ({ comment })) });
  assert.deepEqual(await told(of({}, steps("x", "y")), of({}, steps("x", "z"))), [
    "config",
    " history 2 comment - y + z",
  ]);
  assert.deepEqual(await told(of({}, steps("x", "y")), of({}, steps("y"))), [
    "config",
    ' history - {"comment":"x"}',
  ]);
  const made = of({}, { created: "2020-01-01T00:00:00Z" });
  const first = firstDifference(await diffImages(at(made), at(of({})), { go }));
  assert.equal(first, "config: created: 2020-01-01T00:00:00Z -> nothing");
});

Deno.test("diff: documents that say the same with other bytes", async () => {
  const one = layer({ a: "a" });
  const a = whole([one], { config: { User: "0", WorkingDir: "/" } });
  const b = whole([one], { config: { WorkingDir: "/", User: "0" } });
  assert.deepEqual(await told(a, b), ["config", " the config says the same, written otherwise"]);
  const text = new TextDecoder().decode(a.root.bytes);
  const root = blob(`${text}\n`, MediaType.manifest);
  const c = { root, blobs: [root, ...a.blobs] };
  assert.deepEqual(await told(a, c), [
    "manifest",
    " the manifest says the same, written otherwise",
  ]);
});

Deno.test("diff: files of layers, by all that is known of them", async () => {
  const a = whole([
    layer({ same: "x" }),
    layer({
      "./b": "one",
      "c/": { type: "dir", mode: 0o755 },
      "c/gone": "1",
      "c/owner": { content: "1", uid: 0 },
      d: { type: "symlink", linkname: "b" },
      e: "longer",
      f: "1",
      g: { content: "1", mode: 0o755 },
    }),
  ]);
  const b = whole([
    layer({ same: "x" }),
    layer({
      b: "two",
      "c/": { type: "dir", mode: 0o700 },
      "c/.wh.x": "",
      "c/owner": { content: "1", uid: 7 },
      d: { type: "symlink", linkname: "c" },
      e: "long",
      "f/": { type: "dir", mode: 0o755 },
      g: { content: "1", mode: 0o755, mtime: 86400 },
    }),
  ]);
  assert.deepEqual(
    await told(a, b),
    [
      "layers 1 the same",
      " /b content",
      " /c mode 0755 -> 0700",
      " /c/.wh.x + whiteout 0644",
      " /c/gone - file 0644 1 bytes",
      " /c/owner uid 0 -> 7",
      " /d leads to b -> c",
      " /e size 6 -> 4",
      " /f kind file -> folder, size 1 -> none, mode 0644 -> 0755",
      " /g time 1970-01-01T00:00:00Z -> 1970-01-02T00:00:00Z",
    ].map((line) => line.replace(/, /g, " ")),
  );
  assert.equal(firstDifference(await diffImages(at(a), at(b), { go })), "layers: /b: content");
});

Deno.test("diff: several layers are what they leave, and whiteouts are understood", async () => {
  const [base, top] = [layer({ keep: "k", old: "o" }), layer({ last: "l" })];
  const a = whole([base, layer({ x: "1", y: "1" }), layer({ ".wh.x": "", z: "1" }), top]);
  const b = whole([base, layer({ y: "1", z: "1" }), top]);
  assert.deepEqual(await told(a, b), ["layers 2 the same", " /.wh.x - whiteout 0644"]);
  const c = whole([base, layer({ z: "1" }), layer({ y: "1" }), top]);
  assert.deepEqual(await told(b, c), [
    "layers 2 the same the files are the same, in other layers",
  ]);
  assert.deepEqual(await told(whole([base, top]), whole([top, base])), [
    "layers 1 the same the same, in another order",
  ]);
});

Deno.test("diff: layers with the same files are told apart by how they are packed", async () => {
  const plain = tar({ a: "a", b: "b" });
  const packed = blob(gzipSync(plain), MediaType.layerGzip);
  const other = blob(gzipSync(plain, { level: 1 }), MediaType.layerGzip);
  assert.notEqual(packed.descriptor.digest, other.descriptor.digest);
  assert.deepEqual(await told(whole([packed]), whole([other])), [SAME_PACKED_OTHERWISE]);
  const zstd = (of: Uint8Array) =>
    blob(new Uint8Array(zstdCompressSync(of)), `${MediaType.layer}+zstd`);
  assert.equal((await told(whole([zstd(plain)]), whole([packed]))).at(-1), SAME_PACKED_OTHERWISE);
  assert.deepEqual(await told(whole([zstd(plain)]), whole([zstd(tar({ a: "a", b: "B" }))])), [
    "layers",
    " /b content",
  ]);
  const turned = layer({ b: "b", a: "a" });
  assert.deepEqual(await told(whole([blob(plain)]), whole([turned])), [
    "layers the files are the same; their order in the tar differs, or what else its heads say",
  ]);
  // Configs name layers by what they are without packing.
  const ids = { rootfs: { type: "layers", diff_ids: [blob(plain).descriptor.digest] } };
  assert.deepEqual(await told(whole([packed], ids), whole([blob(plain)], ids)), [
    "manifest",
    ` layers 0 mediaType - ${MediaType.layerGzip} + ${MediaType.layer}`,
    "layers 1 packed otherwise",
  ]);
  const lie = await told(whole([packed], ids), whole([turned], ids));
  assert.match(
    lie.at(-1) ?? "",
    /^layers 1 packed otherwise the configs say sha256:\w+ of what has/,
  );
});

Deno.test("diff: indexes by their platforms, and what else they name", async () => {
  const [one, two] = [layer({ a: "1" }), layer({ a: "2" })];
  const parts = [whole([one]), whole([one], {}, ARM64), whole([two], {}, ARM64)] as const;
  const [amd, arm, otherArm] = parts;
  const unknown = { os: "unknown", architecture: "unknown" };
  const attestation = remade(amd, { annotations: { about: "amd64" } });
  const blobs = [...parts, attestation].flatMap((part) => part.blobs);
  const of = (...entries: Parameters<typeof index>[0][number][]): Whole => {
    const root = index(entries);
    return { root, blobs: [...blobs, root] };
  };
  const both = of([amd.root, AMD64], [arm.root, ARM64]);
  assert.deepEqual(await told(both, of([amd.root, AMD64])), [
    `linux/arm64 - ${arm.root.descriptor.digest}`,
  ]);
  assert.deepEqual(await told(both, of([amd.root, AMD64], [otherArm.root, ARM64])), [
    "linux/arm64",
    " layers",
    "  /a content",
  ]);
  const said = firstDifference(await diffImages(at(both), at(of([otherArm.root, ARM64])), { go }));
  assert.equal(said, "linux/arm64: layers: /a: content");
  assert.deepEqual(await told(both, of([arm.root, ARM64], [amd.root, AMD64])), [
    "index",
    " manifests - linux/amd64 linux/arm64 + linux/arm64 linux/amd64",
  ]);
  const nested = of([both.root]);
  assert.deepEqual(await told(both, { ...nested, blobs: [...nested.blobs, both.root] }), [
    "index",
    " the index says the same, written otherwise",
  ]);
  const attested = of([amd.root, AMD64], [arm.root, ARM64], [attestation.root, unknown]);
  assert.deepEqual(await told(both, attested), [
    `attestation + ${attestation.root.descriptor.digest}`,
  ]);
  // An image is compared with the one of the index that is for its platform.
  assert.deepEqual(await told(both, otherArm), [
    `linux/amd64 - ${amd.root.descriptor.digest}`,
    "index",
    " kind - an index + a manifest",
    "linux/arm64",
    " layers",
    "  /a content",
  ]);
  // Two images are compared whatever they are for.
  assert.deepEqual(await told(amd, arm), ["config", " architecture - amd64 + arm64"]);
});

Deno.test("diff: what cannot be looked into is said, and what is damaged is an error", async () => {
  const plain = layer({ a: "a" });
  const odd = (bytes: string | Uint8Array, type: string) =>
    told(whole([plain]), whole([blob(bytes, type)]));
  const zstd = await odd(new Uint8Array([0x28, 0xb5, 0x2f, 0xfd]), `${MediaType.layer}+zstd`);
  assert.match(
    zstd.at(-1) ?? "",
    /not looked into: Cannot unpack layer sha256:\w+: unexpected EOF$/,
  );
  const gzip = await odd("x", MediaType.layerGzip);
  assert.match(gzip.at(-1) ?? "", /not looked into: Cannot unpack layer sha256:/);
  const text = await odd("text ".repeat(500), MediaType.layer);
  assert.deepEqual(text.slice(-2), [
    "layers not all of it is a tar (checksum failure)",
    " /a - file 0644 1 bytes",
  ]);
  assert.deepEqual(await odd("{}", "application/json"), [
    "manifest",
    ` layers 0 mediaType - ${MediaType.layer} + application/json`,
    "layers not looked into: no layer, but application/json",
  ]);
  const foreign = blob("x", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
  const lacking = whole([plain, foreign]);
  const [manifest, config] = lacking.blobs;
  assert.ok(manifest && config);
  const here = await told(whole([plain]), { root: manifest, blobs: [manifest, config, plain] });
  assert.match(
    here.at(-1) ?? "",
    /^layers 1 the same not looked into: the foreign layer .* is not there$/,
  );

  const bytes = new Uint8Array(gzipSync(tar({ f: "f" })));
  const far = blob(bytes, foreign.descriptor.mediaType);
  const { root, blobs } = whole([plain, far]);
  const brought = await diffImages(
    at(whole([plain])),
    at({ root, blobs: blobs.filter((one) => one !== far) }),
    { go, foreign: at({ root, blobs: [far] }).source },
  );
  assert.equal(firstDifference(brought), "layers: /f: nothing -> file 0644 1 bytes");

  const other = layer({ a: "b" });
  const missing = whole([other]);
  await failsWith(
    "NOT_FOUND",
    () => told(whole([plain]), { ...missing, blobs: missing.blobs.slice(0, 2) }),
    /Cannot find blob/,
  );
  for (const bytes of [layer({ a: "c" }).bytes, new Uint8Array([0x1f, 0x8b, 8, 0])]) {
    const changed = { ...other, bytes };
    const damaged = { ...missing, blobs: [...missing.blobs.slice(0, 2), changed] };
    await failsWith(
      "BAD_CONTENT",
      () => told(whole([plain]), damaged),
      /Cannot use blob .* of memory: /,
    );
  }
  const plainBlob = { root: blob("x"), blobs: [] };
  await failsWith(
    "BAD_CONTENT",
    () => told(plainBlob, whole([])),
    /Cannot compare sha256:.*neither/,
  );
});

Deno.test("diff: what is no image is compared by its manifest and blobs", async () => {
  const chart = (name: string) => {
    const config = jsonBlob({ name }, "application/vnd.cncf.helm.config.v1+json");
    return remade(whole([blob(name, "application/vnd.cncf.helm.chart.content.v1.tar+gzip")]), {
      config: config.descriptor,
      annotations: { name },
    });
  };
  const [a, b] = [chart("one"), chart("two")];
  const lines = await told(a, b);
  assert.deepEqual(lines.map((line) => line.replaceAll(/sha256:\w+/g, "DIGEST")), [
    "manifest",
    " config digest - DIGEST + DIGEST",
    " annotation name - one + two",
    "layers not looked into: no layer, but application/vnd.cncf.helm.chart.content.v1.tar+gzip",
  ]);
});

Deno.test("diff: programs are compared by their bytes alone where there is no go", async () => {
  const of = (text: string) => whole([layer({ "bin/app": `\x7fELF${text}`, "bin/new": "x" })]);
  const notes: string[] = [];
  assert.deepEqual(await told(of("one"), of("two"), notes), ["layers", " /bin/app content"]);
  assert.equal(notes.length, 1);
  assert.match(notes[0] ?? "", /^Left out what programs are made of: Cannot run .*nonexistent/);
});
