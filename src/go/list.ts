/**
 * What the go command knows: its own environment, packages that patterns match, which of these are
 * main packages, and where it has to run for a pattern: a folder that belongs to another module than
 * the working directory is built from that module's root.
 * @module
 */
import { dirname, isAbsolute, posix, relative, resolve, sep } from "node:path";
import { koPath } from "../config/checks.ts";
import { KodenoError } from "../errors.ts";
import { findUp, isFolder, isInside } from "../io/files.ts";
import { withNextStep } from "./advice.ts";
import { type GoCommand, goFailure, runGo } from "./command.ts";

/** Flags of `go build` that decide which files and modules are seen, so `go list` needs them too. */
const LIST_FLAGS = new Set(["tags", "mod", "modfile", "overlay"]);

/** Those of the flags of `go build` that `go list` needs, too. */
export function selectListFlags(flags: readonly string[]): readonly string[] {
  return flags.flatMap((flag, i) => {
    const [, name = "", value] = /^--?([a-z]+)(=.*)?$/s.exec(flag) ?? [];
    if (!LIST_FLAGS.has(name)) return [];
    if (value !== undefined) return [flag];
    const next = flags[i + 1];
    return next === undefined ? [] : [flag, next];
  });
}

/** Patterns for one run of `go list`, and its folder. */
type PatternGroup = Pick<GoCommand, "directory"> & Pick<ListQuery, "patterns">;

/** A package as `go list -e -json` tells it; see `go help list`. */
export interface ListedPackage {
  readonly ImportPath: string;
  readonly Name?: string;
  readonly Dir?: string;
  readonly Match?: readonly string[];
  readonly Error?: { readonly Err: string };
}

/** A main package. */
export interface MainPackage {
  readonly importPath: string;
  /** Folder of its Go files; `kodata` is looked for in it. */
  readonly packageDirectory: string;
  /** Folder that `go` runs in. */
  readonly directory: string;
}

/** Whether a pattern may match several packages. */
export function isWildcard(pattern: string): boolean {
  return pattern.includes("...");
}

/**
 * The error for a pattern that leads to no main package; with the directory that it is relative to,
 * where another pattern may have been meant.
 */
function badPattern(pattern: string, why: string, directory?: string): KodenoError {
  const message = `Cannot build ${JSON.stringify(pattern)}: ${why}`;
  const from = directory === undefined ? {} : { directory };
  return new KodenoError("BAD_PACKAGE", message, { pattern, ...from });
}

/**
 * The main packages that patterns name, in the order of the patterns, each once. A pattern with `...`
 * may match others beside; one without that names no main package is `BAD_PACKAGE`.
 */
export function selectMains(
  { directory, patterns }: PatternGroup,
  listed: readonly ListedPackage[],
): readonly MainPackage[] {
  const mains = new Map<string, MainPackage>();
  for (const pattern of patterns) {
    const matched = listed.filter((p) => p.Match?.includes(pattern));
    const found = matched.filter((p) => p.Name === "main" && p.Dir !== undefined);
    if (found.length === 0) throw badPattern(pattern, noMain(pattern, matched), directory);
    for (const { ImportPath: importPath, Dir: packageDirectory = "" } of found) {
      mains.set(importPath, { importPath, packageDirectory, directory });
    }
  }
  return [...mains.values()];
}

/**
 * Refuses packages that match a pattern with `...` and of which go cannot say what they are, rather
 * than leaving them out: each of them may be a main package.
 */
export function refuseUnreadable(group: PatternGroup, listed: readonly ListedPackage[]): void {
  for (const { ImportPath, Name, Error, Match = [] } of listed) {
    const pattern = Match.find((one) => isWildcard(one) && group.patterns.includes(one));
    if (pattern === undefined || Name || Error === undefined) continue;
    const why = `package ${ImportPath} cannot be read: ${withNextStep(Error.Err)}`;
    // go gives the pattern back where there is nothing that it could match.
    throw badPattern(pattern, why, ImportPath === pattern ? group.directory : undefined);
  }
}

