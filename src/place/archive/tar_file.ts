/**
 * A tar file, of which the headers are read and the contents are not: which members there are, and
 * where their bytes are. One that gzip has compressed is unpacked before.
 * @module
 */
import { Buffer } from "node:buffer";
import { posix } from "node:path";
import type { CallOptions } from "../../content/places.ts";
import { ioFailure, openIfFile, readSomeAt } from "../../io/files.ts";
import { spoolGunzipped } from "../../io/spool.ts";
import { byteStream } from "../../io/streams.ts";
import { tarPadding } from "../../io/tar_writer.ts";
import { Header, Pax } from "../../npm/tar.ts";
import { badArchive, notAnArchive } from "./collector.ts";
import { compressionOf } from "./compression.ts";

/** How an archive is opened. */
export interface OpenArchiveOptions extends CallOptions {
  /** The file, where it has no name to open it by: it is closed with the archive. */
  readonly held?: Deno.FsFile | undefined;
}

const BLOCK_BYTES = 512;
const WINDOW_BYTES = 64 * 1024;
/** Go's reader has the same bound for what extends a header. */
const MAX_EXTENSION_BYTES = 1024 * 1024;
/** A folder of images has some thousands; an archive of empty members must not fill the memory. */
const MAX_MEMBERS = 200_000;
/** No honest archive has a longer chain of links. */
const MAX_LINKS = 8;

/** Where the content of a file is, in bytes from the archive's start. */
export type Member = { readonly offset: number; readonly size: number };

/** A tar whose members are read where they are. */
export class TarFile implements Disposable {
  private constructor(
    readonly path: string,
    /** By name; a link is the name it leads to. */
    private readonly members: ReadonlyMap<string, Member | string>,
    /** Which file it was. */
    private readonly stamp: string,
    private readonly held: Deno.FsFile | undefined,
  ) {}

  /**
   * Scans a file. One that is held, or was unpacked, has no name to open it by, and stays open till the
   * end, or till an error; of any other nothing stays open.
   */
  static async open(
    path: string,
    { signal, held }: OpenArchiveOptions,
  ): Promise<TarFile> {
    let file = held ?? await openFile(path);
    let isHeld = held !== undefined;
    try {
      if (await isGzip(file, path)) {
        const plain = await spoolGunzipped(file, `archive ${path}`, signal);
        file.close();
        [file, isHeld] = [plain, true];
      }
      const info = await file.stat();
      const members = await scanMembers(file, path, info.size, signal);
      if (!isHeld) file.close();
      return new TarFile(path, members, stampOf(info), isHeld ? file : undefined);
    } catch (error) {
      file.close();
      if (signal?.aborted) throw signal.reason;
      throw ioFailure(`read archive ${path}`, error);
    }
  }

  [Symbol.dispose](): void {
    this.held?.[Symbol.dispose]();
  }

  /** The file of a name, links followed; undefined where there is none. */
  find(name: string): Member | undefined {
    let found: Member | string | undefined = name;
    for (let links = 0; links <= MAX_LINKS + 1; links++) {
      if (typeof found !== "string") return found;
      found = this.members.get(found);
    }
    if (typeof found !== "string") return found;
    throw badArchive(this.path, `its member ${JSON.stringify(name)} is a link that does not end`);
  }

  /** The first bytes of a member, or all of it. */
  async stream({ offset, size }: Member, most = size): Promise<ReadableStream<Uint8Array>> {
    const part = { offset, size: Math.min(most, size) };
    if (this.held !== undefined) return partStream(this.held, part, this.path, () => {});
    const file = await openFile(this.path);
    try {
      // Offsets hold for one file only: a new one under the same name is another.
      if (stampOf(await file.stat()) !== this.stamp) {
        throw badArchive(this.path, "it was changed while it was read; run it again");
      }
      return partStream(file, part, this.path, () => file.close());
    } catch (error) {
      file.close();
      throw ioFailure(`read archive ${this.path}`, error);
    }
  }
}

async function openFile(path: string): Promise<Deno.FsFile> {
  const file = await openIfFile(path).catch((error) => {
    throw ioFailure(`read archive ${path}`, error);
  });
  if (file !== undefined) return file;
  throw notAnArchive(path, "it is no file");
}

function stampOf({ dev, ino, size, mtime }: Deno.FileInfo): string {
  return [dev, ino, size, mtime?.getTime()].join(" ");
}

/** Bytes of a file that others may read, too; `close` comes at the end, on error and on cancel. */
function partStream(file: Deno.FsFile, part: Member, path: string, close: () => void) {
  let { offset, size: left } = part;
  return byteStream(async (memory) => {
    try {
      const count = left === 0 ? 0 : await readSomeAt(file, offset, memory.subarray(0, left));
      if (count === null) throw badArchive(path, "it ends early: it was cut while it was read");
      left -= count;
      offset += count;
      if (count === 0) close();
      return memory.subarray(0, count);
    } catch (error) {
      close();
      throw error;
    }
  }, close);
}

/** Reads pieces of a file by offset, with one system call for many small ones. */
class Window {
  #start = 0;
  #bytes = Buffer.alloc(0);

  constructor(readonly file: Deno.FsFile) {}

