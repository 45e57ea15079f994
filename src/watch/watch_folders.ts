/**
 * Which folders to watch for images, and which of the changes in them may matter.
 * @module
 */
import { basename, dirname, join, resolve } from "node:path";
import { compileGlob } from "../io/globs.ts";
import { isFolder } from "../io/files.ts";
import { isOwn, type SourcePackage } from "../go/sources.ts";
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
/** Folders that `...` of go does not match, and one that is huge and never Go. */
const SKIPPED = /^(?:[._].*|testdata|vendor|node_modules)$/;

/**
 * Finds the folders for images.
 *
 * @param root working directory; absolute
 * @param patterns what the user named
 */
export async function watchedFolders(
  images: readonly ImageFiles[],
  root: string,
  patterns: readonly string[],
): Promise<WatchedFolders> {
  const packages = new Map(
    images.flatMap((image) => image.packages).filter(isOwn)
      .map((one) => [one.Dir ?? "", one] as const).filter(([folder]) => folder !== ""),
  );
  const modules = [...packages.values()].map(({ Module }) => Module?.Dir ?? root);
  const roots = new Set([root, ...modules]);
  const data = new Set<string>();
  for (const { packageDirectory } of images) {
    await addLinked(join(packageDirectory, "kodata"), data);
  }
  for (const one of packages.values()) {
    for (const folder of await embedFolders(one)) data.add(folder);
  }
  const open = new Set<string>();
  for (const base of patterns.flatMap((pattern) => wildBases(pattern, root, roots))) {
    for (const folder of await foldersBelow(base, SKIPPED)) open.add(folder);
  }
  const missing = missingFolders(images.flatMap((image) => image.packages));
  const paths = images.flatMap(({ files, absent }) => [...files, ...absent]);
  const folders = new Set([
    ...roots,
    ...packages.keys(),
    ...paths.map(dirname),
    ...data,
    ...open,
    ...missing,
  ]);
  // A folder that goes and comes again is only seen in the one above.
  for (const folder of [...folders]) {
    for (let at = folder; isBelow(at, roots); at = dirname(at)) folders.add(dirname(at));
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
  const modules = new Map(
    packages.flatMap(({ Module }) =>
      Module?.Dir === undefined ? [] : [[`${Module.Path}/`, Module.Dir] as const]
    ),
  );
  return packages.flatMap(({ Dir, ImportPath }) =>
    Dir !== undefined
      ? []
      : [...modules].flatMap(([prefix, folder]) =>
        ImportPath.startsWith(prefix) ? [join(folder, ImportPath.slice(prefix.length))] : []
      )
  );
}

function isBelow(path: string, roots: ReadonlySet<string>): boolean {
  return [...roots].some((root) => path !== root && path.startsWith(`${root}/`));
}

/** Where a pattern with `...` may find packages. */
function wildBases(
  pattern: string,
  root: string,
  roots: ReadonlySet<string>,
): readonly string[] {
  const wild = pattern.indexOf("...");
  if (wild < 0) return [];
  const fixed = pattern.slice(0, wild).replace(/^ko:\/\//, "");
  const folder = resolve(root, fixed.replace(/[^/]*$/, ""));
  // An import path, or all: whatever modules there are.
  return isFolder(folder) && fixed !== "" ? [folder] : [...roots];
}

/** A folder and all folders in it. */
async function foldersBelow(folder: string, skipped?: RegExp): Promise<readonly string[]> {
  if (!isFolder(folder)) return [];
  const found = [folder];
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(folder)) {
    if (skipped?.test(name)) continue;
    if (isDirectory && !isSymlink) found.push(...await foldersBelow(join(folder, name), skipped));
  }
  return found;
}

/** Adds a folder and all folders in it, those that links lead to by their own names, too. */
async function addLinked(folder: string, found: Set<string>): Promise<void> {
  if (!isFolder(folder) || found.has(folder)) return;
  found.add(folder);
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isSymlink) await addLinked(await Deno.realPath(path).catch(() => path), found);
    else if (isDirectory) await addLinked(path, found);
  }
}

/** Folders in which something new may be embedded: those on the way of each pattern, and below. */
async function embedFolders({ Dir = "", EmbedPatterns = [] }: SourcePackage): Promise<Set<string>> {
  const found = new Set<string>();
  for (const pattern of EmbedPatterns) {
    let reached = [Dir];
    for (const name of pattern.replace(/^all:/, "").split("/")) {
      for (const folder of reached) found.add(folder);
      const matches = compileGlob(name);
      const next: string[] = [];
      for (const folder of reached) {
        for await (const entry of Deno.readDir(folder)) {
          if (entry.isDirectory && matches(entry.name)) next.push(join(folder, entry.name));
        }
      }
      reached = next;
    }
    for (const folder of reached) for (const one of await foldersBelow(folder)) found.add(one);
  }
  return found;
}
