/**
 * Records: small files that are kept between runs and never trusted. A checksum over the record and
 * its name finds damage and records that got another's name; those that another user could have
 * written are not read at all.
 * @module
 */
import { join } from "node:path";
import { digestHex } from "../oci/descriptor.ts";
import { renameTo, throughTemporary } from "./atomic.ts";
import { openRegularFile, readOpenText, writeAll } from "./files.ts";
import { digestOf } from "./hash.ts";

/** More than any record has. */
const MAX_RECORD_BYTES = 4 * 1024 * 1024;
/** Others may read a record, and nobody else may write it, whatever the umask is. */
const RECORD_MODE = 0o644;
/** Bits of group and others that allow to write. */
const WRITABLE_BY_OTHERS = 0o022;

/** The text of a record: a checksum, and the value as JSON. */
export function seal(name: string, value: unknown): string {
  const text = JSON.stringify(value);
  return `${digestOf(`${name}\n${text}`)}\n${text}\n`;
}

/** Reads a record, of another user only `ofAnyone`; nothing for none, or none to be trusted. */
export function readSealed(path: string, name: string, ofAnyone = false): unknown {
  try {
    using file = openRegularFile(path);
    if (file === undefined || (!ofAnyone && !isOwnFile(file.stat()))) return undefined;
    const [, sum, text = ""] = /^(\S+)\n(.*)\n$/.exec(readOpenText(file, MAX_RECORD_BYTES)) ?? [];
    return sum === digestOf(`${name}\n${text}`) ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

/** Writes a record, unsynced: what a power cut leaves behind has a wrong checksum. */
export async function writeSealed(path: string, directory: string, name: string, value: unknown) {
  const bytes = new TextEncoder().encode(seal(name, value));
  await throughTemporary(directory, (file) => writeAll(file, bytes), renameTo(path), RECORD_MODE);
}

/** What was found out before, by keys. */
export interface Records {
  /** What was remembered, if that is known. */
  known(key: string): unknown;
  /** Remembers it; where that cannot be done, it is found out once more. */
  remember(key: string, value: unknown): Promise<void>;
  /** {@link remember}, where it cannot be found out again: what hinders it is thrown. */
  keep(key: string, value: unknown): Promise<void>;
}

/** Records in a folder that is there; temporary files are in `directory`. Each user has own ones. */
export function recordsIn(folder: string, directory: string = folder): Records {
  const recordOf = (key: string) => {
    const name = digestHex(digestOf(JSON.stringify([Deno.uid(), key])));
    return [join(folder, name), name] as const;
  };
  const keep = async (key: string, value: unknown): Promise<void> => {
    const [path, name] = recordOf(key);
    await writeSealed(path, directory, name, value);
  };
  return {
    known: (key) => readSealed(...recordOf(key)),
    remember: (key, value) => keep(key, value).catch(() => {}),
    keep,
  };
}

/** Whether only this user, or root, can have written a file or what is in a folder. */
export function isOwnFile({ uid, mode }: Pick<Deno.FileInfo, "uid" | "mode">): boolean {
  // Windows knows neither.
  if (uid === null || mode === null) return true;
  return (uid === 0 || uid === Deno.uid()) && (mode & WRITABLE_BY_OTHERS) === 0;
}
