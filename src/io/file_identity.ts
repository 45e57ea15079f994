/**
 * Which file, and in which state, without reading it.
 * @module
 */
import { ioFailure } from "./fail.ts";

/**
 * What tells one state of a file from another without reading it. The kernel sets the change time
 * with every write and rename, and no program can set it back.
 */
export interface FileIdentity {
  /** With links resolved. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly inode: string;
  /** Milliseconds since 1970. */
  readonly modified: number;
  /** Milliseconds since 1970, in whole seconds: the runtime tells no more. */
  readonly changed: number;
}

/** What {@link identityFrom} needs of a look at a file, by whichever means. */
type Seen = Pick<Deno.FileInfo, "size" | "dev" | "ino" | "mtime" | "ctime">;

/** The identity of a file that was looked at. */
export function identityFrom(path: string, { size, dev, ino, mtime, ctime }: Seen): FileIdentity {
  const [modified, changed] = [mtime?.getTime() ?? 0, ctime?.getTime() ?? 0];
  return { path, size, inode: `${dev}:${ino}`, modified, changed };
}

/**
 * The identity of a file's present state; links are followed.
 *
 * @throws {KodenoError} `IO_FAILED`
 */
export async function identityOf(path: string): Promise<FileIdentity> {
  try {
    const real = await Deno.realPath(path);
    return identityFrom(real, await Deno.stat(real));
  } catch (error) {
    throw ioFailure(`read ${path}`, error);
  }
}

/** Longer than the coarsest clock of a file system (FAT: two seconds), in milliseconds. */
const SETTLE_MS = 2500;

/** Whether a file has been at rest for so long that its next change will show in its identity. */
export function isSettled(identity: FileIdentity, now: number): boolean {
  return now - Math.max(identity.modified, identity.changed) > SETTLE_MS;
}
