/**
 * What built images are called: by their import paths, as ko has it. Pure.
 * @module
 */
import { createHash } from "node:crypto";
import { posix } from "node:path";
import type { Naming } from "../config/config.ts";
import { KodenoError } from "../errors.ts";
import { parseRepository } from "../oci/reference.ts";

/**
 * A name for each import path, without tag: in a repository by `naming`; `short` ones are the last
 * element of the path, or the md5 form for those where two would collide. Two images do not get one.
 */
export function planNames(
  importPaths: readonly string[],
  { repository, naming }: { readonly repository: string; readonly naming: Naming },
): ReadonlyMap<string, string> {
  const short = (path: string): string => posix.basename(path);
  // The last element, `-` and the md5 of the (lower-cased) import path: ko's default.
  const md5 = (path: string): string =>
    `${short(path)}-${createHash("md5").update(path).digest("hex")}`;
  const taken = Map.groupBy(importPaths, (path) => short(path.toLowerCase()));
  const suffixes: Record<Naming, (path: string) => string> = {
    bare: () => "",
    full: (path) => path,
    base: short,
    md5,
    short: (path) => (taken.get(short(path))?.length ?? 0) > 1 ? md5(path) : short(path),
  };
  const owners = new Map<string, string>();
  return new Map(importPaths.map((importPath) => {
    const name = posix.join(repository, suffixes[naming](importPath.toLowerCase()));
    const owner = owners.get(name);
    if (owner !== undefined) {
      throw new KodenoError(
        "BAD_OPTION",
        `Cannot name both ${owner} and ${importPath} ${JSON.stringify(name)}: build them one by ` +
          "one, or leave --bare and --base-import-paths out",
      );
    }
    owners.set(name, importPath);
    return [importPath, parseRepository(name)];
  }));
}
