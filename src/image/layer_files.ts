/**
 * Where files of layers are in the image, and what a layer leaves of those below it (OCI image spec 1.1,
 * layer.md).
 * @module
 */
import { posix } from "node:path";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
/** No file has a longer path; behind that nobody looks for the folders above. */
const LONGEST_PATH = 4096;

/** A path from the root; layers of Windows have a folder for what is not its registry. */
export function pathInImage(path: string): string {
  return posix.join("/", path.replace(/^Files\//, "")).replace(/(?<=.)\/$/, "");
}

/** The path that a file takes away of the layers below its own; an opaque one all that is in a folder. */
export function whiteoutOf(
  path: string,
): { readonly path: string; readonly isOpaque: boolean } | undefined {
  const name = posix.basename(path);
  if (!name.startsWith(WHITEOUT)) return undefined;
  const folder = posix.dirname(path);
  if (name === OPAQUE) return { path: folder, isOpaque: true };
  return { path: posix.join(folder, name.slice(WHITEOUT.length)), isOpaque: false };
}

/** What one layer does to those below it, whatever the order of its entries. */
export class LayerFiles<T> {
  readonly #files = new Map<string, T>();
  /** Gone with all that is below them. */
  readonly #gone = new Set<string>();
  /** What is no folder and has no value, which stands in the place of folders. */
  readonly #others = new Set<string>();
  readonly #emptied = new Set<string>();
  /** Folders of this layer, which stand in the place of files. */
  readonly #folders = new Set<string>();

  /** Takes an entry by {@link pathInImage}. */
  see(path: string, isFolder: boolean): void {
    const whiteout = whiteoutOf(path);
    if (whiteout?.isOpaque) this.#emptied.add(whiteout.path);
    else if (whiteout !== undefined) this.#gone.add(whiteout.path);
    else (isFolder ? this.#folders : this.#others).add(path);
    this.#files.delete(path);
  }

  /** Says what there is to know of an entry that was seen. */
  set(path: string, value: T): void {
    this.#files.set(path, value);
    this.#others.delete(path);
  }

  /** Puts this layer on top of what those below it have left. */
  putOn(below: Map<string, T>): void {
    for (const path of below.keys()) if (this.#hides(path)) below.delete(path);
    for (const [path, value] of this.#files) below.set(path, value);
  }

  #hides(path: string): boolean {
    const isReplaced = (one: string): boolean =>
      this.#others.has(one) || (this.#files.has(one) && !this.#folders.has(one));
    if (this.#gone.has(path) || this.#folders.has(path) || isReplaced(path)) return true;
    for (
      let at = path.indexOf("/", 1);
      at > 0 && at < LONGEST_PATH;
      at = path.indexOf("/", at + 1)
    ) {
      const folder = path.slice(0, at);
      if (isReplaced(folder) || this.#gone.has(folder) || this.#emptied.has(folder)) return true;
    }
    return this.#emptied.has("/");
  }
}
