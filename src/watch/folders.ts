/**
 * Which folders to watch for images, and which of the changes in them may matter.
 * @module
 */
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { koPath, PASSED_OVER } from "../config/checks.ts";
import { KodenoError, messageOf } from "../errors.ts";
import { isOwn, type SourcePackage } from "../go/sources.ts";
import { entriesIn, isFolder } from "../io/files.ts";
import { compileGlob } from "../io/globs.ts";
import type { ImageFiles } from "./image_files.ts";

/** Where to look, and what for. All paths are absolute. */
export interface WatchedFolders {
  /** Folders to watch, each without what is in its folders. */
  readonly folders: ReadonlySet<string>;
  /** Folders of kodata and of embedded files: anything new there may matter. */
  readonly data: ReadonlySet<string>;
  /** Folders below patterns with `...`: a new folder there may become a package. */
  readonly open: ReadonlySet<string>;
  /** Folders of packages that are imported and not there. */
  readonly missing: readonly string[];
}

/** What the go command takes for a source; see `go help list`. */
const SOURCE = /\.(?:go|c|cc|cpp|cxx|m|h|hh|hpp|hxx|f|F|for|f90|s|S|sx|swig|swigcxx|syso)$/;

/** Finds the folders for images of the patterns that the user named; `root` is the working directory. */
export async function watchedFolders(
  images: readonly ImageFiles[],
  root: string,
  patterns: readonly string[],
): Promise<WatchedFolders> {
  const all = images.flatMap((image) => image.packages);
  const packages = new Map(all.filter(isOwn).flatMap((one) => one.Dir ? [[one.Dir, one]] : []));
  const modules = [...packages.values()].map(({ Module }) => Module?.Dir ?? root);
  const roots = new Set([root, ...modules]);
  const data = new Set<string>();
  for (const { packageDirectory } of images) {
    await addFolders(join(packageDirectory, "kodata"), data, { links: true });
  }
  for (const one of packages.values()) await addEmbedded(one, data);
  const open = new Set<string>();
  for (const base of patterns.flatMap((pattern) => wildBases(pattern, root, roots))) {
    await addFolders(base, open, { skipped: PASSED_OVER });
  }
  const missing = missingFolders(all);
  const paths = images.flatMap(({ files, absent }) => [...files, ...absent]);
  const packageFolders = [...packages.keys(), ...missing];
  const folders = new Set([...roots, ...packageFolders, ...paths.map(dirname), ...data, ...open]);
  // A folder that goes and comes again is only seen in the one above.
  const isBelow = (path: string) => roots.values().some((root) => path.startsWith(`${root}/`));
  for (const folder of [...folders]) {
    for (let at = folder; isBelow(at); at = dirname(at)) folders.add(dirname(at));
  }
  return { folders, data, open, missing };
}

/** Whether a change of a path that is no file of an image so far may matter. */
export function mayMatter(
  path: string,
  images: readonly ImageFiles[],
  watched: WatchedFolders,
): boolean {
  const name = basename(path);
  const folder = dirname(path);
  if (watched.data.has(folder)) return true;
  if (images.some(({ absent }) => absent.includes(path))) return true;
  if (watched.missing.some((one) => one === path || one.startsWith(`${path}/`))) return true;
  if (/^[._]/.test(name) || name.endsWith("_test.go")) return false;
  if (SOURCE.test(name)) return true;
  // The whole folder went or came.
  if (images.some(({ files }) => files.some((file) => file.startsWith(`${path}/`)))) return true;
  return watched.open.has(folder) && isFolder(path);
}

/** Where imported packages would be that go has not found, by the modules of the others. */
function missingFolders(packages: readonly SourcePackage[]): readonly string[] {
  // Of a module some packages may tell no folder, as those that are vendored.
  const known = packages.flatMap(({ Module }) => Module?.Dir === undefined ? [] : [Module]);
  const modules = new Map(known.map(({ Path, Dir = "" }) => [`${Path}/`, Dir]));
  const absent = packages.filter(({ Dir }) => Dir === undefined);
  return absent.flatMap(({ ImportPath }) =>
    [...modules].flatMap(([prefix, folder]) =>
      ImportPath.startsWith(prefix) ? [join(folder, ImportPath.slice(prefix.length))] : []
    )
  );
}

/** Where a pattern with `...` may find packages. */
function wildBases(pattern: string, root: string, roots: Iterable<string>): readonly string[] {
  if (!pattern.includes("...")) return [];
  const fixed = (koPath(pattern) ?? pattern).replace(/\.\.\..*$/s, "");
  const folder = resolve(root, fixed.replace(/[^/]*$/, ""));
  // An import path, or all: whatever modules there are.
  return isFolder(folder) && fixed !== "" ? [folder] : [...roots];
}

/** Adds a folder and all folders in it; with `links`, what they lead to by its own name, too. */
async function addFolders(
  folder: string,
  found: Set<string>,
  how: { readonly links?: boolean; readonly skipped?: RegExp } = {},
): Promise<void> {
  if (!isFolder(folder) || found.has(folder)) return;
  found.add(folder);
  // One that cannot be read is go's to tell of, if it matters.
  for (const { name, isDirectory, isSymlink } of await entriesIn(folder)) {
    if (how.skipped?.test(name)) continue;
    const path = join(folder, name);
    if (isDirectory) await addFolders(path, found, how);
    else if (isSymlink && how.links) {
      await addFolders(await Deno.realPath(path).catch(() => path), found, how);
    }
  }
}

