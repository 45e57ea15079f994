/**
 * What layers leave when they are unpacked one on top of the other, and how many of them are read to say
 * where a file is.
 * @module
 */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { concat, member, tar } from "../../test/archive/images.ts";
import { failsWith } from "../../test/support/fails.ts";
import { type Blob, blob } from "../../test/support/image_graph.ts";
import { bytesStream } from "../io/streams.ts";
import type { TarEntry } from "../io/tar_writer.ts";
import { RootFiles } from "./root_files.ts";

/** An entry: a file with its content, a folder where it ends in a slash, or whatever is said of it. */
type Entry = readonly [name: string, content: string] | TarEntry | `${string}/` | Uint8Array;

function entryBytes(entry: Entry): Uint8Array {
  if (entry instanceof Uint8Array) return entry;
  if (typeof entry === "string") return member({ type: "dir", name: entry, mode: 0o755 });
  return "type" in entry ? member(entry) : member(...entry);
}

const link = (type: "link" | "symlink", name: string, linkname: string): TarEntry => ({
  type,
  name,
  linkname,
  mode: 0o777,
});
const layerOf = (...entries: readonly Entry[]): Blob => blob(tar(...entries.map(entryBytes)));

/** The files of layers, and which layers were read, the lowest is 0. */
function rootOf(...layers: readonly Blob[]) {
  const read: number[] = [];
  const fetch = ({ digest }: Blob["descriptor"]) => {
    const i = layers.findIndex(({ descriptor }) => descriptor.digest === digest);
    read.push(i);
    return Promise.resolve(bytesStream(layers[i]?.bytes ?? assert.fail()));
  };
  return { root: new RootFiles({ fetch }, layers.map(({ descriptor }) => descriptor)), read };
}

/** What is at a path: the content of a file, or why there is none; and the layers that were read for it. */
async function at(path: string, ...layers: readonly Blob[]) {
  const { root, read } = rootOf(...layers);
  const found = await root.find(path);
  if (found.kind !== "leaf") return [found.kind, ...read];
  const content: Uint8Array[] = [];
  await root.writeTo(found.leaf, (chunk) => void content.push(chunk.slice()));
  return [new TextDecoder().decode(concat(...content)), ...read];
}

/** All that is there, as one reads it. */
async function all(...layers: readonly Blob[]): Promise<readonly string[]> {
  const { root } = rootOf(...layers);
  return [...(await root.tree()).all()].map(([path, node]) =>
    node.kind === "folder"
      ? path.replace(/[^/]$/, "$&/")
      : `${path} ${node.layer}.${node.at}${node.entry.target && ` -> ${node.entry.target}`}`
  );
}

const low = layerOf("etc/", ["etc/a", "low a"], ["etc/b", "low b"], "etc/d/", ["etc/d/x", "x"]);

Deno.test("root: the topmost layer that has a file counts, and nothing below it is read", async () => {
  const top = layerOf("etc/", ["etc/a", "top a"]);
  assert.deepEqual(await at("/etc/a", low, top), ["top a", 1]);
  assert.deepEqual(await at("/etc/b", low, top), ["low b", 1, 0]);
  assert.deepEqual(await at("/etc/none", low, top), ["missing", 1, 0]);
  assert.deepEqual(await at("/etc", low, top), ["folder", 1]);
  assert.deepEqual(await at("/", low, top), ["folder"]);
  assert.deepEqual(await at("/etc/a/x", low, top), ["missing", 1]);
  assert.deepEqual(await at("/x"), ["missing"]);
});