  /** The bytes there; fewer where the file ends. */
  async at(offset: number, length: number): Promise<Buffer> {
    const isHere = offset >= this.#start && offset + length <= this.#start + this.#bytes.length;
    if (!isHere) {
      const buffer = Buffer.alloc(Math.max(WINDOW_BYTES, length));
      let filled = 0;
      for (let count: number | null = 0; count !== null && filled < length;) {
        count = await readSomeAt(this.file, offset + filled, buffer.subarray(filled));
        filled += count ?? 0;
      }
      [this.#start, this.#bytes] = [offset, buffer.subarray(0, filled)];
    }
    return this.#bytes.subarray(offset - this.#start, offset - this.#start + length);
  }
}

/** What pax records or GNU members say about the member after them. */
type Extension = Pick<Pax, "path" | "linkpath" | "size">;

async function scanMembers(file: Deno.FsFile, path: string, length: number, signal?: AbortSignal) {
  const window = new Window(file);
  const found = new Map<string, Member | string>();
  let extension: Extension = {};
  let members = 0;

  for (let offset = 0;;) {
    signal?.throwIfAborted();
    const block = await window.at(offset, BLOCK_BYTES);
    if (block.length < BLOCK_BYTES) throw badArchive(path, `it ends early, after ${length} bytes`);
    const damaged = `the tar header at byte ${offset} is damaged`;
    let header: Header;
    try {
      header = new Header(block);
    } catch (error) {
      // A number beyond those that are exact.
      throw badArchive(path, damaged, error);
    }
    if (header.nullBlock) return found;
    if (!header.cksumValid) {
      if (offset === 0) throw notAnArchive(path, "it is not a tar file");
      throw badArchive(path, damaged);
    }
    if (++members > MAX_MEMBERS) throw badArchive(path, `it has over ${MAX_MEMBERS} members`);

    const extends_ = EXTENSION.test(header.type);
    const size = (extends_ ? undefined : extension.size) ?? header.size;
    const content = offset + BLOCK_BYTES;
    const label = JSON.stringify(header.path);
    if (size === undefined || !Number.isSafeInteger(size)) {
      throw badArchive(path, `the size of its member ${label} is no number`);
    }
    if (content + size > length) {
      const why = `its member ${label} should have ${size} bytes`;
      throw badArchive(path, `it ends early, after ${length} bytes: ${why}`);
    }
    offset = content + size + tarPadding(size);

    if (extends_) {
      if (size > MAX_EXTENSION_BYTES) throw badArchive(path, `the header of ${label} is too large`);
      const bytes = await window.at(content, size);
      extension = { ...extension, ...readExtension(header.type, bytes) };
      continue;
    }
    const name = memberName(path, extension.path ?? header.path ?? "");
    const target = extension.linkpath ?? header.linkpath ?? "";
    extension = {};
    if (header.type === "Directory" || name === ".") continue;
    // Which of the two is meant would depend on the reader.
    if (found.has(name)) throw badArchive(path, `it has member ${JSON.stringify(name)} twice`);
    if (FILE.test(header.type)) found.set(name, { offset: content, size });
    else if (size === 0 && LINK.test(header.type)) {
      // A symlink's target is relative to its folder, that of a hard link to the archive's root.
      const folder = header.type === "SymbolicLink" ? posix.dirname(name) : ".";
      found.set(name, linkTarget(path, name, folder, target));
    } else {
      const what = `${JSON.stringify(name)} is a ${header.type} of ${size} bytes`;
      throw badArchive(path, `its member ${what}; images have files and links`);
    }
  }
}

const FILE = /^(?:Old|Contiguous)?File$/;
const LINK = /^(?:Symbolic)?Link$/;
const EXTENSION = /^(?:(?:Global)?ExtendedHeader|NextFileHasLong(?:Path|Linkpath))$/;

function readExtension(type: string, bytes: Buffer): Extension {
  const text = bytes.toString("utf8");
  if (type === "NextFileHasLongPath") return { path: text.replace(/\0[^]*$/, "") };
  if (type === "NextFileHasLongLinkpath") return { linkpath: text.replace(/\0[^]*$/, "") };
  // A comment for all members (git writes one); what a global record renames has no meaning.
  if (type === "GlobalExtendedHeader") return {};
  const { path, linkpath, size } = Pax.parse(text);
  const told = Object.entries({ path, linkpath, size }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(told);
}

/** Whether it is compressed with gzip; with anything else it is refused, with the way to read it. */
async function isGzip(file: Deno.FsFile, path: string): Promise<boolean> {
  const block = await new Window(file).at(0, BLOCK_BYTES);
  if (block.length === 0) throw notAnArchive(path, "it is empty");
  const name = compressionOf(block)?.name;
  if (name === "gzip") return true;
  if (name !== undefined) {
    const next = `run "${name} -d" on it first`;
    throw notAnArchive(path, `it is compressed with ${name}`, next, { compression: name });
  }
  if (block.length < BLOCK_BYTES) throw notAnArchive(path, `it has only ${block.length} bytes`);
  return false;
}

function leadsOut(name: string): boolean {
  return name.startsWith("/") || name.split("/").includes("..") || name.includes("\0");
}

/** A member's name without leading `./` and trailing slash; `.` for the folder itself. */
function memberName(archive: string, name: string): string {
  if (name === "" || leadsOut(name)) {
    throw badArchive(archive, `its member ${JSON.stringify(name)} leads out of it`);
  }
  const plain = posix.normalize(name);
  return plain.endsWith("/") ? plain.slice(0, -1) || "." : plain;
}

/** The member that a link names. `docker save` writes a symlink for a layer that is there twice. */
function linkTarget(archive: string, name: string, folder: string, target: string): string {
  const to = posix.join(folder, target);
  if (target !== "" && !target.startsWith("/") && !leadsOut(to)) return to;
  const what = `its member ${JSON.stringify(name)} is a link to ${JSON.stringify(target)}`;
  throw badArchive(archive, `${what}, outside of it`);
}
