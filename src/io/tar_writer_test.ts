/**
 * Compares tar headers byte for byte with Go's archive/tar: one run of the oracle in
 * fixtures/taroracle (needs `go`) answers for all cases of this file.
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { askOracle } from "../../test/support/go_oracle.ts";
import { seeded } from "../../test/support/seeded.ts";
import { hasCode } from "../errors.ts";
import { TAR_END, type TarEntry, tarHeader, tarPadding } from "./tar_writer.ts";

interface Case {
  readonly label: string;
  readonly entry: TarEntry;
}

interface Oracle {
  readonly headers: readonly { readonly header: string | null; readonly error: string }[];
  readonly archive: string;
}

const GIB = 2 ** 30;

/** A text of exactly `length` characters with slashes at the given places. */
function text(length: number, ...slashes: number[]): string {
  const chars = Array.from({ length }, (_, i) => String.fromCharCode(97 + i % 26));
  for (const at of slashes) chars[at < 0 ? length + at : at] = "/";
  return chars.join("");
}

function file(name: string, more: Partial<TarEntry> = {}): TarEntry {
  return { type: "file", name, mode: 0o644, ...more };
}

function nameCases(): Case[] {
  const names = [".", "..", "a", "a b/c  d", "/ko-app/app", "./x", "../up/x", "a/../../b", "a/.."];
  names.push("//two//slashes", "/..", "/", "caf\u00e9", "/d\u00ed r/\u65e5\u672c/\u{1f600}.txt");
  names.push("\u65e5", "\u00e9/", "x\ny", "C:\\Files\\x", "Files/ko-app/app.exe", "\ufeffbom", "~");
  names.push("../../".repeat(60) + "x", "/../".repeat(90) + "x", "a/./".repeat(60) + "x");
  // Dropping what is not ASCII leaves two slashes where the name field ends.
  names.push(text(98) + "/\u00e9/" + text(10));
  for (const length of [98, 99, 100, 101, 102, 154, 155, 156, 157, 200, 255, 256, 257, 300, 600]) {
    names.push(
      text(length),
      text(length, 0),
      text(length, -1),
      text(length, -2),
      "/".repeat(length),
    );
    for (const at of [1, 50, 97, 98, 99, 100, 101, 153, 154, 155, 156, 157]) {
      if (at < length) names.push(text(length, at), text(length, 0, at), text(length, at, -1));
      // A run of slashes where the name field ends.
      if (at + 1 < length) names.push(text(length, at, at + 1));
    }
    for (const tail of [99, 100, 101, 102]) {
      if (tail < length) names.push(text(length, -tail), text(length, 20, -tail));
    }
    names.push("\u00e9" + text(length, 40), text(length, 40) + "\u{1f600}");
  }
  return names.flatMap((name) =>
    ([{ type: "file" }, { type: "dir" }, { type: "symlink", linkname: "t" }] as const)
      .map((kind) => ({ label: `name as ${kind.type}`, entry: { ...kind, name, mode: 0o755 } }))
  );
}

function fieldCases(): Case[] {
  const cases: Case[] = [];
  const add = (label: string, entry: TarEntry): number => cases.push({ label, entry });
  for (const mode of [0, 0o444, 0o555, 0o755, 0o1777, 0o4755, 0o7777777]) {
    add("mode", file("f", { mode }));
    add("mode", { type: "dir", name: "d", mode });
  }
  for (const size of [0, 1, 511, 512, 513, 8 * GIB - 1, 8 * GIB, 2 ** 53 - 1]) {
    add("size", file("f", { size }));
  }
  const years = [-62135596800, -62135596801, -62135596799, 2 ** 53 - 1, -(2 ** 53) + 1];
  for (const mtime of [0, 1, 1700000000, -1, 2 ** 31, 2 ** 33 - 1, 2 ** 33, ...years]) {
    add("mtime", file("f", { mtime }));
  }
  for (const id of [0, 1, 65532, 2 ** 21 - 1, 2 ** 21, 2 ** 32, -1]) {
    add("uid", file("f", { uid: id }));
    add("gid", file("f", { gid: id }));
  }
  for (const length of [1, 99, 100, 101, 155, 156, 256, 300]) {
    const plain = { type: "symlink", name: "l", mode: 0o777 } as const;
    add("linkname", { ...plain, linkname: text(length) });
    add("linkname", { ...plain, linkname: text(length, 0, Math.min(length - 1, 99)) });
    add("linkname", { ...plain, linkname: "../\u00e9" + text(length) });
    add("linkname and name", { ...plain, name: text(length, 40), linkname: text(length) });
    add("hard link", { ...plain, type: "link", name: text(length, 40), linkname: text(length) });
  }
  for (const type of ["character", "block"] as const) {
    for (const n of [0, 1, 255, 2 ** 21 - 1]) {
      add(type, { type, name: "dev/x", mode: 0o600, device: [n, 2] });
      add(type, { type, name: `dev/\u00e9${n}`, mode: 0o600, device: [2, n] });
    }
  }
  add("pipe", { type: "pipe", name: "p", mode: 0o600, mtime: 7 });
  return cases;
}

