/**
 * A tar file whose members are read by offset, as often and as many at once as anybody likes. Headers
 * are read, contents are passed over with a seek: POSIX.1-2001 ustar and pax, and GNU's long names;
 * each header is decoded by the `tar` package. Nothing is ever unpacked, so that a bad name could
 * touch nothing; an archive that has one is refused all the same, since other readers do.
 * @module
 */
import { Buffer } from "node:buffer";
import { posix } from "node:path";
import { Header } from "tar/header";
import { Pax } from "tar/pax";
import { KodenoError } from "../../errors.ts";
import { ioFailure, openPatiently, readSome, readSomeAt } from "../../io/files.ts";
import { byteStream } from "../../io/streams.ts";
import { tarPadding } from "../../io/tar_writer.ts";

const BLOCK_BYTES = 512;
const WINDOW_BYTES = 64 * 1024;
/** Go's reader has the same bound for what extends a header. */
const MAX_EXTENSION_BYTES = 1024 * 1024;
/** A folder of images has some thousands; an archive of empty members must not fill the memory. */
const MAX_MEMBERS = 200_000;
/** No honest archive has a longer chain of links. */
const MAX_LINKS = 8;

/** Where the content of a file is, in bytes from the archive's start. */
export interface Member {
  readonly offset: number;
  readonly size: number;
}

/** Files by name; a link is the name it leads to. */
type Members = ReadonlyMap<string, Member | string>;

/** The error for an archive that is damaged, or made to do harm. */
export function badArchive(path: string, why: string, cause?: unknown): KodenoError {
  const message = `Cannot use archive ${path}: ${why}`;
  return new KodenoError("BAD_CONTENT", message, { archive: path }, { cause });
}

/** The error for a file that is no archive of images at all. */
export function notAnArchive(path: string, why: string, next: string): KodenoError {
  const message = `Cannot use ${path} as an image archive: ${why}; ${next}`;
  return new KodenoError("BAD_PLACE", message, { archive: path });
}

/** A scanned archive. */
export class TarFile implements Disposable {
  readonly #members: Members;
  /** Which file it was. */
  readonly #identity: string;
  readonly #held: Deno.FsFile | undefined;

  private constructor(
    readonly path: string,
    members: Members,
    identity: string,
    held: Deno.FsFile | undefined,
  ) {
    this.#members = members;
    this.#identity = identity;
    this.#held = held;
  }

  /**
   * Scans a file.
   *
   * @param path of the file; only names one that is held
   * @param held has no name to open it by, and stays open till the end, or till an error; of any other
   * nothing stays open
   * @throws {KodenoError} `BAD_PLACE` for what is no file or no tar at all, `IO_FAILED`; `BAD_CONTENT`
   * when it ends early, has a damaged header, a member twice, a name or link that leads out, or a kind
   * of member that no image has
   */
  static async open(path: string, signal?: AbortSignal, held?: Deno.FsFile): Promise<TarFile> {
    const file = held ?? await openFile(path);
    try {
      const info = await file.stat();
      const members = await scanMembers(file, path, info.size, signal);
      if (held === undefined) file.close();
      return new TarFile(path, members, identityOf(info), held);
    } catch (error) {
      file.close();
      if (signal?.aborted) throw signal.reason;
      throw ioFailure(`read archive ${path}`, error);
    }
  }

  /** Closes a file that is held. */
  [Symbol.dispose](): void {
    this.#held?.[Symbol.dispose]();
  }

  /** The file of a name, links followed; undefined where there is none. */
  find(name: string): Member | undefined {
    let found: Member | string | undefined = name;
    for (let links = 0; links <= MAX_LINKS + 1; links++) {
      if (typeof found !== "string") return found;
      found = this.#members.get(found);
    }
    if (typeof found !== "string") return found;
    throw badArchive(this.path, `its member ${JSON.stringify(name)} is a link that does not end`);
  }