/** Why a pattern names no main package. */
function noMain(pattern: string, [first]: readonly ListedPackage[]): string {
  if (isWildcard(pattern)) return "it matches no main package";
  if (first === undefined) return "it matches no package";
  if (first.Error?.Err) return withNextStep(first.Error.Err);
  return `package ${first.ImportPath} is not main but ${first.Name || "without Go files"}`;
}

/** Lists the packages of patterns, without what they depend on. */
export async function listPackages(
  how: GoCommand,
  flags: readonly string[],
  { directory, patterns }: PatternGroup,
): Promise<readonly ListedPackage[]> {
  const found: ListedPackage[] = [];
  const fields = ["ImportPath", "Name", "Dir", "Match", "Error"];
  // It leaves out what they depend on.
  const query = { more: ["-find"], fields, flags, patterns };
  await listObjects({ ...how, directory }, query, (text) => found.push(JSON.parse(text)));
  return found;
}

/** What one run of `go list` is asked. */
export interface ListQuery {
  /** More flags of its own. */
  readonly more: readonly string[];
  readonly fields: readonly string[];
  /** Flags of `go build`. */
  readonly flags: readonly string[];
  readonly patterns: readonly string[];
}

/**
 * Runs `go list`; `take` gets the JSON of each package while it comes.
 *
 * @throws {KodenoError} `BAD_PACKAGE` when go cannot read the module, `GO_FAILED` without go
 */
export async function listObjects(
  how: GoCommand,
  query: ListQuery,
  take: (text: string) => void,
): Promise<void> {
  const splitter = new ObjectSplitter(take);
  const { code, stderr } = await runGo(how, listArguments(query), (text) => splitter.add(text));
  if (code === 0) return;
  const why = withNextStep(stderr).replace(/^go: /, "");
  const what = `${query.patterns.join(" ")} in ${how.directory}`;
  throw new KodenoError("BAD_PACKAGE", `Cannot list ${what}: ${why}`);
}

/** Arguments of `go list`. */
export function listArguments({ more, fields, flags, patterns }: ListQuery): readonly string[] {
  const json = `-json=${fields.join(",")}`;
  return ["list", "-e", ...more, json, ...selectListFlags(flags), "--", ...patterns];
}

/** Most characters that go says of one package; the largest name some thousand files. */
const MAX_OBJECT = 16 * 1024 * 1024;

/** Cuts what `go list -json` prints, one indented object after the other, while it comes. */
export class ObjectSplitter {
  #rest = "";

  constructor(readonly take: (text: string) => void) {}

