/**
 * Folders by the C library, on Linux: the names in them as bytes, which the runtime leaves out or
 * changes where they are not UTF-8, and the number of the open folder, by which the kernel reads it
 * whatever becomes of its path.
 * @module
 */

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

/** A name in a folder. */
export interface RawName {
  readonly bytes: Uint8Array;
  /** Whether it is known to be that of a file. */
  readonly isFile: boolean;
}

/** The library, for as long as it is in scope. */
export class RawFolders implements Disposable {
  readonly #library: Library;

  private constructor(library: Library) {
    this.#library = library;
  }

  /**
   * Loads the library; nothing where it cannot or may not be used. On Deno before 2.9 there is no other
   * way to know that a folder has names that are not UTF-8: no call of the runtime shows a trace of them.
   */
  static load(): RawFolders | undefined {
    if (Deno.build.os !== "linux") return undefined;
    try {
      if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
      return new RawFolders(Deno.dlopen("libc.so.6", FUNCTIONS));
    } catch {
      return undefined;
    }
  }

  /** Opens a folder; nothing where that cannot be done in this way. */
  open(path: string): RawFolder | undefined {
    const folder = this.#library.symbols.opendir(new TextEncoder().encode(`${path}\0`));
    return folder === null ? undefined : new RawFolder(this.#library, folder);
  }

  [Symbol.dispose](): void {
    this.#library.close();
  }
}

/** A folder that is open till it goes out of scope. */
export class RawFolder implements Disposable {
  readonly #library: Library;
  readonly #folder: Deno.PointerObject;

  /** See {@link RawFolders.open}. */
  constructor(library: Library, folder: Deno.PointerObject) {
    this.#library = library;
    this.#folder = folder;
  }

  /** A path of the folder itself, for as long as it is open. */
  get path(): string {
    return `/proc/self/fd/${this.#library.symbols.dirfd(this.#folder)}`;
  }

  /** The names in it, asked for once; less `.` and `..`. */
  names(): readonly RawName[] {
    const found: RawName[] = [];
    for (;;) {
      const entry = this.#library.symbols.readdir(this.#folder);
      if (entry === null) return found;
      const view = new Deno.UnsafePointerView(entry);
      const whole = new Uint8Array(view.getArrayBuffer(view.getUint16(LENGTH_AT)));
      const bytes = whole.slice(NAME_AT, whole.indexOf(0, NAME_AT));
      if (/^\.\.?$/.test(String.fromCharCode(...bytes))) continue;
      found.push({ bytes, isFile: whole[TYPE_AT] === REGULAR });
    }
  }

  [Symbol.dispose](): void {
    this.#library.symbols.closedir(this.#folder);
  }
}
