/**
 * A tar file whose members are read by offset, as often and as many at once as anybody likes.
 * @module
 */
import { ioFailure } from "../../io/fail.ts";
import { openPatiently, readSome, readSomeAt } from "../../io/files.ts";
import { byteStream, readAll, type ReadInto } from "../../io/streams.ts";
import { badArchive, notAnArchive } from "./failure.ts";
import { type Member, type Members, scanMembers } from "./scan.ts";

/** No honest archive has a longer chain of links. */
const MAX_LINKS = 8;

/** A scanned archive. */
export class ArchiveFile implements Disposable {
  readonly #members: Members;
  /** Which file it was; none where it is held open. */
  readonly #identity: string | undefined;
  readonly #held: Deno.FsFile | undefined;

  private constructor(readonly path: string, members: Members, from: string | Deno.FsFile) {
    this.#members = members;
    this.#identity = typeof from === "string" ? from : undefined;
    this.#held = typeof from === "string" ? undefined : from;
  }

  /**
   * Scans a file; nothing stays open.
   *
   * @throws {KodenoError} as {@link scanMembers}; `BAD_PLACE` for what is no file, `IO_FAILED`
   */
  static async open(path: string, signal?: AbortSignal): Promise<ArchiveFile> {
    using file = await openFile(path);
    const { members, info } = await scanFile(file, path, signal);
    return new ArchiveFile(path, members, identityOf(info));
  }

  /**
   * Scans a file that has no name to open it by; it is held, and closed in the end.
   *
   * @param path names it in errors
   * @throws {KodenoError} as {@link open}; the file is closed then
   */
  static async hold(file: Deno.FsFile, path: string, signal?: AbortSignal): Promise<ArchiveFile> {
    try {
      return new ArchiveFile(path, (await scanFile(file, path, signal)).members, file);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Closes a file that is held. */
  [Symbol.dispose](): void {
    this.#held?.[Symbol.dispose]();
  }

  /** The file of a name, links followed; undefined where there is none. */
  find(name: string): Member | undefined {
    let at = name;
    for (let links = 0; links <= MAX_LINKS; links++) {
      const next = this.#members.links.get(at);
      if (next === undefined) return this.#members.files.get(at);
      at = next;
    }
    throw badArchive(this.path, `its member ${JSON.stringify(name)} is a link that does not end`);
  }

  /** The first bytes of a member, or all of it. */
  async stream(member: Member, most: number = member.size): Promise<ReadableStream<Uint8Array>> {
    const length = Math.min(most, member.size);
    if (this.#held !== undefined) return heldStream(this.#held, member.offset, length, this.path);
    const file = await openFile(this.path);
    try {
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

  /** A small member whole. */
  async bytes(member: Member, limit: number, what: string): Promise<Uint8Array> {
    return await readAll(await this.stream(member), limit, what);
  }
}

async function scanFile(
  file: Deno.FsFile,
  path: string,
  signal?: AbortSignal,
): Promise<{ readonly members: Members; readonly info: Deno.FileInfo }> {
  try {
    const info = await file.stat();
    return { members: await scanMembers(file, path, info.size, signal), info };
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw ioFailure(`read archive ${path}`, error);
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

/** Offsets hold for one file only: a new one under the same name is another. */
function identityOf(info: Deno.FileInfo): string {
  return [info.dev, info.ino, info.size, info.mtime?.getTime()].join(" ");
}

/** Bytes from the file's place on; closes the file at the end, on error and on cancel. */
function partStream(
  file: Deno.FsFile,
  length: number,
  path: string,
): ReadableStream<Uint8Array> {
  let left = length;
  const read: ReadInto = async (memory) => {
    try {
      const count = left === 0 ? 0 : await readSome(file, memory.subarray(0, left));
      if (count === null) throw badArchive(path, "it ends early: it was cut while it was read");
      left -= count;
      if (count === 0) file.close();
      return memory.subarray(0, count);
    } catch (error) {
      file.close();
      throw error;
    }
  };
  return byteStream(read, () => file.close());
}

/** Bytes of a file that others read, too, and that stays open. */
function heldStream(
  file: Deno.FsFile,
  from: number,
  length: number,
  path: string,
): ReadableStream<Uint8Array> {
  let offset = from;
  return byteStream(async (memory) => {
    const left = from + length - offset;
    const count = left === 0 ? 0 : await readSomeAt(file, offset, memory.subarray(0, left));
    if (count === null) throw badArchive(path, "it ends early: it was cut while it was read");
    offset += count;
    return memory.subarray(0, count);
  }, () => {});
}
