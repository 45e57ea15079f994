/**
 * What a layer will hold, known before any content is read: enough to write it, and to find it in
 * the cache.
 * @module
 */
import { ioFailure } from "../io/fail.ts";
import type { LayerEntry } from "./layer.ts";

/** A layer to be written. */
export interface LayerPlan {
  /** Everything that shapes the bytes but the compression; JSON values. */
  readonly key: readonly unknown[];
  readonly entries: readonly LayerEntry[];
  /** Bytes of content. */
  readonly bytes: number;
  /** Whether the files have been at rest: one that was written just now may be written again. */
  readonly settled: boolean;
}

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

/**
 * The identity of a file's present state; links are followed.
 *
 * @throws {KodenoError} `IO_FAILED`
 */
export async function identityOf(path: string): Promise<FileIdentity> {
  try {
    const real = await Deno.realPath(path);
    const info = await Deno.stat(real);
    return {
      path: real,
      size: info.size,
      inode: `${info.dev}:${info.ino}`,
      modified: info.mtime?.getTime() ?? 0,
      changed: info.ctime?.getTime() ?? 0,
    };
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