Deno.test("root: whiteouts take away what is below their layer, wherever they stand in it", async () => {
  for (const entries of [["etc/", ["etc/.wh.a", ""]], [["etc/.wh.a", ""], "etc/"]] as const) {
    const top = layerOf(...entries);
    assert.deepEqual(await at("/etc/a", low, top), ["gone", 1]);
    assert.deepEqual(await at("/etc/b", low, top), ["low b", 1, 0]);
  }
  for (
    const own of [[["etc/new", "new"], ["etc/.wh..wh..opq", ""]], [["etc/.wh..wh..opq", ""], [
      "etc/new",
      "new",
    ]]] as const
  ) {
    const top = layerOf("etc/", ...own);
    assert.deepEqual(await at("/etc/b", low, top), ["missing", 1]);
    assert.deepEqual(await at("/etc/new", low, top), ["new", 1]);
    assert.deepEqual(await all(low, top), [
      "/",
      "/etc/",
      `/etc/new 1.${own[0][0] === "etc/new" ? 1 : 2}`,
    ]);
  }
  // A folder that was taken away and is there again has nothing of before; its own file stays.
  const again = layerOf(["etc/d/y", "y"], ["etc/.wh.d", ""]);
  assert.deepEqual(await all(low, again), [
    "/",
    "/etc/",
    "/etc/a 0.1",
    "/etc/b 0.2",
    "/etc/d/",
    "/etc/d/y 1.0",
  ]);
  assert.deepEqual(await at("/etc/d/x", low, again), ["missing", 1, 0]);
  // As umoci tells of a folder that is gone, or a file now.
  const doubly = layerOf(["etc/.wh.d", ""], ["etc/d/.wh.x", ""], ["etc/b/.wh.x", ""]);
  assert.deepEqual(await at("/etc/d/x", low, doubly), ["gone", 1, 0]);
  assert.deepEqual(await at("/etc/d", low, doubly), ["gone", 1, 0]);
  assert.deepEqual(await all(low, doubly), ["/", "/etc/", "/etc/a 0.1", "/etc/b 0.2"]);
  // What AUFS keeps for itself is in no image.
  assert.deepEqual(await all(layerOf([".wh..wh.plnk/1.2", ""], [".wh..wh.aufs", ""])), ["/"]);
});

Deno.test("root: of entries with one name the last one counts, as when they are unpacked", async () => {
  const twice = layerOf("d/", ["d/a", "first"], link("link", "d/b", "d/a"), ["d/a", "last"]);
  assert.deepEqual(await at("/d/a", low, twice), ["last", 1]);
  assert.deepEqual(await at("/d/b", low, twice), ["first", 1, 1]);
  assert.deepEqual(await at("/etc/a", low, layerOf("etc/", ["etc/a", "a"], "etc/a/")), [
    "folder",
    1,
  ]);
  // A folder in the place of a file has nothing of a folder that was there before that.
  const file = layerOf(["etc", "a file"]);
  assert.deepEqual(await at("/etc/a", low, file, layerOf("etc/")), ["missing", 2, 1]);
  assert.deepEqual(await at("/etc/a", low, file), ["missing", 1]);
});

Deno.test("root: links are followed within the root, and to their end", async () => {
  const links = layerOf(
    "a/",
    link("symlink", "a/abs", "/etc/a"),
    link("symlink", "a/up", "../../../etc/b"),
    link("symlink", "a/loop", "loop"),
    link("symlink", "a/out", "/none"),
    link("symlink", "a/etc", "../etc"),
    link("link", "a/hard", "etc/a"),
  );
  assert.deepEqual(await at("/a/abs", low, links), ["low a", 1, 0, 0]);
  assert.deepEqual(await at("/a/up", low, links), ["low b", 1, 0, 0]);
  assert.deepEqual(await at("/a/etc/d/x", low, links), ["x", 1, 0, 0]);
  assert.deepEqual(await at("/a/hard", low, links), ["low a", 1, 0, 0]);
  assert.deepEqual(await at("/a/loop", low, links), ["loop", 1, 0]);
  assert.deepEqual(await at("/a/out", low, links), ["missing", 1, 0]);
  // The name that it was linked by is another file by now.
  const replaced = layerOf("etc/", ["etc/a", "new"]);
  assert.deepEqual(await at("/a/hard", low, links, replaced), ["low a", 2, 1, 0, 0]);
});

Deno.test("root: a folder that no layer tells of may be a link in a layer below", async () => {
  const usr = layerOf("usr/", "usr/lib/", ["usr/lib/x", "old"], link("symlink", "lib", "usr/lib"));
  const through = layerOf(["lib/x", "new"]);
  for (const path of ["/lib/x", "/usr/lib/x"]) {
    assert.deepEqual(await at(path, usr, through), ["new", 1, 0, ...path === "/lib/x" ? [] : [1]]);
  }
  assert.deepEqual(await all(usr, through), [
    "/",
    "/lib 0.3 -> usr/lib",
    "/usr/",
    "/usr/lib/",
    "/usr/lib/x 1.0",
  ]);
  // One that is told of stands in the place of the link.
  const told = layerOf("lib/", ["lib/x", "new"]);
  assert.deepEqual(await at("/lib/x", usr, told), ["new", 1]);
  assert.deepEqual(await at("/usr/lib/x", usr, told), ["old", 1, 0]);
});

