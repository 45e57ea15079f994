/**
 * Globs as Skaffold reads them in `dependencies` and `sync`, and the files that they list: as the
 * Go library doublestar (version 1) does. Libraries of npm give other answers: `a/**` is not `a`,
 * `**.go` stays in one folder, a name that begins with a dot is as any other, and a second `**` in
 * a row is any single folder. Matching takes time that grows with both lengths, where a regular
 * expression with many wildcards may take for ever.
 * @module
 */
import { dirname, join, posix } from "node:path";
import { KodenoError } from "../errors.ts";
import { Folders, unspeakableName } from "./folder.ts";

/** Whether a glob matches a path with slashes. */
type Glob = (path: string) => boolean;

/**
 * Compiles a glob: `*` and `?` within one name, `**` as a whole name for any folders, `[a-c]` and
 * `[^a-c]`, `{a,b}`, and `\` before a character that stands for itself.
 */
export function compileGlob(glob: string): Glob {
  // The last name of `a/**` is for what is there.
  const patterns = parseGlob(glob).map((names) =>
    names.at(-1) === ANY ? names.with(-1, [ANY]).concat(ANY) : names
  );
  return (path) => {
    const parts = path.split("/");
    return patterns.some((names) => matchesAll(names, parts, nameMatches));
  };
}

/** Puts `\` before the characters of a path that mean something in a glob. */
export function escapeGlob(path: string): string {
  return path.replaceAll(/[*?[\]{}\\]/g, "\\$&");
}

/** Whether a path, or a folder it lies in, is matched by none of the globs. */
export function notIgnored(ignore: readonly string[]): Glob {
  const globs = ignore.map(compileGlob);
  return (path) => !isBelowIgnored(path, globs);
}

function isBelowIgnored(path: string, ignored: readonly Glob[]): boolean {
  if (ignored.some((matches) => matches(path))) return true;
  const end = path.lastIndexOf("/");
  return end >= 0 && isBelowIgnored(path.slice(0, end), ignored);
}

export interface GlobOptions {
  /** What files are taken; a folder stands for all that is in it. */
  readonly paths?: readonly string[] | undefined;
  /** What is left out, be it a file or a folder. */
  readonly ignore?: readonly string[] | undefined;
}

/**
 * Lists files, relative to the folder, with slashes, sorted, each once. A link to a file counts as
 * one, whatever it leads to. A glob that matches nothing is `BAD_OPTION`, as in Skaffold.
 */
export async function listFiles(root: string, { paths = [], ignore = [] }: GlobOptions) {
  const globs = paths.map((glob) => [glob, parseGlob(glob)] as const);
  using tree = new Tree(root, ignore.map((glob) => compileGlob(posix.normalize(glob))));
  const found = new Set<string>();
  for (const [glob, patterns] of globs) {
    const starts: string[] = [];
    for (const names of patterns) await tree.find("", normalized(names), starts);
    if (starts.length === 0) {
      const next = /\*\*[^/]|[^/]\*\*/.test(glob)
        ? '; "**" stands for folders only as a whole name, as in "**/*.go"'
        : "";
      const message = `Cannot list files of ${JSON.stringify(glob)}: it matches nothing in ${root}`;
      throw new KodenoError("BAD_OPTION", message + next);
    }
    for (const start of starts) await tree.addFiles(start, found);
  }
  return [...found].sort();
}

/** Stands for any number of items. */
const ANY = Symbol("any");
/** A list that items are matched with. */
type Pattern<P> = readonly (P | typeof ANY)[];
/** A name as it is, or what stands for its characters. */
type Name = string | Pattern<string | RegExp>;

/** Whether items match a pattern from the first to the last. */
function matchesAll<P, T>(
  pattern: Pattern<P>,
  items: readonly T[],
  matches: (element: P, item: T) => boolean,
): boolean {
  let at = 0;
  let item = 0;
  // Where the last wildcard stands, and what it has taken: only that one may have to take more.
  let wildcard = -1;
  let taken = 0;
  while (item < items.length) {
    const element = pattern[at];
    if (element === ANY) {
      wildcard = at++;
      taken = item;
    } else if (at < pattern.length && matches(element as P, items[item] as T)) {
      at++;
      item++;
    } else if (wildcard >= 0) {
      at = wildcard + 1;
      item = ++taken;
    } else return false;
  }
  while (pattern[at] === ANY) at++;
  return at === pattern.length;
}

