/**
 * What options of a build say of images that are not to be built again. Nobody who builds all of them waits
 * for the code that compares them with a commit.
 * @module
 */
import type { UnchangedImages } from "../build/reuse.ts";
import type { CommandOptions } from "../config/options.ts";
import { KodenoError } from "../errors.ts";

/** What has to be built of what changes since a commit concern; nothing where no commit is named. */
export function unchangedImages(
  { affectedSince: since, reuse, ...options }: CommandOptions,
): UnchangedImages | undefined {
  if (since === undefined && reuse === undefined) return undefined;
  if (reuse !== undefined && options.debug) {
    const why = "images that were built before have no debugger; leave out one of both";
    throw new KodenoError("BAD_OPTION", `Cannot use --reuse ${reuse} with --debug: ${why}`);
  }
  if (since === undefined) {
    const message = `Cannot use --reuse ${reuse}: say with --affected-since the commit that its ` +
      "images are of";
    throw new KodenoError("BAD_OPTION", message);
  }
  const affected: UnchangedImages["affected"] = async (config, patterns, work) => {
    const { affectedSince } = await import("./affected.ts");
    const found = await affectedSince(config, patterns, { since, options }, work);
    return new Set(found.flatMap(({ importPath, why }) => why === undefined ? [] : [importPath]));
  };
  return { since, reuse, affected };
}
