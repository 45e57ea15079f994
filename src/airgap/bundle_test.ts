import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { digestOf } from "../io/hash.ts";
import { type Descriptor, MediaType } from "../oci/descriptor.ts";
import { encodeJson } from "../oci/manifest.ts";
import { MemoryStore } from "../place/memory.ts";
import { concat, member, tar } from "../../test/archive/images.ts";
import { failsWith } from "../../test/support/fails.ts";
import { type ImageGraph, imageGraph, jsonBlob, pushAll } from "../../test/support/image_graph.ts";
import type { BundleDocument } from "./document.ts";
import { packed, partsOf, withDocument } from "../../test/airgap/bundle_parts.ts";
import { BundleImages } from "./images.ts";
import { documentOf, readBundle } from "./reader.ts";
import { memberOfBytes, writeBundle } from "./writer.ts";

const FILE = memberOfBytes("gomod/example.com/m/@v/v1.0.0.mod", encodeJson("module example.com/m"));

/** A bundle of some images in memory. */
async function bundleOf(
  graphs: Readonly<Record<string, ImageGraph>>,
  isThere?: (d: Descriptor) => boolean,
): Promise<Uint8Array> {
  const source = new MemoryStore();
  const images = new BundleImages(isThere);
  for (const [name, { blobs, root }] of Object.entries(graphs)) {
    await pushAll(source, blobs);
    await images.add({ source, root: root.descriptor, name, role: "image" });
  }
  const chunks: Uint8Array[] = [];
  const take = (chunk: Uint8Array) => void chunks.push(Uint8Array.from(chunk));
  await writeBundle({ images, files: [FILE] }, take);
  return concat(...chunks);
}

/** Bytes as a stream of chunks whose memory is used again. */
async function* pieces(bytes: Uint8Array, size = 700): AsyncGenerator<Uint8Array> {
  const memory = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    memory.set(piece);
    yield await Promise.resolve(memory.subarray(0, piece.length));
  }
}

const inputOf = (bytes: Uint8Array, size?: number) => ({
  what: "bundle x.tar",
  chunks: pieces(bytes, size),
});

Deno.test("bundle: what is written is read, the same bytes each time, and listed", async () => {
  const graphs = { "app:v1": imageGraph("one"), "reg.local/team/two:v2": imageGraph("two") };
  const bytes = await bundleOf(graphs);
  assert.deepEqual(bytes, await bundleOf(Object.fromEntries(Object.entries(graphs).toReversed())));
  const names = partsOf(bytes).map(({ name }) => name);
  assert.deepEqual(names.slice(0, 3), ["oci-layout", "kodeno-bundle.json", "index.json"]);
  const blobs = names.filter((name) => name.startsWith("blobs/"));
  assert.deepEqual(blobs, blobs.toSorted());
  assert.equal(names.at(-1), FILE.path);

  const taken: string[] = [];
  const { document, entries, signature } = await readBundle(inputOf(bytes), {
    member: async (one, chunks) => {
      const content: Uint8Array[] = [];
      for await (const chunk of chunks) content.push(Uint8Array.from(chunk));
      assert.equal(digestOf(concat(...content)), one.digest);
      taken.push(one.kind === "blob" ? one.digest : one.path);
    },
  });
  assert.deepEqual(document.images, [
    { name: "app:v1", digest: graphs["app:v1"].root.descriptor.digest },
    {
      name: "reg.local/team/two:v2",
      digest: graphs["reg.local/team/two:v2"].root.descriptor.digest,
    },
  ]);
  assert.equal(entries.length, 2);
  assert.equal(signature, undefined);
  assert.equal(taken.length, document.blobs.length + 2);
  assert.deepEqual(await documentOf(inputOf(bytes, 100)), document);
});

Deno.test("bundle: a byte that was changed anywhere, and an end anywhere, are found", async () => {
  const bytes = await bundleOf({ "app:v1": imageGraph() });
  for (const { bytes: content } of partsOf(bytes)) {
    const changed = Uint8Array.from(bytes);
    const at = Buffer.from(bytes).indexOf(Buffer.from(content));
    const flipped = at + (content.length >> 1);
    changed[flipped] = (changed[flipped] ?? 0) ^ 1;
    await failsWith("BAD_CONTENT", () => readBundle(inputOf(changed)), /x\.tar: /);
  }
  for (let length = 0; length < bytes.length - 1024; length += 512) {
    const cut = bytes.subarray(0, length + (length % 1024 === 0 ? 0 : 100));
    const codes = ["BAD_CONTENT", "BAD_PLACE"];
    await assert.rejects(
      () => readBundle(inputOf(cut)),
      (error) => codes.includes((error as { code: string }).code),
    );
  }
});