const charMatches = (one: string | RegExp, char: string): boolean =>
  typeof one === "string" ? one === char : one.test(char);

const nameMatches = (name: Name, text: string): boolean =>
  typeof name === "string" ? name === text : matchesAll(name, [...text], charMatches);

/** What `.` and `..` leave of a path. */
function normalized(names: Pattern<Name>): Pattern<Name> {
  const found: (Name | typeof ANY)[] = [];
  for (const name of names) {
    if (name === "" || name === ".") continue;
    if (name === ".." && found.length > 0 && found.at(-1) !== "..") found.pop();
    else found.push(name);
  }
  return found;
}

/** Deeper than this, links lead in circles. */
const DEEPEST = 64;

/** What is looked through for files; paths in it have slashes, and the root is "". */
class Tree implements Disposable {
  readonly #folders = new Folders();

  constructor(readonly root: string, readonly ignored: readonly Glob[]) {}

  [Symbol.dispose](): void {
    this.#folders[Symbol.dispose]();
  }

  /** Finds what a pattern matches, below a folder. */
  async find(folder: string, pattern: Pattern<Name>, found: string[], depth = 0): Promise<void> {
    const [first, ...rest] = pattern;
    if (first === undefined) {
      if (await this.#lstat(folder)) found.push(folder);
    } else if (depth > DEEPEST) return;
    else if (typeof first === "string") {
      await this.find(posix.join(folder, first), rest, found, depth + 1);
    } else if (first !== ANY) {
      const mayMatch = (name: string, isFile: boolean): boolean =>
        nameMatches(first, name) && (rest.length === 0 || !isFile);
      for (const name of this.#list(folder, mayMatch)) {
        if (!nameMatches(first, name)) continue;
        await this.find(posix.join(folder, name), rest, found, depth + 1);
      }
    } else {
      for (const name of this.#list(folder, (_, isFile) => rest.length === 0 || !isFile)) {
        const path = posix.join(folder, name);
        const info = await Deno.stat(join(this.root, path)).catch(() => undefined);
        if (rest.length === 0 && info !== undefined) found.push(path);
        if (!info?.isDirectory || await this.#leadsBack(path)) continue;
        await this.find(path, pattern, found, depth + 1);
      }
      // A second one in a row is any single name, as in Skaffold.
      const following = rest[0] === ANY ? rest.with(0, [ANY]) : rest;
      if (rest.length > 0) await this.find(folder, following, found, depth + 1);
    }
  }

  async addFiles(path: string, found: Set<string>): Promise<void> {
    if (found.has(path) || this.ignored.some((matches) => matches(path || "."))) return;
    const info = await this.#lstat(path);
    if (info?.isDirectory) {
      for (const name of this.#list(path, () => true)) {
        await this.addFiles(posix.join(path, name), found);
      }
    } else if (info !== undefined) found.add(path);
  }

  /**
   * The names in a folder, none where it may not be read. `mayMatch`: of one that nobody can say.
   */
  #list(folder: string, mayMatch: (name: string, isFile: boolean) => boolean): readonly string[] {
    let found: ReturnType<Folders["names"]>;
    try {
      found = this.#folders.names(join(this.root, folder));
    } catch {
      return [];
    }
    const lost = found.unspeakable.find(({ name, isFile }) => {
      const shown = name.replaceAll(/\\x../g, "\ufffd");
      return mayMatch(shown, isFile) && !isBelowIgnored(posix.join(folder, shown), this.ignored);
    });
    if (lost === undefined) return found.names.toSorted();
    throw unspeakableName(`list all files of ${join(this.root, folder)}`, lost);
  }

  /** Whether a folder is a link to one that it is in, which would have no end. */
  async #leadsBack(path: string): Promise<boolean> {
    if (!(await this.#lstat(path))?.isSymlink) return false;
    const whole = join(this.root, path);
    const [target, own] = await Promise.all([Deno.realPath(whole), Deno.realPath(dirname(whole))]);
    return own === target || own.startsWith(join(target, "/"));
  }

  #lstat(path: string): Promise<Deno.FileInfo | undefined> {
    return Deno.lstat(join(this.root, path)).catch(() => undefined);
  }
}

/** Stands for a `*` that makes no `**` with one beside it. */
const ONE_STAR = "\0";
/** Most braces, and globs that they may stand for: each pair of them multiplies. */
const MAX_CHOICES = 1000;

function parseGlob(glob: string): readonly Pattern<Name>[] {
  const bad = (why: string): KodenoError =>
    new KodenoError("BAD_OPTION", `Cannot use glob ${JSON.stringify(glob)}: ${why}`, { glob });
  if (glob.split("{").length > MAX_CHOICES) throw bad(`it has over ${MAX_CHOICES} braces`);
  return expandBraces(glob, bad).map((one) =>
    one.split("/").map((name) => name === "**" ? ANY : parseName(name, bad))
  );
}

type Bad = (why: string) => KodenoError;

function expandBraces(glob: string, bad: Bad): readonly string[] {
  const tokens = glob.matchAll(/\\[^]?|\[(?:\\[^]|[^\]\\])*\]?|[^]/g);
  const open = tokens.find(([token]) => token === "{")?.index;
  if (open === undefined) return [glob];
  const ends = [open];
  let depth = 0;
  for (const { 0: mark, index } of glob.slice(open).matchAll(/\\[^]?|[{},]/g)) {
    depth += mark === "{" ? 1 : mark === "}" ? -1 : 0;
    if (depth === 0 || (mark === "," && depth === 1)) ends.push(open + index);
    if (depth === 0) break;
  }
  if (depth > 0) throw bad('a "{" is not closed');
  const after = glob.slice((ends.at(-1) ?? 0) + 1);
  const found: string[] = [];
  for (const [i, end] of ends.slice(1).entries()) {
    // A `**` that is none: at the start of an alternative it is a `*`.
    const choice = glob.slice((ends[i] ?? 0) + 1, end).replace(/^\*\*+/, ONE_STAR);
    for (const one of expandBraces(choice + after, bad)) found.push(glob.slice(0, open) + one);
    if (found.length > MAX_CHOICES) throw bad(`its braces stand for over ${MAX_CHOICES} globs`);
  }
  return found;
}

