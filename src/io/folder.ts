/**
 * What is in a folder: every name, and of the folder that was meant, whatever is put in its place
 * meanwhile. On Linux the C library reads it: as bytes, since the runtime leaves names out or
 * changes them where they are not UTF-8 (on Deno before 2.9 without a trace), and by the number of
 * the open folder, by which the kernel reads it whatever becomes of its path.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { ioFailure, isFolder, isTaken } from "./files.ts";

/** The names in a folder, in no order. */
interface FolderNames {
  readonly names: readonly string[];
  /** Those that are not UTF-8, so that nothing can be done with them. */
  readonly unspeakable: readonly UnspeakableName[];
}

/** For people, `\xNN` for each byte that is not ASCII; and whether it is known to be a file's. */
type UnspeakableName = { readonly name: string; readonly isFile: boolean };

const FUNCTIONS = {
  opendir: { parameters: ["buffer"], result: "pointer" },
  dirfd: { parameters: ["pointer"], result: "i32" },
  readdir: { parameters: ["pointer"], result: "pointer" },
  closedir: { parameters: ["pointer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type Library = Deno.DynamicLibrary<typeof FUNCTIONS>;

/** Where an entry of 64-bit systems has its name: behind inode, offset, length and type. */
const NAME_AT = 19;
const TYPE_AT = 18;
const LENGTH_AT = 16;
/** What the system says of a file that is neither a folder nor a link (DT_REG). */
const REGULAR = 8;

/** Reads folders till it goes out of scope. */
export class Folders implements Disposable {
  readonly #library = loadLibrary();

  names(folder: string): FolderNames {
    try {
      using open = this.#open(folder);
      return list(folder, folder, open);
    } catch (error) {
      throw ioFailure(`read folder ${folder}`, error);
    }
  }

  /**
   * Looks at a folder without links on its way; what is put in its place meanwhile, or in that of
   * one above it, is not seen. `look` gets a path that holds till it returns.
   */
  lookInto<T>(folder: string, look: (path: string, list: () => FolderNames) => T): T {
    try {
      using open = this.#open(folder);
      const path = open && isFolder("/proc/self/fd") ? open.path : folder;
      // Where there is no such path, this is as much as can be known.
      const real = () => path === folder ? Deno.realPathSync(folder) : Deno.readLinkSync(path);
      if (real() !== folder) throw moved(folder);
      const result = look(path, () => list(folder, path, open));
      if (real() !== folder) throw moved(folder);
      return result;
    } catch (error) {
      throw ioFailure(`read folder ${folder}`, error);
    }
  }

  [Symbol.dispose](): void {
    this.#library?.close();
  }

  #open(path: string): OpenFolder | undefined {
    const folder = this.#library?.symbols.opendir(new TextEncoder().encode(`${path}\0`));
    return this.#library && folder ? new OpenFolder(this.#library, folder) : undefined;
  }
}

/** Nothing where it cannot or may not be used. */
function loadLibrary(): Library | undefined {
  try {
    const may = Deno.build.os === "linux" &&
      Deno.permissions.querySync({ name: "ffi" }).state === "granted";
    return may ? Deno.dlopen("libc.so.6", FUNCTIONS) : undefined;
  } catch {
    return undefined;
  }
}

/** A folder that is open till it goes out of scope. */
class OpenFolder implements Disposable {
  constructor(readonly library: Library, readonly folder: Deno.PointerObject) {}

  /** A path of the folder itself, for as long as it is open. */
  get path(): string {
    return `/proc/self/fd/${this.library.symbols.dirfd(this.folder)}`;
  }

  /** The names in it, asked for once; less `.` and `..`. */
  *entries(): Generator<{ readonly bytes: Uint8Array; readonly isFile: boolean }> {
    for (;;) {
      const entry = this.library.symbols.readdir(this.folder);
      if (entry === null) return;
      const view = new Deno.UnsafePointerView(entry);
      const whole = new Uint8Array(view.getArrayBuffer(view.getUint16(LENGTH_AT)));
      const bytes = whole.slice(NAME_AT, whole.indexOf(0, NAME_AT));
      if (/^\.\.?$/.test(String.fromCharCode(...bytes))) continue;
      yield { bytes, isFile: whole[TYPE_AT] === REGULAR };
    }
  }

  [Symbol.dispose](): void {
    this.library.symbols.closedir(this.folder);
  }
}

/** The names in a folder, which is found by `path` meanwhile. */
function list(folder: string, path: string, open: OpenFolder | undefined): FolderNames {
  // The runtime tells what is wrong with a folder; the library only that it has come to an end.
  const listed = [...Deno.readDirSync(path)];
  if (open === undefined) return withoutLibrary(path, listed);
  const names: string[] = [];
  const unspeakable: UnspeakableName[] = [];
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (const { bytes, isFile } of open.entries()) {
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
    if (!name.includes("\ufffd") || (!names.has(name) && isTaken(`${path}/${name}`))) {
      names.add(name);
    } else unspeakable.push({ name: name.replaceAll("\ufffd", "\\x??"), isFile });
  }
  return { names: [...names], unspeakable };
}

function escaped(bytes: Uint8Array): string {
  const hex = (char: string) => `\\x${char.charCodeAt(0).toString(16)}`;
  return String.fromCharCode(...bytes).replace(/[^ -~]/g, hex);
}

function moved(folder: string): KodenoError {
  const why = "it was moved or became a link meanwhile; run it again";
  return new KodenoError("BAD_SOURCE_FILE", `Cannot read folder ${folder}: ${why}`);
}

/** The error for a name that is not UTF-8, so that it is left out nowhere in silence. */
export function unspeakableName(doing: string, { name }: UnspeakableName): KodenoError {
  const why = `the name "${name}" in it is not UTF-8; rename it`;
  return new KodenoError("BAD_SOURCE_FILE", `Cannot ${doing}: ${why}`);
}
