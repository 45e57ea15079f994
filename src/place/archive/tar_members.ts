/**
 * The members of a tar file, one after the other: what their headers say, and where their contents are.
 * The same rules hold for a file, and for a stream that is read once.
 * @module
 */
import type { Buffer } from "node:buffer";
import { posix } from "node:path";
import { tarPadding } from "../../io/tar_writer.ts";
import { Header, Pax } from "../../npm/tar.ts";
import { badArchive, notAnArchive } from "./collector.ts";

export const BLOCK_BYTES = 512;
/** Go's reader has the same bound for what extends a header. */
const MAX_EXTENSION_BYTES = 1024 * 1024;
/** A folder of images has some thousands; an archive of empty members must not fill the memory. */
const MAX_MEMBERS = 200_000;

/** What a tar is read from, from its start on. */
export interface TarBytes {
  /** How many there are; infinite where nobody knows yet. */
  readonly length: number;
  /** The bytes at an offset, never before an earlier one; fewer where the tar ends. */
  at(offset: number, length: number): Promise<Buffer>;
}

/** A member as its header tells of it. */
interface TarMember {
  readonly kind: "file" | "folder" | "link";
  /** Without leading `./` and trailing slash; `.` for the folder itself. */
  readonly name: string;
  /** Where its header begins, or what extends that, in bytes from the start of the tar. */
  readonly start: number;
  /** Where its content is. */
  readonly offset: number;
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  /** The member that a link leads to. */
  readonly target?: string;
}

/** What pax records or GNU members say about the member after them. */
type Extension = Pick<Pax, "path" | "linkpath" | "size">;

/**
 * Reads the headers of a tar, up to the zeros that end it; between two members their reader may take the
 * content of the first.
 *
 * @throws {KodenoError} `BAD_CONTENT` for one that is damaged, is cut off, or has members that lead out
 * of it; `BAD_PLACE` for what is no tar
 */
export async function* tarMembers(
  bytes: TarBytes,
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<TarMember> {
  const found = new Set<string>();
  let extension: Extension = {};
  let members = 0;
  let start = 0;

  for (let offset = 0;;) {
    signal?.throwIfAborted();
    const block = await bytes.at(offset, BLOCK_BYTES);
    if (block.length < BLOCK_BYTES) {
      throw badArchive(path, `it ends early, after ${bytes.length} bytes`);
    }
    const damaged = `the tar header at byte ${offset} is damaged`;
    let header: Header;
    try {
      header = new Header(block);
    } catch (error) {
      // A number beyond those that are exact.
      throw badArchive(path, damaged, error);
    }
    if (header.nullBlock) return;
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
    if (content + size > bytes.length) {
      const why = `its member ${label} should have ${size} bytes`;
      throw badArchive(path, `it ends early, after ${bytes.length} bytes: ${why}`);
    }
    offset = content + size + tarPadding(size);

    if (extends_) {
      if (size > MAX_EXTENSION_BYTES) throw badArchive(path, `the header of ${label} is too large`);
      const extending = await bytes.at(content, size);
      extension = { ...extension, ...readExtension(header.type, extending) };
      continue;
    }
    const place = { start, offset: content, size, mode: (header.mode ?? 0) & 0o777 };
    start = offset;
    const name = memberName(path, extension.path ?? header.path ?? "");
    const target = extension.linkpath ?? header.linkpath ?? "";
    extension = {};
    if (header.type === "Directory" || name === ".") {
      yield { kind: "folder", name, ...place };
      continue;
    }
    // Which of the two is meant would depend on the reader.
    if (found.has(name)) throw badArchive(path, `it has member ${JSON.stringify(name)} twice`);
    found.add(name);
    if (FILE.test(header.type)) yield { kind: "file", name, ...place };
    else if (size === 0 && LINK.test(header.type)) {
      // A symlink's target is relative to its folder, that of a hard link to the archive's root.
      const folder = header.type === "SymbolicLink" ? posix.dirname(name) : ".";
      const leads = linkTarget(path, name, folder, target);
      yield { kind: "link", name, ...place, target: leads };
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