function paxCases(): Case[] {
  const cases: Case[] = [];
  const add = (label: string, pax: TarEntry["pax"] & object, more: Partial<TarEntry> = {}) =>
    cases.push({ label, entry: file("f", { ...more, pax }) });
  const capability = Uint8Array.of(
    1,
    0,
    0,
    2,
    0,
    4,
    0,
    0,
    0,
    0,
    0xff,
    0x80,
    0xc3,
    0x28,
    0x0a,
    0x3d,
  );
  add("binary", { "SCHILY.xattr.security.capability": capability });
  add("no records", {});
  add("windows", { "MSWINDOWS.rawsd": "AQAAgBQ=", "MSWINDOWS.fileattr": "32" });
  add("windows dir", { "MSWINDOWS.fileattr": "16" }, { type: "dir", name: "Files" });
  add("byte order of keys", { "\u{10000}": "1", "\uffff": "2", "b": "3", "a": "4", "aa": "5" });
  add("odd keys", { "__proto__x": "1", "a b": "", "7": "seven", "k\u00e9y": "\u00fc" });
  for (const name of ["..", ".", "/..", "/../x", "a/..", "../.."]) add("dots", { c: "" }, { name });
  add("kept, split name", { comment: "c" }, { name: text(120, 60) });
  add("everything", { comment: "c" }, {
    name: "\u00e9/" + text(200),
    size: 8 * GIB,
    mtime: -1,
    uid: 2 ** 21,
    gid: -1,
  });
  // Where the decimal length of a record gains a digit, and where the body fills a block.
  for (const near of [5, 100, 512, 1000, 1024, 10000]) {
    for (let n = Math.max(0, near - 16); n < near + 8; n++) {
      add(`record ${n}`, { k: "v".repeat(n) });
    }
  }
  add("1 MiB", { k: "v".repeat(2 ** 20 - 11) });
  return cases;
}

function refusedCases(): Case[] {
  return [
    { label: "NUL in a name", entry: file("a\0b") },
    { label: "NUL in a target", entry: { type: "symlink", name: "l", mode: 0, linkname: "\0" } },
    { label: "slash after a file", entry: file("a/") },
    { label: "negative size", entry: file("f", { size: -1 }) },
    { label: "empty pax key", entry: file("f", { pax: { "": "v" } }) },
    { label: "pax key with =", entry: file("f", { pax: { "a=b": "v" } }) },
    { label: "pax key with NUL", entry: file("f", { pax: { "a\0": "v" } }) },
    { label: "over 1 MiB", entry: file("f", { pax: { k: "v".repeat(2 ** 20 - 10) } }) },
  ];
}

function randomCases(): Case[] {
  const random = seeded(20240607);
  const next = (below: number): number => Math.floor(random() * below);
  const rare = ["\u00e9", "\u{1f600}", "\u65e5", " ", "//", "/../", "/./", "\n", "="];
  const name = (): string => {
    const odd = next(3) === 0;
    let out = "";
    for (let left = 1 + next(300); left > 0; left--) {
      if (next(12) === 0) out += "/";
      else if (odd && next(40) === 0) out += rare[next(rare.length)];
      else out += String.fromCharCode(33 + next(94));
    }
    return out;
  };
  return Array.from({ length: 600 }, (_, i) => {
    const type = (["file", "dir", "symlink"] as const)[next(3)] ?? "file";
    const entry = {
      type,
      name: name(),
      mode: next(0o10000),
      ...(type === "symlink" ? { linkname: name() } : {}),
      ...(type === "file" ? { size: next(2 ** 31) } : {}),
      ...(next(2) === 0 ? { mtime: next(2 ** 31) } : {}),
      ...(next(8) === 0 ? { pax: { [name().replaceAll("=", "")]: name() } } : {}),
    };
    return { label: `random ${i}`, entry };
  });
}

/** Files of every interesting size, with content, and what has none. */
function archiveCases(): { entry: TarEntry; content: Uint8Array }[] {
  const none = new Uint8Array(0);
  const files = [0, 1, 511, 512, 513, 1024].map((size) => ({
    entry: file(`/ko-app/${size}`, { size, mtime: 1700000000 }),
    content: Uint8Array.from({ length: size }, (_, i) => i % 251),
  }));
  const pax = { "MSWINDOWS.rawsd": "AQAAgBQ=" };
  return [
    { entry: { type: "dir", name: "ko-app", mode: 0o555 }, content: none },
    { entry: { type: "symlink", name: "l", mode: 0o777, linkname: text(101) }, content: none },
    ...files,
    { entry: file(text(300), { size: 3, pax }), content: Uint8Array.of(1, 2, 3) },
  ];
}

