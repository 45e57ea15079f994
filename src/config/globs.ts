/**
 * Globs as Skaffold reads them in `dependencies.paths`, `dependencies.ignore` and `sync`, which is
 * as the Go library doublestar (version 1) does. Pure.
 *
 * Libraries of npm give other answers: `a/**` is not `a`, `**.go` stays in one folder, and a
 * name that begins with a dot is as any other.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { ANY, matchesAll } from "./wildcards.ts";

/** A compiled glob: whether it matches a path with slashes. */
export type Glob = (path: string) => boolean;

/**
 * Compiles a glob: `*` and `?` within one name, `**` as a whole name for any folders, `[a-c]` and
 * `[^a-c]`, `{a,b}`, and `\` before a character that stands for itself.
 *
 * @throws {KodenoError} `BAD_OPTION` for a bracket or brace that is not closed, and the like
 *
 * @example
 * ```ts
 * import { compileGlob } from "./globs.ts";
 * const go = compileGlob("**\/*.go");
 * if (!go("main.go") || !go("cmd/app/main.go") || go("go.mod")) throw new Error();
 * ```
 */
export function compileGlob(glob: string): Glob {
  const bad = (why: string): KodenoError =>
    new KodenoError("BAD_OPTION", `Cannot use glob ${JSON.stringify(glob)}: ${why}`, { glob });
  const patterns = expandBraces(glob, bad).map((one) => patternOf(one, bad));
  return (path) => patterns.some((pattern) => pattern(path));
}

/** Puts `\` before the characters of a path that mean something in a glob. */
export function escapeGlob(path: string): string {
  return path.replaceAll(/[*?[\]{}\\]/g, "\\$&");
}

type Bad = (why: string) => KodenoError;

/** Stands for a `**` that is none: at the start of an alternative it is a `*`. */
const ONE_STAR = "\0";

/** Most globs that braces may stand for: each pair of them multiplies. */
const MAX_CHOICES = 1000;

/** One glob for each choice between braces. */
function expandBraces(glob: string, bad: Bad): readonly string[] {
  const open = indexOf(glob, "{");
  if (open < 0) return [glob];
  const { alternatives, end } = alternativesAt(glob, open, bad);
  const before = glob.slice(0, open);
  const after = glob.slice(end);
  const found: string[] = [];
  for (const one of alternatives) {
    const rest = one.replace(/^\*\*+/, ONE_STAR) + after;
    for (const choice of expandBraces(rest, bad)) found.push(before + choice);
    if (found.length > MAX_CHOICES) throw bad(`its braces stand for over ${MAX_CHOICES} globs`);
  }
  return found;
}

function alternativesAt(glob: string, open: number, bad: Bad) {
  const alternatives: string[] = [];
  let depth = 0;
  let start = open + 1;
  for (let i = open; i < glob.length; i++) {
    const char = glob[i];
    if (char === "\\") i++;
    else if (char === "{") depth++;
    else if (char === "," && depth === 1) {
      alternatives.push(glob.slice(start, i));
      start = i + 1;
    } else if (char === "}" && --depth === 0) {
      return { alternatives: [...alternatives, glob.slice(start, i)], end: i + 1 };
    }
  }
  throw bad('a "{" is not closed');
}

/** Where a character stands that no backslash and no bracket hides. */
function indexOf(glob: string, wanted: string): number {
  for (let i = 0; i < glob.length; i++) {
    if (glob[i] === wanted) return i;
    if (glob[i] === "\\") i++;
    else if (glob[i] === "[") i = classEnd(glob, i) ?? i;
  }
  return -1;
}

/** Index of the bracket that closes the one at `open`. */
function classEnd(glob: string, open: number): number | undefined {
  for (let i = open + 1; i < glob.length; i++) {
    if (glob[i] === "\\") i++;
    else if (glob[i] === "]") return i;
  }
  return undefined;
}

/** What stands for one character of a name. */
type OneOf = string | RegExp;
type Name = readonly (OneOf | typeof ANY)[];

/** A name for each part of a path; the last one of `a/**` is for what is there. */
function patternOf(glob: string, bad: Bad): (path: string) => boolean {
  const names = glob.split("/");
  const last = names.length - 1;
  const pattern = names.flatMap((name, i): readonly (Name | typeof ANY)[] => {
    if (name !== "**") return [nameOf(name, bad)];
    return i < last ? [ANY] : [[ANY], ANY];
  });
  return (path) =>
    matchesAll(pattern, path.split("/"), (name, part) => matchesAll(name, [...part], isOneOf));
}

function isOneOf(one: OneOf, char: string): boolean {
  return typeof one === "string" ? one === char : one.test(char);
}

/** One name of a path, between slashes. */
function nameOf(name: string, bad: Bad): Name {
  const found: (OneOf | typeof ANY)[] = [];
  for (let i = 0; i < name.length; i++) {
    // Both halves of a character beyond the first 65536.
    const char = String.fromCodePoint(name.codePointAt(i) ?? 0);
    if (char === "*" || char === ONE_STAR) found.push(ANY);
    else if (char === "?") found.push(/^/);
    else if (char === "[") {
      const end = classEnd(name, i);
      if (end === undefined) throw bad('a "[" is not closed');
      found.push(new RegExp(`^${classSource(name.slice(i + 1, end), bad)}$`, "su"));
      i = end;
    } else if (char === "\\") {
      const next = name[++i];
      if (next === undefined) throw bad("it ends in a backslash");
      found.push(next);
    } else {
      found.push(char);
      i += char.length - 1;
    }
  }
  return found;
}

function classSource(inside: string, bad: Bad): string {
  const not = inside.startsWith("^");
  const members = not ? inside.slice(1) : inside;
  const found = /^(?:(?:\\.|[^\\-])(?:-(?:\\.|[^\\-]))?)+$/su.test(members);
  if (!found) throw bad(`[${inside}] is not a set of characters`);
  const ranges = members.matchAll(/(\\.|[^\\-])(?:-(\\.|[^\\-]))?/gsu);
  const source = [...ranges].flatMap(([, low = "", high = low]) => {
    const [from, to] = [unescaped(low), unescaped(high)];
    if ((from.codePointAt(0) ?? 0) > (to.codePointAt(0) ?? 0)) return [];
    return from === to ? [literal(from)] : [`${literal(from)}-${literal(to)}`];
  }).join("");
  // What ends before it begins has no characters.
  if (source === "") return not ? "[^/]" : "[]";
  return not ? `[^/${source}]` : `(?!/)[${source}]`;
}

const unescaped = (char: string): string =>
  char.length > 1 && char[0] === "\\" ? char.slice(1) : char;

/** Characters that mean something in a regular expression, also within a class of it. */
function literal(char: string): string {
  return /[\\^$.*+?()[\]{}|/-]/.test(char) ? (char === "-" ? "\\x2d" : `\\${char}`) : char;
}
