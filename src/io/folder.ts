/**
 * What is in a folder: every name, also one that the runtime cannot say, and that of the folder that
 * was meant, whatever is put in its place meanwhile.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { ioFailure } from "./fail.ts";
import { type RawFolder, RawFolders } from "./raw_folder.ts";

/** The names in a folder. */
export interface FolderNames {
  /** In no order. */
  readonly names: readonly string[];
  /** Those that are not UTF-8, so that nothing can be done with them. */
  readonly unspeakable: readonly UnspeakableName[];
}

/** A name that is not UTF-8. */
export interface UnspeakableName {
  /** For people: `\xNN` for each byte that is not ASCII. */
  readonly name: string;
  /** Whether it is known to be that of a file; it may be a folder's otherwise. */
  readonly isFile: boolean;
}

/** Reads folders till it goes out of scope. */
export class Folders implements Disposable {
  readonly #raw = RawFolders.load();

  /**
   * Lists a folder.
   *
   * @throws {KodenoError} `IO_FAILED`
   */
  names(folder: string): FolderNames {
    try {
      using raw = this.#raw?.open(folder);
      return list(folder, folder, raw);
    } catch (error) {
      throw ioFailure(`read folder ${folder}`, error);
    }
  }

  /**
   * Looks at a folder, with nothing in between: what is put in its place meanwhile, or in that of one
   * above it, is not seen.
   *
   * @param folder without links on its way
   * @param look gets a path of the folder that holds till it returns, and lists it when asked
   * @throws {KodenoError} `IO_FAILED`, and `BAD_SOURCE_FILE` when it is not there under this path
   */
  lookInto<T>(folder: string, look: (path: string, list: () => FolderNames) => T): T {
    try {
      using raw = this.#raw?.open(folder);
      const path = raw && isThere("/proc/self/fd") ? raw.path : folder;
      // Where there is no such path, this is as much as can be known.
      const real = () => path === folder ? Deno.realPathSync(folder) : Deno.readLinkSync(path);
      if (real() !== folder) throw moved(folder);
      const result = look(path, () => list(folder, path, raw));
      if (real() !== folder) throw moved(folder);
      return result;
    } catch (error) {
      throw ioFailure(`read folder ${folder}`, error);
    }
  }

  [Symbol.dispose](): void {
    this.#raw?.[Symbol.dispose]();
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** @param path one of the folder by which it is found meanwhile */
function list(folder: string, path: string, raw: RawFolder | undefined): FolderNames {
  // The runtime tells what is wrong with a folder; the library only that it has come to an end.
  const listed = [...Deno.readDirSync(path)];
  if (raw === undefined) return withoutLibrary(path, listed);
  const names: string[] = [];
  const unspeakable: UnspeakableName[] = [];
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (const { bytes, isFile } of raw.names()) {
    try {
      names.push(decoder.decode(bytes));
    } catch {
      unspeakable.push({ name: escaped(bytes), isFile });
    }
  }
  if (names.length + unspeakable.length < listed.length) throw moved(folder);
  return { names, unspeakable };
}

/** Newer runtimes put U+FFFD for bytes that are not UTF-8: there is no file of such a name then. */
function withoutLibrary(path: string, listed: readonly Deno.DirEntry[]): FolderNames {
  const names = new Set<string>();
  const unspeakable: UnspeakableName[] = [];
  for (const { name, isFile } of listed) {
    if (!name.includes("\ufffd") || (!names.has(name) && isNamed(path, name))) names.add(name);
    else unspeakable.push({ name: name.replaceAll("\ufffd", "\\x??"), isFile });
  }
  return { names: [...names], unspeakable };
}

function isNamed(folder: string, name: string): boolean {
  try {
    Deno.lstatSync(`${folder}/${name}`);
    return true;
  } catch {
    return false;
  }
}

function escaped(bytes: Uint8Array): string {
  const one = (byte: number): string =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`;
  return [...bytes].map(one).join("");
}

function moved(folder: string): KodenoError {
  return new KodenoError(
    "BAD_SOURCE_FILE",
    `Cannot read folder ${folder}: it was moved or became a link meanwhile; run it again`,
  );
}

/**
 * The error for a name that is not UTF-8, so that it is left out nowhere in silence.
 *
 * @param doing what cannot be done then, to the folder
 */
export function unspeakableName(doing: string, { name }: UnspeakableName): KodenoError {
  return new KodenoError(
    "BAD_SOURCE_FILE",
    `Cannot ${doing}: the name "${name}" in it is not UTF-8; rename it`,
  );
}