  /** Adds a piece of the text, wherever it was cut. */
  add(text: string): void {
    this.#rest += text;
    let start = 0;
    for (let end; (end = this.#rest.indexOf("\n}\n", start)) >= 0; start = end + 3) {
      this.take(this.#rest.slice(start, end + 2));
    }
    this.#rest = this.#rest.slice(start);
    if (this.#rest.length > MAX_OBJECT) {
      throw new KodenoError("GO_FAILED", "Cannot run go list: it prints an object without end");
    }
  }
}

/** Values of `go env`, with what `go env -w` has set; all of them unless names are given. */
export async function goEnvironment<N extends string>(
  how: GoCommand,
  names: readonly N[] = [],
): Promise<Readonly<Record<N, string>>> {
  const output = await runGo(how, ["env", "-json", ...names]);
  if (output.code !== 0) throw goFailure("read go's environment", output);
  return JSON.parse(output.stdout);
}

/**
 * Groups patterns by the folder `go` has to run in. Import paths (with or without `ko://`) belong
 * to the working directory; `./path`, `../path`, absolute paths and names of existing folders to
 * the module they lie in; no pattern stands for `.`.
 *
 * @throws {KodenoError} `BAD_PACKAGE` when a path is not a folder, or in no module
 */
export async function groupPatterns(
  workingDirectory: string,
  patterns: readonly string[],
): Promise<readonly PatternGroup[]> {
  const module = findUp(workingDirectory, "go.mod");
  const workspace = findUp(workingDirectory, "go.work");
  const placed = await Array.fromAsync(
    patterns.length > 0 ? patterns : ["."],
    (given) => place(cleanPattern(koPath(given) ?? given), workingDirectory, module, workspace),
  );
  return [...Map.groupBy(placed, (one) => one.directory)].map(([directory, group]) => ({
    directory,
    patterns: [...new Set(group.map(({ pattern }) => pattern))],
  }));
}

/** Whether a pattern names folders by a path from the current one, as ko has it. */
export function isLocalPattern(pattern: string): boolean {
  return /^\.{1,2}([/\\]|$)/.test(pattern);
}

/**
 * A pattern as go writes it in what it matches: no slash twice or at the end, no `.` or `..` on the
 * way; a leading `./` stays.
 */
export function cleanPattern(pattern: string): string {
  if (pattern === "") return pattern;
  const clean = posix.normalize(pattern).replace(/(?<=.)\/$/, "");
  return isLocalPattern(pattern) && !isLocalPattern(clean) ? `./${clean}` : clean;
}

/** An import path without the major version at its end. */
export function withoutVersion(importPath: string): string {
  return importPath.replace(/(?<=.)\/v\d+$/, "");
}

/** What to say of a folder that is in no module. */
export function noModule(folder: string): string {
  return `there is no go.mod in ${folder} or above; run "go mod init" there`;
}

/** How a folder is named from another one: `.`, `./cmd/app`, `../app`. */
export function folderPattern(directory: string, path: string): string {
  const from = relative(directory, path).split(sep).join("/");
  if (from === "") return ".";
  return isInside(directory, path) ? `./${from}` : from;
}

/** The folder that go runs in for a pattern, and the pattern from there. */
async function place(
  pattern: string,
  workingDirectory: string,
  ownModule: string | undefined,
  workspace: string | undefined,
) {
  if (pattern === "") throw badPattern(pattern, "it is empty; name an import path or a folder");
  if (/\s/.test(pattern) || pattern.startsWith("-")) {
    throw badPattern(pattern, "it is neither an import path nor a folder");
  }
  // What stands before a wildcard has to be a folder: "./cmd/..." lies in "./cmd".
  const wild = pattern.indexOf("...");
  const fixed = wild < 0 ? pattern : pattern.slice(0, wild).replace(/[^/\\]*$/, "") || ".";
  const path = resolve(workingDirectory, fixed);
  const info = await Deno.stat(path).catch(() => undefined);
  const local = isLocalPattern(pattern) || isAbsolute(pattern);
  // "cmd/app" is a folder where there is one; "example.com/app" always is an import path.
  const bare = !local && wild !== 0 && info?.isDirectory === true &&
    !pattern.split("/")[0]?.includes(".");
  // go takes such a file for a package of its own.
  const above = dirname(path);
  const named = info?.isFile || pattern.endsWith(".go") && !info && isFolder(above);
  if (named && (local || pattern.endsWith(".go"))) {
    const name = JSON.stringify(folderPattern(workingDirectory, above));
    const why = info ? "it is a file" : "there is no such file";
    throw badPattern(pattern, `${why}; name its folder, ${name}`);
  }
  if (!local && !bare) return { directory: workingDirectory, pattern };
  if (!info?.isDirectory) throw badPattern(pattern, "there is no such folder", workingDirectory);

  const module = findUp(path, "go.mod");
  const inside = workspace !== undefined && isInside(workspace, path);
  if (module === undefined && !inside) {
    throw badPattern(pattern, noModule(path), workingDirectory);
  }
  const isOwn = module === undefined || inside || module === ownModule;
  const directory = isOwn ? workingDirectory : module;
  const rest = wild < 0 ? "" : pattern.slice(fixed === "." && !local ? 0 : fixed.length);
  const prefix = folderPattern(directory, path);
  return { directory, pattern: rest === "" ? prefix : `${prefix}/${rest}` };
}
