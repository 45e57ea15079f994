/**
 * Files by globs, as Skaffold lists what `dependencies.paths` and `dependencies.ignore` name.
 * @module
 */
import { sep } from "node:path";
import { compileGlob, type Glob } from "../config/globs.ts";
import { listFiles, NoFileMatches } from "../config/skaffold/glob.ts";
import { KodenoError } from "../errors.ts";

/** Globs relative to a folder. */
export interface GlobOptions {
  /** What files are taken; a folder stands for all that is in it. */
  readonly paths?: readonly string[] | undefined;
  /** What is left out, be it a file or a folder. */
  readonly ignore?: readonly string[] | undefined;
}

/** Whether a path, or a folder it lies in, is matched by none of the globs. */
export function notIgnored(ignore: readonly string[]): Glob {
  const globs = ignore.map(compileGlob);
  return (path) => !prefixesOf(path).some((prefix) => globs.some((glob) => glob(prefix)));
}

/**
 * Lists files, relative to the folder, with slashes, sorted, each once.
 *
 * @param root absolute
 * @throws {KodenoError} `BAD_OPTION` for a glob that cannot be read, or that matches nothing, as in
 * Skaffold
 */
export async function globFiles(
  root: string,
  { paths = [], ignore = [] }: GlobOptions,
): Promise<readonly string[]> {
  paths.forEach(compileGlob);
  try {
    const files = await listFiles(root, paths, ignore);
    return files.map((file) => file.split(sep).join("/"));
  } catch (error) {
    if (!(error instanceof NoFileMatches)) throw error;
    throw new KodenoError(
      "BAD_OPTION",
      `Cannot list files of ${JSON.stringify(error.pattern)}: it matches nothing in ${root}` +
        (/\*\*[^/]|[^/]\*\*/.test(error.pattern)
          ? '; "**" stands for folders only as a whole name, as in "**/*.go"'
          : ""),
    );
  }
}

/** `a`, `a/b` and `a/b/c` of `a/b/c`. */
function prefixesOf(path: string): readonly string[] {
  const names = path.split("/");
  return names.map((_, i) => names.slice(0, i + 1).join("/"));
}
