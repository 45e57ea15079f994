/**
 * The members of a tar file, one after the other: what their headers say, and where their contents are.
 * The same rules hold for a file, and for a stream that is read once.
 * @module
 */
import { posix } from "node:path";
import { type TarBytes, tarHeads } from "../../io/tar_reader.ts";
import { badArchive, notAnArchive } from "./collector.ts";

/** A folder of images has some thousands; an archive of empty members must not fill the memory. */
const MAX_MEMBERS = 200_000;

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
  let members = 0;
  const heads = tarHeads(bytes, {
    bad: (why, cause) => badArchive(path, why, cause),
    notTar: () => notAnArchive(path, "it is not a tar file"),
    signal,
  });
  for await (const { header, start, offset, size, ...named } of heads) {
    if (++members > MAX_MEMBERS) throw badArchive(path, `it has over ${MAX_MEMBERS} members`);
    const place = { start, offset, size, mode: (header.mode ?? 0) & 0o777 };
    const name = memberName(path, named.path);
    const target = named.linkpath;
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
