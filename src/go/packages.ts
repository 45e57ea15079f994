/**
 * From what `go list` says of the patterns to the main packages they name. Pure.
 * @module
 */
import { KodenoError } from "../errors.ts";

/** Patterns for one run of `go list`. */
export interface PatternGroup {
  /** Folder that `go` runs in: the working directory, or the root of another module. */
  readonly directory: string;
  readonly patterns: readonly string[];
}

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

const isWildcard = (pattern: string): boolean => pattern.includes("...");

function bad(pattern: string, why: string): KodenoError {
  return new KodenoError("BAD_PACKAGE", `Cannot build ${JSON.stringify(pattern)}: ${why}`, {
    pattern,
  });
}

/**
 * The main packages that patterns name, in the order of the patterns, each once.
 * A pattern with `...` may match others beside; one without has to name a main package.
 *
 * @throws {KodenoError} `BAD_PACKAGE` when a pattern names none, or a package that is not main
 */
export function selectMains(
  group: PatternGroup,
  listed: readonly ListedPackage[],
): readonly MainPackage[] {
  const mains = new Map<string, MainPackage>();
  for (const pattern of group.patterns) {
    const matched = listed.filter((p) => p.Match?.includes(pattern));
    const found = matched.filter((p) => p.Name === "main" && p.Dir !== undefined);
    if (found.length === 0) throw noMain(pattern, matched);
    for (const { ImportPath, Dir = "" } of found) {
      mains.set(ImportPath, {
        importPath: ImportPath,
        packageDirectory: Dir,
        directory: group.directory,
      });
    }
  }
  return [...mains.values()];
}

/**
 * Refuses packages that match a pattern with `...` and of which go cannot say what they are, rather
 * than leaving them out: each of them may be a main package.
 *
 * @throws {KodenoError} `BAD_PACKAGE` for the first of them
 */
export function refuseUnreadable(group: PatternGroup, listed: readonly ListedPackage[]): void {
  for (const { ImportPath, Name, Error, Match = [] } of listed) {
    const pattern = Match.find((one) => isWildcard(one) && group.patterns.includes(one));
    if (pattern === undefined || Name || Error === undefined) continue;
    throw bad(pattern, `package ${ImportPath} cannot be read: ${oneLine(Error.Err)}`);
  }
}

// go's advice is on lines of its own; an error here is one line.
const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim();

function noMain(pattern: string, matched: readonly ListedPackage[]): KodenoError {
  if (isWildcard(pattern)) return bad(pattern, "it matches no main package");
  const [first] = matched;
  if (first === undefined) return bad(pattern, "it matches no package");
  const error = oneLine(first.Error?.Err ?? "");
  if (error) return bad(pattern, error);
  return bad(
    pattern,
    `package ${first.ImportPath} is not main but ${first.Name || "without Go files"}; ` +
      "name a folder with a main package, or use ./... for all",
  );
}
