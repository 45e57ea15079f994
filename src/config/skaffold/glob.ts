/**
 * Files by patterns, as Skaffold lists those an artifact depends on: `*` and `?` within an element of
 * a path, `**` for any elements, `[a-z]`, `{a,b}`.
 * @module
 */
import { dirname, join, normalize, sep } from "node:path";
import { Folders, unspeakableName } from "../../io/folder.ts";
import { compileGlob } from "../globs.ts";
import { ANY, matchesAll } from "../wildcards.ts";

/** A pattern that names nothing that is there. */
export class NoFileMatches extends Error {
  /** Made by `listFiles`. */
  constructor(readonly pattern: string) {
    super(`pattern ${JSON.stringify(pattern)} matches no file`);
  }
}

/** Most patterns that braces may stand for: each pair of them multiplies. */
const MAX_CHOICES = 1000;
/** Deeper than this, links lead in circles. */
const DEEPEST = 64;

/**
 * Lists files by patterns that are relative to a folder; what is in a folder that matches counts,
 * too. A link to a file counts as a file, whatever it leads to.
 *
 * @returns paths relative to the folder, sorted
 * @throws {NoFileMatches}
 * @throws {KodenoError} `BAD_SOURCE_FILE` for a name that may match, and is not UTF-8
 */
export async function listFiles(
  root: string,
  patterns: readonly string[],
  ignore: readonly string[],
): Promise<readonly string[]> {
  const ignored = ignore.map((pattern) => compileGlob(toSlashes(normalize(pattern))));
  const isIgnored = (path: string): boolean => ignored.some((matches) => matches(toSlashes(path)));
  const found = new Set<string>();
  using tree = new Tree(root, isIgnored);
  for (const pattern of patterns) {
    const starts: string[] = [];
    for (const one of expandBraces(pattern)) {
      await glob(tree, "", elementsOf(one), starts, 0);
    }
    if (starts.length === 0) throw new NoFileMatches(pattern);
    for (const start of starts) await walk(tree, start, found);
  }
  return [...found].sort();
}

/** What is looked through for files. */
class Tree implements Disposable {
  readonly #folders = new Folders();

  constructor(readonly root: string, readonly isIgnored: (path: string) => boolean) {}

  /**
   * The names in a folder; none where it is no folder, or may not be read.
   *
   * @param mayMatch whether a name is wanted, where it cannot be looked at
   */
  list(folder: string, mayMatch: (name: string, isFile: boolean) => boolean): readonly string[] {
    let found: ReturnType<Folders["names"]>;
    try {
      found = this.#folders.names(join(this.root, folder));
    } catch {
      return [];
    }
    const lost = found.unspeakable.find(({ name, isFile }) => {
      const shown = name.replaceAll(/\\x../g, "\ufffd");
      return mayMatch(shown, isFile) && !this.#isBelowIgnored(join(folder, shown));
    });
    if (lost === undefined) return found.names.toSorted();
    throw unspeakableName(`list all files of ${join(this.root, folder)}`, lost);
  }

  #isBelowIgnored(path: string): boolean {
    if (path === ".") return false;
    return this.isIgnored(path) || this.#isBelowIgnored(dirname(path));
  }

  [Symbol.dispose](): void {
    this.#folders[Symbol.dispose]();
  }
}

function toSlashes(path: string): string {
  return path.split(sep).join("/");
}

/** A name as it is, or what stands for one. */
type Element = string | ElementPattern;
type ElementPattern = readonly (string | RegExp | typeof ANY)[];

const ANY_ELEMENT: ElementPattern = [ANY];

function elementsOf(pattern: string): readonly Element[] {
  return normalize(pattern).split(sep).filter((part) => part !== "." && part !== "").map((part) => {
    if (part === "**") return part;
    return /[*?[\\]/.test(part) ? elementPattern(part) : part;
  });
}

function elementPattern(part: string): ElementPattern {
  const pieces = part.matchAll(/\\(.)|\*+|\?|\[(\^?)((?:\\.|[^\]\\])+)\]|[^]/gsu);
  return [...pieces].map(([piece, escaped, not = "", set]) => {
    if (escaped !== undefined) return escaped;
    if (piece.startsWith("*")) return ANY;
    if (piece === "?") return /^/;
    if (set === undefined) return piece;
    return new RegExp(`^[${not}${set.replaceAll(/[[\]^&~]/g, "\\$&")}]$`, "u");
  });
}