function oracleInput(entry: TarEntry, content?: Uint8Array): unknown {
  const pax = Object.entries(entry.pax ?? {})
    .map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
  return {
    ...entry,
    pax: Object.fromEntries(pax),
    ...(content ? { content: Buffer.from(content).toString("base64") } : {}),
  };
}

const tables = {
  names: nameCases(),
  fields: fieldCases(),
  "pax records": paxCases(),
  "refused entries": refusedCases(),
  "random entries": randomCases(),
};
const archived = archiveCases();
let answer: Promise<Oracle> | undefined;

function oracle(): Promise<Oracle> {
  return answer ??= askOracle<Oracle>("taroracle", [
    ...Object.values(tables).flat().map(({ entry }) => oracleInput(entry)),
    ...archived.map(({ entry, content }) => oracleInput(entry, content)),
  ]);
}

/** Hex of the header by lines of 64 bytes, to read a difference; undefined when refused. */
function written(entry: TarEntry): string[] | undefined {
  try {
    return hexLines(tarHeader(entry));
  } catch (error) {
    if (hasCode(error, "BAD_SOURCE_FILE")) return undefined;
    throw error;
  }
}

function hexLines(bytes: Uint8Array): string[] {
  return Buffer.from(bytes).toString("hex").match(/.{1,128}/g) ?? [];
}

let first = 0;
for (const [title, cases] of Object.entries(tables)) {
  const start = first;
  first += cases.length;
  Deno.test(`tarHeader writes what Go writes: ${title}`, async () => {
    const { headers } = await oracle();
    const kinds = { ustar: 0, pax: 0, refused: 0 };
    cases.forEach(({ label, entry }, i) => {
      const answer = headers[start + i];
      assert.ok(answer, "the oracle answers every case");
      const theirs = answer.header === null ? undefined : Buffer.from(answer.header, "base64");
      assert.deepEqual(
        written(entry),
        theirs && hexLines(theirs),
        `${label} ${JSON.stringify(entry.name)} ${answer.error}`,
      );
      kinds[theirs === undefined ? "refused" : theirs.length === 512 ? "ustar" : "pax"]++;
    });
    // The tables are there to reach all branches: they must not decay to one kind of header.
    if (title === "refused entries") {
      assert.deepEqual(kinds, { ustar: 0, pax: 0, refused: cases.length });
    } else assert.ok(kinds.ustar > 0 && kinds.pax > 10, JSON.stringify(kinds));
  });
}

Deno.test("headers, padding and end make the archive Go makes", async () => {
  const { archive } = await oracle();
  const parts = archived.flatMap(({ entry, content }) => [
    tarHeader(entry),
    content,
    new Uint8Array(tarPadding(content.length)),
  ]);
  const ours = Buffer.concat([...parts, TAR_END]);
  assert.deepEqual(hexLines(ours), hexLines(Buffer.from(archive, "base64")));
});

Deno.test("tarPadding fills up to the block edge, beyond 32 bits too", () => {
  const sizes = [0, 1, 511, 512, 513, 8 * GIB - 1, 8 * GIB, 8 * GIB + 1];
  assert.deepEqual(sizes.map(tarPadding), [0, 511, 1, 0, 511, 1, 0, 511]);
  for (const size of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
    assert.throws(() => tarPadding(size), RangeError, String(size));
  }
});

Deno.test("tarHeader refuses entries that Go would write in another form than meant", () => {
  const link = { type: "symlink", name: "l", mode: 0o777 } as const;
  const bad: Record<string, TarEntry> = {
    "empty name": file(""),
    "mode of 22 bits": file("f", { mode: 0o10000000 }),
    "negative mode": file("f", { mode: -1 }),
    "half a second": file("f", { mtime: 0.5 }),
    "uid beyond exact numbers": file("f", { uid: 2 ** 53 }),
    "gid not a number": file("f", { gid: NaN }),
    "directory with content": { type: "dir", name: "d", mode: 0o755, size: 1 },
    "symlink with content": { ...link, linkname: "t", size: 1 },
    "symlink without target": link,
    "hard link without target": { ...link, type: "link" },
    "device numbers of a file": { ...file("f"), device: [1, 2] },
    "device numbers too large": { ...link, type: "block", device: [2 ** 21, 0] },
    "file with target": file("f", { linkname: "t" }),
    "lone surrogate in name": file("a\ud800"),
    "lone surrogate in target": { ...link, linkname: "\udc00" },
    "record of a field": file("f", { pax: { path: "g" } }),
    "record of a sparse file": file("f", { pax: { "GNU.sparse.map": "0,1" } }),
    "lone surrogate in pax key": file("f", { pax: { "\ud800": "" } }),
    "lone surrogate in pax value": file("f", { pax: { k: "\ud800" } }),
  };
  for (const [label, entry] of Object.entries(bad)) {
    assert.throws(
      () => tarHeader(entry),
      (error) => hasCode(error, "BAD_SOURCE_FILE"),
      label,
    );
  }
});
