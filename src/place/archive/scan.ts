/**
 * Finds what a tar file holds, and where: headers are read, contents are passed over with a seek.
 * POSIX.1-2001 ustar and pax, and GNU's long names; each header is decoded by the `tar` package.
 * @module
 */
import { Buffer } from "node:buffer";
import { Header } from "tar/header";
import { Pax } from "tar/pax";
import { tarPadding } from "../../io/tar_writer.ts";
import { badArchive, notAnArchive } from "./failure.ts";
import { linkTarget, memberName } from "./member_names.ts";

const BLOCK_BYTES = 512;
const WINDOW_BYTES = 64 * 1024;
/** Go's reader has the same bound for what extends a header. */
const MAX_EXTENSION_BYTES = 1024 * 1024;
/** A folder of images has some thousands; an archive of empty members must not fill the memory. */
const MAX_MEMBERS = 200_000;

/** Where the content of a file is. */
export interface Member {
  /** Bytes from the archive's start. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** Files by name, and links by name with the names they lead to. */
export interface Members {
  readonly files: ReadonlyMap<string, Member>;
  readonly links: ReadonlyMap<string, string>;
}

/** Reads pieces of a file by offset, with one system call for many small ones. */
class Window {
  #start = 0;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(readonly file: Deno.FsFile) {}

  /** The bytes there; fewer where the file ends. */
  async at(offset: number, length: number): Promise<Buffer> {
    const end = this.#start + this.#bytes.length;
    if (offset < this.#start || offset + length > end) await this.#fill(offset, length);
    const from = offset - this.#start;
    const part = this.#bytes.subarray(from, from + length);
    return Buffer.from(part.buffer, part.byteOffset, part.length);
  }

  async #fill(offset: number, length: number): Promise<void> {
    const buffer = new Uint8Array(Math.max(WINDOW_BYTES, length));
    let filled = 0;
    await this.file.seek(offset, Deno.SeekMode.Start);
    while (filled < length) {
      const count = await this.file.read(buffer.subarray(filled));
      if (count === null) break;
      filled += count;
    }
    this.#start = offset;
    this.#bytes = buffer.subarray(0, filled);
  }
}

/** What pax records or GNU members say about the member after them. */
interface Extension {
  path?: string | undefined;
  linkpath?: string | undefined;
  size?: number | undefined;
}

/**
 * Scans an open tar file.
 *
 * @param path names it in errors
 * @param length bytes of the file
 * @throws {KodenoError} `BAD_PLACE` when it is no tar at all; `BAD_CONTENT` when it ends early, has
 * a damaged header, a member twice, a name or link that leads out, or a kind that no image has
 */
export async function scanMembers(
  file: Deno.FsFile,
  path: string,
  length: number,
  signal?: AbortSignal,
): Promise<Members> {
  const window = new Window(file);
  const files = new Map<string, Member>();
  const links = new Map<string, string>();
  const seen = new Set<string>();
  let extension: Extension = {};
  let members = 0;

  for (let offset = 0;;) {
    signal?.throwIfAborted();
    const block = await window.at(offset, BLOCK_BYTES);
    if (offset === 0) checkMagic(block, path);
    if (block.length < BLOCK_BYTES) throw badArchive(path, `it ends early, after ${length} bytes`);
    const header = decode(block, offset, path);
    if (header.nullBlock) return { files, links };
    if (!header.cksumValid) {
      if (offset === 0) throw notAnArchive(path, "it is not a tar file", "name a .tar of images");
      throw badArchive(path, `the tar header at byte ${offset} is damaged`);
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
    if (seen.has(name)) throw badArchive(path, `it has member ${JSON.stringify(name)} twice`);
    seen.add(name);
    if (FILES.has(header.type)) files.set(name, { offset: content, size });
    else if (size === 0 && header.type === "SymbolicLink") {
      links.set(name, linkTarget(path, name, target, "symlink"));
    } else if (size === 0 && header.type === "Link") {
      links.set(name, linkTarget(path, name, target, "hardlink"));
    } else {
      const what = `${JSON.stringify(name)} is a ${header.type} of ${size} bytes`;
      throw badArchive(path, `its member ${what}; images have files and links`);
    }
  }
}

function decode(block: Buffer, offset: number, path: string): Header {
  try {
    return new Header(block);
  } catch (error) {
    // A number beyond those that are exact.
    throw badArchive(path, `the tar header at byte ${offset} is damaged`, error);
  }
}

const FILES: ReadonlySet<string> = new Set(["File", "OldFile", "ContiguousFile"]);
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
  if (block.length === 0) throw notAnArchive(path, "it is empty", "name a .tar of images");
  if (starts(0x1f, 0x8b)) {
    throw notAnArchive(path, "it is compressed with gzip", `run "gunzip" on it first`);
  }
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) {
    throw notAnArchive(path, "it is compressed with zstd", `run "unzstd" on it first`);
  }
  if (block.length < BLOCK_BYTES) {
    throw notAnArchive(path, `it has only ${block.length} bytes`, "name a .tar of images");
  }
}
