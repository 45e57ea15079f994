/**
 * Where `go` has to run for a pattern: a folder that belongs to another module than the working
 * directory is built from that module's root.
 * @module
 */
import { isAbsolute, relative, resolve, sep } from "node:path";
import { findUp } from "../io/fail.ts";
import { badPattern, type PatternGroup } from "./list.ts";

/** Whether a relative path leads out of the folder it starts in. */
function leadsOut(way: string): boolean {
  return way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way);
}

/**
 * Groups patterns by the folder `go` has to run in. Import paths (with or without `ko://`) belong
 * to the working directory; `./path`, `../path`, absolute paths and names of existing folders to
 * the module they lie in.
 *
 * @param workingDirectory absolute
 * @param patterns what the user named; none stands for `.`
 * @throws {KodenoError} `BAD_PACKAGE` when a path is not a folder, or in no module
 */
export async function groupPatterns(
  workingDirectory: string,
  patterns: readonly string[],
): Promise<readonly PatternGroup[]> {
  const groups = new Map<string, Set<string>>();
  for (const given of patterns.length > 0 ? patterns : ["."]) {
    const { directory, pattern } = await place(workingDirectory, given.replace(/^ko:\/\//, ""));
    const group = groups.get(directory) ?? new Set();
    groups.set(directory, group.add(pattern));
  }
  return [...groups].map(([directory, set]) => ({ directory, patterns: [...set] }));
}

interface Placed {
  readonly directory: string;
  readonly pattern: string;
}

async function place(workingDirectory: string, pattern: string): Promise<Placed> {
  if (pattern === "") throw badPattern(pattern, "it is empty; name an import path or a folder");
  if (/\s/.test(pattern) || pattern.startsWith("-")) {
    throw badPattern(pattern, "it is neither an import path nor a folder");
  }
  // What stands before a wildcard has to be a folder: "./cmd/..." lies in "./cmd".
  const wild = pattern.indexOf("...");
  const fixed = wild < 0 ? pattern : pattern.slice(0, wild).replace(/[^/\\]*$/, "") || ".";
  const path = resolve(workingDirectory, fixed);
  const info = await Deno.stat(path).catch(() => undefined);
  const local = /^\.{1,2}([/\\]|$)/.test(pattern) || isAbsolute(pattern);
  // "cmd/app" is a folder where there is one; "example.com/app" always is an import path.
  const bare = !local && wild !== 0 && info?.isDirectory === true &&
    !pattern.split("/")[0]?.includes(".");
  if (!local && !bare) return { directory: workingDirectory, pattern };
  if (info === undefined) throw badPattern(pattern, "there is no such folder");
  if (!info.isDirectory) throw badPattern(pattern, "it is a file; name its folder");

  const module = await findUp(path, "go.mod");
  const workspace = await findUp(workingDirectory, "go.work");
  const inside = workspace !== undefined && !leadsOut(relative(workspace, path));
  const home = inside || module === await findUp(workingDirectory, "go.mod");
  if (module === undefined && !inside) {
    throw badPattern(pattern, `there is no go.mod in ${path} or above; run "go mod init" there`);
  }
  const directory = home || module === undefined ? workingDirectory : module;
  const rest = wild < 0 ? "" : pattern.slice(fixed === "." && !local ? 0 : fixed.length);
  const way = relative(directory, path);
  const from = way.split(sep).join("/");
  const prefix = from === "" ? "." : leadsOut(way) ? from : `./${from}`;
  return { directory, pattern: rest === "" ? prefix : `${prefix}/${rest}` };
}