Deno.test("root: what is packed is read so, and nothing is printed of what has another digest", async () => {
  const plain = layerOf("d/", ["d/a", "content"]);
  const packed = blob(new Uint8Array(gzipSync(plain.bytes)));
  assert.deepEqual(await at("/d/a", packed), ["content", 0]);
  const damaged = { ...packed, bytes: new Uint8Array(gzipSync(plain.bytes, { level: 0 })) };
  await failsWith("BAD_CONTENT", () => at("/d/a", damaged), /Cannot use blob sha256:\w+: /);
  await failsWith(
    "BAD_CONTENT",
    () => at("/d/a", blob("x")),
    /Cannot unpack layer .*: it ends early/,
  );
  const cut = blob(plain.bytes.slice(0, 700));
  await failsWith("BAD_CONTENT", () => at("/none", cut), /it ends early/);
  assert.deepEqual(await all(blob("")), ["/"]);
});

/** A member whose pax header has records. */
function withRecords(records: Uint8Array, entry: Uint8Array): Uint8Array {
  const header = member({ type: "file", name: "p", mode: 0, size: records.length }, records);
  header[156] = "x".charCodeAt(0);
  const sum = header.subarray(0, 512).reduce(
    (all, byte, i) => all + (i >= 148 && i < 156 ? 32 : byte),
    0,
  );
  header.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return concat(header, entry);
}

Deno.test("root: entries that nobody could unpack are refused in one line", async () => {
  const text = new TextEncoder();
  const cases: readonly (readonly [RegExp, ...Entry[]])[] = [
    [/its entry "\.\.\/x" leads out of it/, ["../x", ""]],
    [/its entry "a\/\.\.\/\.\.\/x" leads out of it/, ["a/../../x", ""]],
    [
      /the name of its entry "\w?\\u0000x" is none/,
      withRecords(text.encode("11 path=\0x\n"), member("f")),
    ],
    [
      /its entry "\/l" links to "..\/etc\/passwd", which is not there/,
      link("link", "l", "../etc/passwd"),
    ],
    [/its entry "\/l" links to "none", which is not there/, link("link", "l", "none")],
    [/its entry "\/l" links to "d", which is not there, or a folder/, "d/", link("link", "l", "d")],
    [/its entry "\/f\/x" lies below what is no folder/, ["f", ""], ["f/x", ""]],
    [/its entry "\/l\/x" lies behind links without end/, link("symlink", "l", "l"), ["l/x", ""]],
    [/its entry "\/\.wh\." takes nothing away/, [".wh.", ""]],
    [/the header of "p" is too large/, withRecords(new Uint8Array(2 ** 20 + 1), member("f"))],
    [/the tar header at byte 0 is damaged/, withRecords(text.encode("99 path=x\n"), member("f"))],
    [/the path of its entry .* is too long/, ["a/".repeat(2100) + "x", ""]],
  ];
  for (const [words, ...entries] of cases) {
    await failsWith("BAD_CONTENT", () => all(layerOf(...entries)), words);
  }
  // What takes no more than some bytes to pack takes no hours and no gigabytes.
  const deep = Array.from({ length: 60 }, (_, i) => [`${i}/${"a/".repeat(2000)}x`, ""] as const);
  await failsWith(
    "BAD_CONTENT",
    () => all(layerOf(...deep)),
    /it is in more folders than anybody has/,
  );
  const chain = Array.from(
    { length: 39 },
    (_, i) => link("symlink", `l${i}`, `${"../".repeat(1360)}l${i + 1}`),
  );
  const through = Array.from({ length: 1000 }, (_, i) => [`l0/${i}`, ""] as const);
  const onAndOn = layerOf(...chain, "l39/", ...through);
  await failsWith("BAD_CONTENT", () => all(onAndOn), /its links lead on and on/);
  const opaque = Array.from({ length: 3000 }, () => ["d/.wh..wh..opq", ""] as const);
  const many = Array.from({ length: 3000 }, (_, i) => [`d/${i}`, ""] as const);
  assert.equal((await all(layerOf("d/", ...many, ...opaque))).length, 3002);
  // A value that looks like a record is none.
  const value = text.encode("39 SCHILY.xattr.user.a=b\n13 path=evil\n\n");
  assert.deepEqual(await all(layerOf(withRecords(value, member("good")))), ["/", "/good 0.0"]);
  // Of such a name the block itself has a slash alone.
  assert.deepEqual(await at("/\u00e4/\u00f6", layerOf(["\u00e4/\u00f6", "content"])), [
    "content",
    0,
  ]);
  assert.deepEqual(await all(layerOf(["/abs/x", ""], ["./rel/./x", ""])), [
    "/",
    "/abs/",
    "/abs/x 0.0",
    "/rel/",
    "/rel/x 0.1",
  ]);
});
