/**
 * What go has left in a program, read from its file without go: what it is built of (Go's
 * debug/buildinfo), and how much of its code is of which package (the table of functions of Go 1.18 and
 * newer, cmd/link/internal/ld/pcln.go). Whoever receives an image may have no go.
 * @module
 */
import { Buffer } from "node:buffer";
import { ioFailure } from "../io/files.ts";
import { type BuildInfo, parseBuildInfo } from "./build_info.ts";
import { type Section, sectionsOf } from "./elf.ts";

/** A program that go has built. */
interface Program {
  readonly info: BuildInfo;
  /** Bytes of code by import path; nothing of what is not for ELF, or of a table that is not known. */
  readonly code: ReadonlyMap<string, number>;
}

const MAGIC = Buffer.from("\xff Go buildinf:", "latin1");
const HEAD_BYTES = 32;
/** Flag of a head behind which the texts themselves stand, as since Go 1.18. */
const INLINE = 2;
/** Around what is said of modules. */
const SENTINEL_BYTES = 16;
/** More than the modules of a program say, and more than a table of functions has. */
const MOST_INFO_BYTES = 4 * 1024 * 1024;
const MOST_TABLE_BYTES = 256 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;
/** Tables of functions of Go 1.18 and 1.19, and of Go 1.20 and newer. */
const TABLES: readonly number[] = [0xfffffff0, 0xfffffff1];

/** Reads a program; nothing for what go has not built, or what is damaged so that nobody can tell. */
export async function readProgram(path: string): Promise<Program | undefined> {
  try {
    using file = await Deno.open(path);
    const read = readerOf(file);
    try {
      const sections = sectionsOf(read);
      const at = sections.get(".go.buildinfo")?.offset ?? findMagic(file);
      const info = at === undefined ? undefined : infoAt(read, at);
      if (info === undefined) return undefined;
      const table = sections.get(".gopclntab") ?? sections.get(".data.rel.ro.gopclntab");
      return { info, code: table === undefined ? new Map() : codeIn(read, table) };
    } catch (error) {
      // It says of itself what is not in it.
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  } catch (error) {
    throw ioFailure(`read ${path}`, error);
  }
}

/** As `ReadAt`, where `most` bytes may be asked for at once. */
type Read = (offset: number, length: number, most?: number) => DataView;

/** Gives bytes of a file, all that are asked for; throws `RangeError` where they are not in it. */
function readerOf(file: Deno.FsFile): Read {
  const { size } = file.statSync();
  return (offset, length, most = MOST_INFO_BYTES) => {
    if (!(offset >= 0) || length > most || offset + length > size) {
      throw new RangeError(`${offset} is not in the file`);
    }
    const bytes = new Uint8Array(length);
    file.seekSync(offset, Deno.SeekMode.Start);
    for (let at = 0; at < length;) {
      const count = file.readSync(bytes.subarray(at));
      if (count === null) throw new RangeError("the file ends too early");
      at += count;
    }
    return new DataView(bytes.buffer);
  };
}

/** Where what go has left begins, in a program that has no such section. */
function findMagic(file: Deno.FsFile): number | undefined {
  const memory = Buffer.alloc(CHUNK_BYTES + MAGIC.length);
  file.seekSync(0, Deno.SeekMode.Start);
  let kept = 0;
  for (let begin = 0;;) {
    const count = file.readSync(memory.subarray(kept));
    if (count === null) return undefined;
    const end = kept + count;
    for (let at = memory.indexOf(MAGIC); at >= 0 && at < end; at = memory.indexOf(MAGIC, at + 1)) {
      if ((begin + at) % 16 === 0) return begin + at;
    }
    kept = Math.min(end, MAGIC.length - 1);
    memory.copy(memory, 0, end - kept, end);
    begin += end - kept;
  }
}

function infoAt(read: Read, at: number): BuildInfo | undefined {
  const head = bytesOf(read(at, HEAD_BYTES));
  if (head.indexOf(MAGIC) !== 0 || ((head[15] ?? 0) & INLINE) === 0) return undefined;
  let next = at + HEAD_BYTES;
  const text = (): string => {
    // A length as a varint (encoding/binary).
    let length = 0;
    for (let shift = 0;; shift += 7) {
      const byte = read(next++, 1).getUint8(0);
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    const bytes = bytesOf(read(next, length));
    next += length;
    return bytes.toString("utf8");
  };
  const [version, modules] = [text(), text()];
  const said = modules.length > 2 * SENTINEL_BYTES
    // The sentinels are no text: nobody counts on how long they are as one.
    ? modules.slice(modules.indexOf("path\t"), modules.lastIndexOf("\n"))
    : "";
  return parseBuildInfo(version, said.replaceAll(/^/gm, "\t"));
}

/** Adds up code by packages. */
function codeIn(read: Read, { offset, size }: Section): ReadonlyMap<string, number> {
  const code = new Map<string, number>();
  const view = read(offset, size, MOST_TABLE_BYTES);
  const little = TABLES.includes(view.getUint32(0, true));
  if (!little && !TABLES.includes(view.getUint32(0, false))) return code;
  const wide = view.getUint8(7) === 8;
  const word = (i: number): number => {
    const at = 8 + i * (wide ? 8 : 4);
    return wide ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little);
  };
  const [count, names, functions] = [word(0), word(3), word(7)];
  const bytes = bytesOf(view);
  const packages = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const at = functions + 8 * i;
    const length = view.getUint32(at + 8, little) - view.getUint32(at, little);
    const facts = functions + view.getUint32(at + 4, little);
    const begin = names + view.getInt32(facts + 4, little);
    const end = bytes.indexOf(0, begin);
    const name = bytes.toString("utf8", begin, end);
    let path = packages.get(name);
    if (path === undefined) packages.set(name, path = packageOf(name));
    code.set(path, (code.get(path) ?? 0) + length);
  }
  return code;
}

/** The import path of a function: up to the first dot of its last element; what is generic has more. */
function packageOf(name: string): string {
  const plain = name.replace(/^(?:type:\.\w+\.|go:)/, "").replace(/\[.*$/s, "");
  const slash = plain.lastIndexOf("/");
  const dot = plain.indexOf(".", slash + 1);
  const path = dot < 0 ? "" : plain.slice(0, dot);
  // Dots of the last element are written otherwise there.
  return path.replaceAll(/%([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

function bytesOf(view: DataView): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}
