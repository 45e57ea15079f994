/**
 * A tar file, of which the headers are read and the contents are not: which members there are, and
 * where their bytes are. One that gzip has compressed is unpacked before.
 * @module
 */
import { Buffer } from "node:buffer";
import type { CallOptions } from "../../content/places.ts";
import { compressionOf } from "../../io/compression.ts";
import { ioFailure, openIfFile, readSomeAt } from "../../io/files.ts";
import { spoolGunzipped } from "../../io/spool.ts";
import { byteStream } from "../../io/streams.ts";
import { BLOCK_BYTES, type TarBytes } from "../../io/tar_reader.ts";
import { tarPadding } from "../../io/tar_writer.ts";
import { badArchive, notAnArchive } from "./collector.ts";
import { tarMembers } from "./tar_members.ts";

/** How an archive is opened. */
export interface OpenArchiveOptions extends CallOptions {
  /** The file, where it has no name to open it by: it is closed with the archive. */
  readonly held?: Deno.FsFile | undefined;
}

const WINDOW_BYTES = 64 * 1024;
/** No honest archive has a longer chain of links. */
const MAX_LINKS = 8;

/** Where a part of the archive is, in bytes from its start: the content of a file, most often. */
export type Member = { readonly offset: number; readonly size: number };

/** A file, and where its header begins, or what extends that. */
type FileMember = Member & { readonly start: number };

/** What a scan has found: the files and links by name, and where the last member ends. */
interface Scanned {
  readonly members: ReadonlyMap<string, FileMember | string>;
  readonly end: number;
}

/** A tar whose members are read where they are. */
export class TarFile implements Disposable {
  private constructor(
    readonly path: string,
    /** A link is the name it leads to. */
    private readonly scanned: Scanned,
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
      const scanned = await scanMembers(file, path, info.size, signal);
      if (!isHeld) file.close();
      return new TarFile(path, scanned, stampOf(info), isHeld ? file : undefined);
    } catch (error) {
      file.close();
      if (signal?.aborted) throw signal.reason;
      throw ioFailure(`read archive ${path}`, error);
    }
  }

  [Symbol.dispose](): void {
    this.held?.[Symbol.dispose]();
  }

  /** The names of all files and links. */
  names(): Iterable<string> {
    return this.scanned.members.keys();
  }

  /** The file of a name, links followed; undefined where there is none. */
  find(name: string): Member | undefined {
    let found: Member | string | undefined = name;
    for (let links = 0; links <= MAX_LINKS + 1; links++) {
      if (typeof found !== "string") return found;
      found = this.scanned.members.get(found);
    }
    if (typeof found !== "string") return found;
    throw badArchive(this.path, `its member ${JSON.stringify(name)} is a link that does not end`);
  }

  /**
   * All members before a file, and all behind it, as they are, for whoever writes the archive anew.
   *
   * @throws {KodenoError} `BAD_PLACE` for an archive that was unpacked, or has no such file
   */
  around(name: string): readonly [before: Member, behind: Member] {
    const found = this.scanned.members.get(name);
    const next = `bring its images into a layout (kodeno merge DIR ${this.path})`;
    if (this.held !== undefined) {
      throw notAnArchive(this.path, "it is compressed, and nothing can be added to it", next);
    }
    if (found === undefined || typeof found === "string") {
      throw notAnArchive(this.path, `it has no file ${name}, which lists what is added`, next);
    }
    const { start, offset, size } = found;
    const behind = offset + size + tarPadding(size);
    return [{ offset: 0, size: start }, { offset: behind, size: this.scanned.end - behind }];
  }

  /** The first bytes of a member, or all of it. */
  async stream(member: Member, most = member.size): Promise<ReadableStream<Uint8Array>> {
    const part = { offset: member.offset, size: Math.min(most, member.size) };
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
class Window implements TarBytes {
  #start = 0;
  #bytes = Buffer.alloc(0);

  constructor(readonly file: Deno.FsFile, readonly length: number) {}

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

async function scanMembers(
  file: Deno.FsFile,
  path: string,
  length: number,
  signal?: AbortSignal,
): Promise<Scanned> {
  const members = new Map<string, FileMember | string>();
  let end = 0;
  for await (const member of tarMembers(new Window(file, length), path, signal)) {
    const { kind, name, start, offset, size, target = "" } = member;
    if (kind === "file") members.set(name, { start, offset, size });
    else if (kind === "link") members.set(name, target);
    end = offset + size + tarPadding(size);
  }
  return { members, end };
}

/** Whether it is compressed with gzip; with anything else it is refused, with the way to read it. */
async function isGzip(file: Deno.FsFile, path: string): Promise<boolean> {
  const block = await new Window(file, BLOCK_BYTES).at(0, BLOCK_BYTES);
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