Deno.test("bundle: what its document does not say is refused", async (t) => {
  const graph = imageGraph();
  const bytes = await bundleOf({ "app:v1": graph });
  const parts = partsOf(bytes);
  const refused = async (what: string, changed: Uint8Array, why: RegExp, code?: "BAD_PLACE") => {
    await t.step(what, async () => {
      await failsWith(code ?? "BAD_CONTENT", () => readBundle(inputOf(changed)), why);
    });
  };
  const more = { name: "blobs/sha256/more", bytes: new Uint8Array(3) };
  await refused("a member more", packed([...parts, more]), /"blobs\/sha256\/more", of which/);
  await refused("a member less", packed(parts.slice(0, -1)), /it lacks gomod\//);
  await refused("a member twice", packed([...parts, ...parts.slice(-1)]), /twice/);
  const out = { name: "../../etc/passwd", bytes: new Uint8Array(3) };
  await refused("a way out", packed([...parts, out]), /leads out of it/);
  for (const type of ["symlink", "dir"] as const) {
    const entry = type === "symlink"
      ? { type, name: "index", mode: 0o777, linkname: "index.json" }
      : { type, name: "folder/", mode: 0o755 };
    const changed = concat(...parts.map((one) => member(one.name, one.bytes)), tar(member(entry)));
    if (type === "symlink") await refused("a link", changed, /"index" is a link/);
    else await readBundle(inputOf(changed));
  }
  await refused("bytes behind the end", concat(bytes, member("x", "y")), /behind its end/);
  await refused(
    "an archive",
    packed(parts.filter((one) => !/bundle/.test(one.name))),
    /as a bundle/,
    "BAD_PLACE",
  );
  await refused("no tar", new Uint8Array(2000).fill(65), /not a tar/, "BAD_PLACE");

  const signed = (change: (value: Record<string, unknown>) => void) => {
    const value = JSON.parse(new TextDecoder().decode(parts[1]?.bytes));
    change(value);
    return packed(parts.map((one, i) => i === 1 ? { ...one, bytes: encodeJson(value) } : one));
  };
  await refused(
    "another version",
    signed((v) => v["version"] = 2),
    /of version 2, and this kodeno reads/,
  );
  await refused("another content than its id", signed((v) => v["sequence"] = 2), /says id/);
  const deep = `{"version":1,"x":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
  const nested = parts.map((one, i) =>
    i === 1 ? { ...one, bytes: new TextEncoder().encode(deep) } : one
  );
  await refused("a document without end", packed(nested), /nested too deep/);
  await refused("no document", signed((v) => delete v["blobs"]), /blobs/);
  const layer = graph.shared.descriptor.digest;
  const without = (document: BundleDocument) => ({
    ...document,
    blobs: document.blobs.filter(({ digest }) => digest !== layer),
  });
  const gone = packed(parts.filter(({ name }) => !name.endsWith(layer.slice(7))));
  await refused(
    "an image that lacks a layer",
    withDocument(gone, without),
    /needs sha256:.*not listed/,
  );
  await refused(
    "a manifest that is called a blob",
    withDocument(
      bytes,
      (d) => ({ ...d, blobs: d.blobs.map(({ digest, size }) => ({ digest, size })) }),
    ),
    /does not say that sha256:.* is a manifest/,
  );
  await refused(
    "a name that its index has not",
    withDocument(
      bytes,
      (d) => ({ ...d, images: d.images.map((one) => ({ ...one, name: "x:y" })) }),
    ),
    /does not have x:y/,
  );
});

Deno.test("bundle: what is there already is left out, and said", async () => {
  const graph = imageGraph();
  const { digest } = graph.shared.descriptor;
  const bytes = await bundleOf({ "app:v1": graph }, (d) => d.digest === digest);
  const { document } = await readBundle(inputOf(bytes));
  assert.deepEqual(document.omitted.map((one) => one.digest), [digest]);
  assert.equal(document.blobs.some((one) => one.digest === digest), false);
});

Deno.test("bundle: two images of one name are refused, and what an image lacks is told first", async () => {
  const [one, two] = [imageGraph("one"), imageGraph("two")];
  const source = new MemoryStore();
  await pushAll(source, [...one.blobs, ...two.blobs]);
  const images = new BundleImages();
  const added = { source, name: "app:v1", role: "image" as const };
  await images.add({ ...added, root: one.root.descriptor });
  await failsWith(
    "BAD_OPTION",
    () => images.add({ ...added, root: two.root.descriptor }),
    /called so/,
  );
  const head = { schemaVersion: 2, mediaType: MediaType.manifest };
  const lost = { mediaType: MediaType.layer, digest: digestOf("gone"), size: 4 };
  const config = jsonBlob({}, MediaType.config);
  const broken = jsonBlob(
    { ...head, config: config.descriptor, layers: [lost] },
    MediaType.manifest,
  );
  await pushAll(source, [config, broken]);
  const adding = images.add({ source, root: broken.descriptor, name: "b:v1", role: "image" });
  await failsWith("NOT_FOUND", () => adding, /gone|blob/);
});

Deno.test("bundle: bases are told from images, those named by a digest among them", async () => {
  const [one, two] = [imageGraph("one"), imageGraph("two")];
  const source = new MemoryStore();
  await pushAll(source, [...one.blobs, ...two.blobs]);
  const images = new BundleImages();
  const pinned = `index.docker.io/library/base@${two.root.descriptor.digest}`;
  const base = { source, role: "base" as const };
  await images.add({ ...base, root: two.root.descriptor, name: pinned });
  await images.add({ ...base, root: one.root.descriptor, name: "reg.local/base:v1" });
  // What is asked for is an image, whatever else it is good for, and in whatever order it comes.
  await images.add({ source, root: one.root.descriptor, name: "reg.local/base:v1", role: "image" });
  await images.add({ ...base, root: one.root.descriptor, name: "reg.local/base:v1" });
  const chunks: Uint8Array[] = [];
  await writeBundle({ images }, (chunk) => void chunks.push(Uint8Array.from(chunk)));
  const { document, entries, bases } = await readBundle(inputOf(concat(...chunks)));
  const { digest } = two.root.descriptor;
  const both = { name: "reg.local/base:v1", digest: one.root.descriptor.digest };
  assert.deepEqual(document.bases, [{ name: `base@${digest}`, digest }, both]);
  assert.deepEqual(document.images.map(({ name }) => name), ["reg.local/base:v1"]);
  const roles = entries.map((entry) => entry.annotations?.["dev.kodeno.role"]);
  assert.deepEqual(roles.toSorted(), ["base", undefined]);
  assert.equal(bases.length, 2);
});
