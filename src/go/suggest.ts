/**
 * What was meant by a pattern that leads to no main package: those below it, one whose name is spelt
 * much the same, or all there are.
 * @module
 */
import { basename, isAbsolute, join, resolve } from "node:path";
import { PASSED_OVER } from "../config/checks.ts";
import { hasCode, KodenoError, nearest } from "../errors.ts";
import { entriesIn, findUp, isInside } from "../io/files.ts";
import type { GoCommand } from "./command.ts";
import {
  cleanPattern,
  folderPattern,
  isLocalPattern,
  isWildcard,
  listPackages,
  noModule,
  withoutVersion,
} from "./list.ts";

/** How far modules are looked for below the working directory, in how many folders, and how many. */
const DEPTH = 4;
const MOST_FOLDERS = 2000;
const MOST_MODULES = 20;
/** Main packages that are named in one line. */
const MOST_NAMED = 8;

/** A main package that may have been meant. */
interface Candidate {
  readonly importPath: string;
  /** Its own, absolute, and that of its module. */
  readonly folder: string;
  readonly module: string;
}

/** Completes an error whose detail says a pattern, and the directory that it is relative to. */
export async function withSuggestion(
  error: unknown,
  how: GoCommand,
  listFlags: () => Promise<readonly string[]>,
): Promise<unknown> {
  if (!(error instanceof KodenoError)) return error;
  const { code, message, detail: { pattern, directory } } = error;
  if (typeof pattern !== "string" || typeof directory !== "string") return error;
  const candidates = await findCandidates(how, await listFlags());
  const next = candidates.length === 0
    ? withoutAny(how.directory)
    : suggestion(pattern, directory, how.directory, candidates);
  if (message.endsWith(next)) return error;
  return new KodenoError(code, `${message}; ${next}`, { pattern }, { cause: error });
}

/** What to say where there is no main package. */
function withoutAny(directory: string): string {
  if (findUp(directory, "go.mod") !== undefined) return "name a folder with a main package";
  return noModule(directory);
}

/** What to say where there are main packages. */
function suggestion(
  pattern: string,
  directory: string,
  workingDirectory: string,
  candidates: readonly Candidate[],
): string {
  const isLocal = isLocalPattern(pattern) || isAbsolute(pattern);
  const [first] = pattern.split("/");
  const nameOf = ({ importPath, folder }: Candidate): string => {
    if (!isLocal && importPath.split("/")[0] === first) return importPath;
    return folderPattern(workingDirectory, folder);
  };
  const list = (some: readonly Candidate[], word: string): string => {
    const names = some.slice(0, MOST_NAMED).map((one) => JSON.stringify(nameOf(one)));
    const more = some.length - names.length;
    if (more > 0) return `${names.join(", ")} and ${more} more`;
    return names.join(", ").replace(/, (?=[^,]*$)/, ` ${word} `);
  };
  const folder = isLocal && !isWildcard(pattern) ? resolve(directory, pattern) : undefined;
  const below = candidates.filter((one) => folder !== undefined && isInside(folder, one.folder));
  if (folder !== undefined && below.length > 0) {
    // The dots of go do not lead into other modules.
    const module = findUp(folder, "go.mod");
    const dots = JSON.stringify(folderPattern(workingDirectory, join(folder, "...")));
    const all = below.every((one) => one.module === module) ? `, or ${dots} for all` : "";
    const [are, name] = below.length === 1 ? ["is", "name it"] : ["are", "name one of them"];
    return `below it there ${are} ${list(below, "and")}; ${name}${all}`;
  }
  const near = isWildcard(pattern) ? [] : alike(pattern, candidates);
  if (near.length > 0) return `did you mean ${list(near, "or")}?`;
  const [are, packages] = candidates.length === 1
    ? ["is", "a main package"]
    : ["are", "main packages"];
  return `there ${are} ${packages} in ${list(candidates, "and")}`;
}

/** Those whose last element is that of a word, or nearly; of several, those that share most others. */
function alike(word: string, candidates: readonly Candidate[]): readonly Candidate[] {
  const elements = elementsOf(word);
  const lastOf = (path: string): string => elementsOf(path).at(-1) ?? "";
  const of = (name: string | undefined): readonly Candidate[] =>
    candidates.filter((one) => name === lastOf(one.importPath) || name === basename(one.folder));
  const wanted = lastOf(word);
  const same = of(wanted);
  const names = candidates.map(({ importPath }) => lastOf(importPath));
  const found = same.length > 0 ? same : of(nearest(wanted, names));
  const shared = found.map(({ importPath }) =>
    elementsOf(importPath).filter((one) => elements.includes(one)).length
  );
  return found.filter((_, i) => shared[i] === Math.max(...shared));
}

/** The elements of a path but for a version at its end. */
function elementsOf(path: string): readonly string[] {
  return withoutVersion(cleanPattern(path)).split(/[/\\]/).filter((one) => one !== "");
}

/** The main packages of the module or the workspace here, and of modules below. */
async function findCandidates(
  how: GoCommand,
  flags: readonly string[],
): Promise<readonly Candidate[]> {
  const own = findUp(how.directory, "go.mod");
  const modules = [...own === undefined ? [] : [own], ...await modulesBelow(how.directory)];
  const found = new Map<string, Candidate>();
  for (const module of new Set(modules.slice(0, MOST_MODULES))) {
    // One that go cannot read has none to offer.
    const listed = await listPackages(how, flags, { directory: module, patterns: ["./..."] }).catch(
      (error) => {
        if (hasCode(error, "BAD_PACKAGE")) return [];
        throw error;
      },
    );
    for (const { ImportPath: importPath, Name, Dir: folder } of listed) {
      if (Name === "main" && folder !== undefined) {
        found.set(folder, { importPath, folder, module });
      }
    }
  }
  return [...found.values()];
}

/** Folders with a `go.mod`, the nearest first. */
async function modulesBelow(root: string): Promise<readonly string[]> {
  const modules: string[] = [];
  let left = MOST_FOLDERS;
  let level = [root];
  for (let depth = 0; depth <= DEPTH; depth++) {
    const next: string[] = [];
    for (const folder of level) {
      if (left-- <= 0) return modules;
      for (const { name, isDirectory } of await entriesIn(folder)) {
        if (name === "go.mod") modules.push(folder);
        if (isDirectory && !PASSED_OVER.test(name)) next.push(join(folder, name));
      }
    }
    level = next.sort();
  }
  return modules;
}
