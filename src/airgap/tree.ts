/**
 * Files that a bundle brings to a folder where somebody works: what differs from what is there, what of
 * that is a person's own, and how the one gets into the place of the other. What no bundle brought stays.
 * @module
 */
import { dirname, join, relative } from "node:path";
import { makeFolder, syncDirectory } from "../io/atomic.ts";
import { ioFailure, isAbsent, isTaken, openWithRetry, removeEmptyFolders } from "../io/files.ts";
import { hashedFile } from "../io/streams.ts";

/** What files and links are, by their paths: `file DIGEST`, `program DIGEST`, `link TARGET`. */
export type FileTree = ReadonlyMap<string, string>;

/** What there is to be done, by paths in their order. */
export interface TreeChanges {
  /** Files and links that are written. */
  readonly written: readonly string[];
  /** What goes, since the bundle does not have it any more. */
  readonly removed: readonly string[];
  /** What stands in the way of these and is not as any bundle brought it. */
  readonly own: readonly string[];
}

/** What a folder is, which no tree has. */
export const FOLDER = "folder";

/** The files and links of a folder, in the order of their paths. */
export async function treeIn(folder: string): Promise<FileTree> {
  const found = new Map<string, string>();
  const look = async (below: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(join(folder, below))) {
      const path = join(below, name);
      if (isDirectory) await look(path);
      else found.set(path, await whatIs(join(folder, path)) ?? "");
    }
  };
  try {
    await look("");
  } catch (error) {
    throw ioFailure(`read ${folder}`, error);
  }
  return new Map([...found].sort(([a], [b]) => a < b ? -1 : 1));
}

/** What is at a path; nothing where nothing is. */
export async function whatIs(path: string): Promise<string | undefined> {
  try {
    const { isSymlink, isDirectory, isFile, mode } = Deno.lstatSync(path);
    if (isSymlink) return `link ${Deno.readLinkSync(path)}`;
    if (isDirectory) return FOLDER;
    if (!isFile) return "neither";
    const { digest } = await hashedFile(await openWithRetry(path));
    return `${((mode ?? 0) & 0o100) === 0 ? "file" : "program"} ${digest}`;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw ioFailure(`read ${path}`, error);
  }
}

/**
 * What differs between a folder and files that are to be in it.
 *
 * @param brought what bundles have brought there before: that is theirs, and goes where it is not wanted
 */
export async function changesIn(
  folder: string,
  wanted: FileTree,
  brought: readonly FileTree[],
): Promise<TreeChanges> {
  const at = (path: string) => join(folder, path);
  const isBrought = (path: string, what: string) => brought.some((one) => one.get(path) === what);
  /** Whether a folder has nothing else. */
  const isAllBrought = async (path: string): Promise<boolean> => {
    let count = 0;
    for await (const { name } of Deno.readDir(at(path))) {
      const [below, what] = [join(path, name), await whatIs(at(join(path, name))) ?? ""];
      if (!(what === FOLDER ? await isAllBrought(below) : isBrought(below, what))) return false;
      count++;
    }
    return count > 0;
  };
  /** By a folder: what there is on the way to it, or has its name, that is none. */
  const blocking = new Map<string, string | undefined>([[".", undefined]]);
  const blockerOf = (path: string): string | undefined => {
    if (blocking.has(path)) return blocking.get(path);
    const above = blockerOf(dirname(path));
    const found = above ??
      (isTaken(at(path)) && !Deno.lstatSync(at(path)).isDirectory ? path : undefined);
    blocking.set(path, found);
    return found;
  };

  const [written, removed, own] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const path of new Set([...wanted.keys(), ...brought.flatMap((one) => [...one.keys()])])) {
    const target = wanted.get(path);
    const blocker = blockerOf(dirname(path));
    if (blocker !== undefined) {
      if (target === undefined) continue;
      if (!isBrought(blocker, await whatIs(at(blocker)) ?? "")) own.add(blocker);
      else removed.add(blocker);
      written.add(path);
      continue;
    }
    const there = await whatIs(at(path));
    if (there === target) continue;
    if (there === FOLDER) {
      if (target === undefined) continue;
      if (!await isAllBrought(path)) own.add(path);
    } else if (there !== undefined) {
      if (!isBrought(path, there)) own.add(path);
      else if (target === undefined) removed.add(path);
    }
    if (target !== undefined) written.add(path);
  }
  const isBelowOwn = (path: string): boolean =>
    path !== "." && (own.has(dirname(path)) || isBelowOwn(dirname(path)));
  return {
    written: [...written].sort(),
    removed: [...removed].filter((path) => !isBelowOwn(path)).sort(),
    own: [...own].filter((path) => !isBelowOwn(path)).sort(),
  };
}

/**
 * Makes changes, file by file: each is the old one or the new one. What is a person's own goes to a folder
 * of its own.
 *
 * @param from has what is to be written; on the same file system
 */
export async function makeChanges(
  folder: string,
  { written, removed, own }: TreeChanges,
  { from, kept }: { readonly from: string; readonly kept: string },
): Promise<void> {
  const at = (path: string) => join(folder, path);
  const changed = new Set<string>();
  try {
    for (const path of own) {
      await makeFolder(dirname(join(kept, path)));
      await Deno.rename(at(path), join(kept, path));
      changed.add(dirname(path));
    }
    for (const path of removed) {
      await Deno.remove(at(path));
      // Folders that are empty now; what else is in one stays.
      changed.add(relative(folder, await removeEmptyFolders(at(dirname(path)), folder)));
    }
    for (const path of written) {
      // What was brought below goes with it: it came with its folder.
      if (!isTaken(join(from, path))) continue;
      let top = path;
      while (dirname(top) !== "." && !isTaken(at(dirname(top)))) top = dirname(top);
      await Deno.rename(join(from, top), at(top));
      changed.add(dirname(top));
    }
    for (const one of changed) if (isTaken(at(one))) await syncDirectory(at(one));
  } catch (error) {
    throw ioFailure(`write ${folder}`, error);
  }
}