function parseName(name: string, bad: Bad): Name {
  const tokens = name.matchAll(/\\([^]?)|\[((?:\\[^]|[^\]\\])*)(\]?)|[^]/gu);
  const found = [...tokens].map(([token, escaped, set, end]) => {
    if (escaped === "") throw bad("it ends in a backslash");
    if (end === "") throw bad('a "[" is not closed');
    if (token === "*" || token === ONE_STAR) return ANY;
    if (token === "?") return /^/;
    return set === undefined ? escaped ?? token : setOf(set, bad);
  });
  return found.every((one) => typeof one === "string") ? found.join("") : found;
}

/** A set of characters, as in `[^a-c]`, as a regular expression. */
function setOf(inside: string, bad: Bad): RegExp {
  const members = inside.replace(/^\^/, "");
  const found = [...members.matchAll(/\\?([^])(?:-(?:\\([^])|([^\\-])))?/gsu)];
  if (!/^(?:(?:\\.|[^\\-])(?:-(?:\\.|[^\\-]))?)+$/su.test(members)) {
    throw bad(`[${inside}] is not a set of characters`);
  }
  const source = found.map(([, from = "", to = from, high = to]) => {
    const [low = 0, top = 0] = [from, high].map((char) => char.codePointAt(0));
    // What ends before it begins has no characters.
    return low > top ? "" : `\\u{${low.toString(16)}}-\\u{${top.toString(16)}}`;
  }).join("");
  return new RegExp(members === inside ? `^(?!/)[${source}]$` : `^[^/${source}]$`, "u");
}
