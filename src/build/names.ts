/**
 * Names of images from import paths, by ko's rules.
 * @module
 */
import { createHash } from "node:crypto";
import { posix } from "node:path";
import type { PublishConfig } from "../config/config.ts";
import { KodenoError } from "../errors.ts";
import { parseRepository } from "../oci/reference.ts";

/** What names depend on. */
export type NameConfig = Pick<PublishConfig, "repository" | "naming">;

/** The last element, `-` and the md5 of the (lower-cased) import path: ko's default. */
function withMd5(path: string): string {
  return `${posix.basename(path)}-${createHash("md5").update(path).digest("hex")}`;
}

/**
 * A name for each import path, without tag. Pure.
 *
 * With a repository the name follows `naming`; without one (`short`) it is the last element of the
 * import path, or the md5 form for those where two would collide.
 *
 * @throws {KodenoError} `BAD_OPTION` when two images would get one name, `BAD_REFERENCE` when an
 * import path makes no valid name
 *
 * @example
 * ```ts
 * import { planNames } from "./names.ts";
 * const names = planNames(["example.com/a/server"], { repository: "reg.local/x", naming: "base" });
 * if (names.get("example.com/a/server") !== "reg.local/x/server") throw new Error();
 * ```
 */
export function planNames(
  importPaths: readonly string[],
  { repository, naming }: NameConfig,
): ReadonlyMap<string, string> {
  const short = (path: string): string => posix.basename(path);
  const taken = Map.groupBy(importPaths, (path) => short(path.toLowerCase()));
  const suffix = (path: string): string => {
    switch (naming) {
      case "bare":
        return "";
      case "full":
        return path;
      case "base":
        return short(path);
      case "md5":
        return withMd5(path);
      case "short":
        return (taken.get(short(path))?.length ?? 0) > 1 ? withMd5(path) : short(path);
    }
  };
  const names = new Map<string, string>();
  const owners = new Map<string, string>();
  for (const importPath of importPaths) {
    const name = posix.join(repository, suffix(importPath.toLowerCase()));
    const owner = owners.get(name);
    if (owner !== undefined) {
      throw new KodenoError(
        "BAD_OPTION",
        `Cannot name both ${owner} and ${importPath} ${
          JSON.stringify(name)
        }: build them one by one, ` +
          "or leave --bare and --base-import-paths out",
      );
    }
    owners.set(name, importPath);
    names.set(importPath, parseRepository(name));
  }
  return names;
}
