/**
 * Which of the outputs that a user named is the standard output: what else a command prints then has to
 * go elsewhere.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { isStdout } from "../io/output.ts";

/**
 * Finds the output that is the standard output, be it as `-`, as `/dev/stdout` or by a link.
 *
 * @param outputs paths by what names them: `--tarball`
 * @returns what names it
 * @throws {KodenoError} `BAD_OPTION` when there are two
 */
export async function outputOnStdout(
  outputs: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  let found: string | undefined;
  for (const [what, path] of Object.entries(outputs)) {
    if (!path || !(await isStdout(path))) continue;
    if (found !== undefined) {
      const why = "both would go to stdout; name a file for one of them";
      throw new KodenoError("BAD_OPTION", `Cannot write ${found} and ${what}: ${why}`);
    }
    found = what;
  }
  return found;
}