  /** The first bytes of a member, or all of it. */
  async stream(member: Member, most: number = member.size): Promise<ReadableStream<Uint8Array>> {
    const length = Math.min(most, member.size);
    if (this.#held !== undefined) return partStream(this.#held, length, this.path, member.offset);
    const file = await openFile(this.path);
    try {
      // Offsets hold for one file only: a new one under the same name is another.
      if (identityOf(await file.stat()) !== this.#identity) {
        throw badArchive(this.path, "it was changed while it was read; run it again");
      }
      await file.seek(member.offset, Deno.SeekMode.Start);
      return partStream(file, length, this.path);
    } catch (error) {
      file.close();
      throw ioFailure(`read archive ${this.path}`, error);
    }
  }
}

async function openFile(path: string): Promise<Deno.FsFile> {
  try {
    // A pipe would be waited for.
    if ((await Deno.stat(path)).isFile) return await openPatiently(path);
  } catch (error) {
    throw ioFailure(`read archive ${path}`, error);
  }
  throw notAnArchive(path, "it is no file", "name a .tar of images");
}

function identityOf({ dev, ino, size, mtime }: Deno.FileInfo): string {
  return [dev, ino, size, mtime?.getTime()].join(" ");
}

/**
 * Bytes of a file: from an offset, where others read it, too, and it stays open; else from its place
 * on, and it is closed at the end, on error and on cancel.
 */
function partStream(
  file: Deno.FsFile,
  length: number,
  path: string,
  from?: number,
): ReadableStream<Uint8Array> {
  let [left, offset] = [length, from];
  const close = (): void => {
    if (offset === undefined) file.close();
  };
  return byteStream(async (memory) => {
    try {
      const part = memory.subarray(0, left);
      const count = left === 0
        ? 0
        : await (offset === undefined ? readSome(file, part) : readSomeAt(file, offset, part));
      if (count === null) throw badArchive(path, "it ends early: it was cut while it was read");
      left -= count;
      if (offset !== undefined) offset += count;
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

async function scanMembers(
  file: Deno.FsFile,
  path: string,
  length: number,
  signal?: AbortSignal,
): Promise<Members> {
  const window = new Window(file);
  const found = new Map<string, Member | string>();
  let extension: Extension = {};
  let members = 0;

  for (let offset = 0;;) {
    signal?.throwIfAborted();
    const block = await window.at(offset, BLOCK_BYTES);
    if (offset === 0) checkMagic(block, path);
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
      if (offset === 0) throw notAnArchive(path, "it is not a tar file", "name a .tar of images");
      throw badArchive(path, damaged);
    }
    if (++members > MAX_MEMBERS) throw badArchive(path, `it has over ${MAX_MEMBERS} members`);

    const extends_ = EXTENSIONS.has(header.type);
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
    if (FILES.has(header.type)) found.set(name, { offset: content, size });
    else if (size === 0 && LINKS.has(header.type)) {
      // A symlink's target is relative to its folder, that of a hard link to the archive's root.
      const folder = header.type === "SymbolicLink" ? posix.dirname(name) : ".";
      found.set(name, linkTarget(path, name, folder, target));
    } else {
      const what = `${JSON.stringify(name)} is a ${header.type} of ${size} bytes`;
      throw badArchive(path, `its member ${what}; images have files and links`);
    }
  }
}

const FILES: ReadonlySet<string> = new Set(["File", "OldFile", "ContiguousFile"]);
const LINKS: ReadonlySet<string> = new Set(["SymbolicLink", "Link"]);
const EXTENSIONS: ReadonlySet<string> = new Set([
  "ExtendedHeader",
  "GlobalExtendedHeader",
  "NextFileHasLongPath",
  "NextFileHasLongLinkpath",
]);

function readExtension(type: string, bytes: Buffer): Extension {
  const text = bytes.toString("utf8");
  if (type === "NextFileHasLongPath") return { path: text.replace(/\0[^]*$/, "") };
  if (type === "NextFileHasLongLinkpath") return { linkpath: text.replace(/\0[^]*$/, "") };
  // A comment for all members (git writes one); what a global record renames has no meaning.
  if (type === "GlobalExtendedHeader") return {};
  const { path, linkpath, size } = Pax.parse(text);
  return {
    ...(path === undefined ? {} : { path }),
    ...(linkpath === undefined ? {} : { linkpath }),
    ...(size === undefined ? {} : { size }),
  };
}

function checkMagic(block: Uint8Array, path: string): void {
  const starts = (...bytes: number[]) => bytes.every((byte, i) => block[i] === byte);
  const why = block.length === 0
    ? ["it is empty"]
    : starts(0x1f, 0x8b)
    ? ["it is compressed with gzip", `run "gunzip" on it first`]
    : starts(0x28, 0xb5, 0x2f, 0xfd)
    ? ["it is compressed with zstd", `run "unzstd" on it first`]
    : block.length < BLOCK_BYTES
    ? [`it has only ${block.length} bytes`]
    : [];
  const [what, next = "name a .tar of images"] = why;
  if (what !== undefined) throw notAnArchive(path, what, next);
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