function elementMatches(element: Element, name: string): boolean {
  if (typeof element === "string") return element === name;
  return matchesAll(
    element,
    [...name],
    (one, char) => typeof one === "string" ? one === char : one.test(char),
  );
}

/** `a{b,c}d` is `abd` and `acd`. */
function expandBraces(pattern: string): readonly string[] {
  const open = indexOutside(pattern, "{", 0);
  if (open < 0) return [pattern];
  const ends: number[] = [];
  let depth = 0;
  for (let at = open; at < pattern.length; at++) {
    if (pattern[at] === "\\") at++;
    else if (pattern[at] === "{") depth++;
    else if (pattern[at] === "," && depth === 1) ends.push(at);
    else if (pattern[at] === "}" && --depth === 0) {
      ends.push(at);
      break;
    }
  }
  if (depth > 0) return [pattern];
  const after = pattern.slice((ends.at(-1) ?? 0) + 1);
  const found: string[] = [];
  for (const [i, end] of ends.entries()) {
    const choice = pattern.slice((ends[i - 1] ?? open) + 1, end);
    for (const one of expandBraces(pattern.slice(0, open) + choice + after)) found.push(one);
    if (found.length > MAX_CHOICES) {
      throw new Error(
        `braces of ${JSON.stringify(pattern)} stand for over ${MAX_CHOICES} patterns`,
      );
    }
  }
  return found;
}

function indexOutside(text: string, wanted: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === wanted) return at;
  }
  return -1;
}

async function glob(
  tree: Tree,
  folder: string,
  pattern: readonly Element[],
  found: string[],
  depth: number,
): Promise<void> {
  const { root } = tree;
  const [first, ...rest] = pattern;
  if (first === undefined) {
    if (await lstat(join(root, folder))) found.push(folder);
    return;
  }
  if (depth > DEEPEST) return;
  if (typeof first === "string" && first !== "**") {
    await glob(tree, join(folder, first), rest, found, depth + 1);
    return;
  }
  if (first === "**") {
    for (const name of tree.list(folder, (_, isFile) => rest.length === 0 || !isFile)) {
      const path = join(folder, name);
      const info = await stat(join(root, path));
      if (rest.length === 0 && info !== undefined) found.push(path);
      if (!info?.isDirectory || await leadsBack(join(root, path))) continue;
      await glob(tree, path, pattern, found, depth + 1);
    }
    // A second one in a row is any single element, as in Skaffold.
    const [next, ...others] = rest;
    const following = next === "**" ? [ANY_ELEMENT, ...others] : rest;
    if (rest.length > 0) await glob(tree, folder, following, found, depth + 1);
    return;
  }
  const wanted = (name: string, isFile: boolean): boolean =>
    elementMatches(first, name) && (rest.length === 0 || !isFile);
  for (const name of tree.list(folder, wanted)) {
    if (!elementMatches(first, name)) continue;
    await glob(tree, join(folder, name), rest, found, depth + 1);
  }
}

/** Whether a folder is a link to one that it is in, which would have no end. */
async function leadsBack(path: string): Promise<boolean> {
  if (!(await lstat(path))?.isSymlink) return false;
  const [target, own] = await Promise.all([Deno.realPath(path), Deno.realPath(dirname(path))]);
  return own === target || own.startsWith(join(target, sep));
}

async function walk(
  tree: Tree,
  path: string,
  found: Set<string>,
): Promise<void> {
  const { root } = tree;
  if (found.has(path) || tree.isIgnored(path === "" ? "." : path)) return;
  const info = await lstat(join(root, path));
  if (info === undefined) return;
  if (!info.isDirectory) {
    found.add(path);
    return;
  }
  for (const name of tree.list(path, () => true)) await walk(tree, join(path, name), found);
}

function lstat(path: string): Promise<Deno.FileInfo | undefined> {
  return Deno.lstat(path).catch(() => undefined);
}

function stat(path: string): Promise<Deno.FileInfo | undefined> {
  return Deno.stat(path).catch(() => undefined);
}