/** Adds folders in which something new may be embedded: those on the way of each pattern, and below. */
async function addEmbedded(
  { Dir = "", EmbedPatterns = [] }: SourcePackage,
  data: Set<string>,
): Promise<void> {
  for (const pattern of EmbedPatterns) {
    let reached = [Dir];
    for (const element of pattern.replace(/^all:/, "").split("/")) {
      for (const folder of reached) data.add(folder);
      const matches = compileGlob(element);
      const next = await Promise.all(reached.map(async (folder) => {
        const entries = await entriesIn(folder);
        return entries.flatMap(({ isDirectory, name }) =>
          isDirectory && matches(name) ? [join(folder, name)] : []
        );
      }));
      reached = next.flat();
    }
    const below = new Set<string>();
    for (const folder of reached) await addFolders(folder, below);
    for (const folder of below) data.add(folder);
  }
}

/** Watchers of the system that are open at once before they are made one again. */
const MAX_WATCHERS = 8;

/** How often files are looked at while nothing is told, in milliseconds. */
const LOOK_MS = 3000;

/**
 * Folders that are watched; with `recursive` what is in their folders is, too, and files can then be
 * watched as well.
 */
export class FolderWatch implements Disposable {
  readonly #folders = new Set<string>();
  /** Those of them that went, or came again: the system's watch may be of what was there before. */
  readonly #stale = new Set<string>();
  readonly #watchers: Deno.FsWatcher[] = [];
  readonly #changed = new Set<string>();
  #lastChange = 0;
  #wake: () => void = () => {};
  #failure: unknown;

  /** @param matters whether a change of a path is one */
  constructor(readonly recursive = false, readonly matters = (_path: string) => true) {}

  /**
   * Watches folders, beside those that are watched already, and gives those that are new; what is no
   * folder is left out. `IO_FAILED` when the system has no more watches to give.
   */
  watch(folders: Iterable<string>): readonly string[] {
    const isFresh = (one: string): boolean => !this.#folders.has(one) || this.#stale.has(one);
    const isThere = this.recursive ? existsSync : isFolder;
    const fresh = [...new Set(folders)].filter((one) => isFresh(one) && isThere(one));
    if (fresh.length === 0) return [];
    for (const folder of fresh) {
      this.#folders.add(folder);
      this.#stale.delete(folder);
    }
    const before = this.#watchers.length;
    const isMany = before >= MAX_WATCHERS;
    this.#open(isMany ? [...this.#folders].filter(isThere) : fresh);
    // When the new one is open, so that no change is missed.
    if (isMany) { for (const watcher of this.#watchers.splice(0, before)) watcher.close(); }
    return fresh;
  }

  /** Says that a file has changed, as if it had been seen. */
  add(path: string): void {
    this.#changed.add(path);
    this.#lastChange = performance.now();
    this.#wake();
  }

  /**
   * The next changes: waits for one, and then till nothing more happens for `quiet` milliseconds.
   *
   * @param look asked now and then, since some file systems tell of no changes and a busy system may
   * lose one: what has changed and was not told of
   */
  async next(
    quiet: number,
    signal?: AbortSignal,
    look: () => Promise<Iterable<string>> = () => Promise.resolve([]),
  ): Promise<ReadonlySet<string>> {
    const wake = (): void => this.#wake();
    signal?.addEventListener("abort", wake, { once: true });
    try {
      for (;;) {
        signal?.throwIfAborted();
        if (this.#failure !== undefined) throw this.#failure;
        const left = this.#lastChange + quiet - performance.now();
        if (this.#changed.size > 0 && left <= 0) break;
        const isQuiet = this.#changed.size === 0;
        const { promise, resolve } = Promise.withResolvers<boolean>();
        this.#wake = () => resolve(true);
        const timer = setTimeout(resolve, isQuiet ? LOOK_MS : left, false);
        const isWoken = await promise;
        clearTimeout(timer);
        if (!isWoken && isQuiet) { for (const path of await look()) this.add(path); }
      }
    } finally {
      signal?.removeEventListener("abort", wake);
    }
    const changed = new Set(this.#changed);
    this.#changed.clear();
    return changed;
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers.splice(0)) watcher.close();
  }

  #open(folders: readonly string[]): void {
    let watcher: Deno.FsWatcher;
    try {
      watcher = Deno.watchFs([...folders], { recursive: this.recursive });
    } catch (error) {
      throw new KodenoError(
        "IO_FAILED",
        `Cannot watch ${folders.length} folders: ${messageOf(error)}; on Linux, ` +
          "fs.inotify.max_user_watches and fs.inotify.max_user_instances may have to be greater",
        {},
        { cause: error },
      );
    }
    this.#watchers.push(watcher);
    this.#read(watcher).catch((error) => {
      this.#failure = error;
      this.#wake();
    });
  }

  async #read(watcher: Deno.FsWatcher): Promise<void> {
    for await (const { kind, paths } of watcher) {
      // Reading is no change; builds do it all the time.
      if (kind === "access") continue;
      for (const path of paths) {
        if (!this.matters(path)) continue;
        // A folder that comes again is another one.
        if (kind === "remove" || kind === "rename") this.#stale.add(path);
        this.add(path);
      }
    }
  }
}
