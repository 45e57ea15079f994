/**
 * The tag of Skaffold's inputDigest policy: a hash of the names and contents of the files that an
 * artifact, and those it requires, depend on.
 * @module
 */
import { createHash } from "node:crypto";
import { isAbsolute, join, relative, resolve } from "node:path";
import { listFiles } from "../globs.ts";

/** What files are looked for. */
export interface DigestInput {
  /** The context as Skaffold has it: relative to the working directory, or absolute. */
  readonly workspace: string;
  readonly paths: readonly string[];
  readonly ignore: readonly string[];
}

/** What Skaffold takes for an artifact that says nothing. */
export const DEFAULT_DIGEST_PATHS: readonly string[] = ["**/*.go"];

/**
 * Makes the tag: 64 hex digits.
 *
 * @param workingDirectory what relative contexts are relative to
 * @param inputs the artifact itself, then those that it requires
 * @throws {KodenoError} as `listFiles`, and the signal's reason when aborted
 */
export async function inputDigest(
  workingDirectory: string,
  inputs: readonly [DigestInput, ...DigestInput[]],
  signal?: AbortSignal,
): Promise<string> {
  // The same artifact may be required often, and its files then count as often.
  const listed = new Map<string, readonly string[]>();
  const files: string[] = [];
  for (const input of inputs) {
    signal?.throwIfAborted();
    const key = JSON.stringify(input);
    const { workspace, paths, ignore } = input;
    const names = listed.get(key) ??
      await listFiles(resolve(workingDirectory, workspace), { paths, ignore });
    listed.set(key, names);
    files.push(...names.map((name) => join(workspace, name)));
  }
  files.sort();
  const hashes: string[] = [];
  for (const [i, file] of files.entries()) {
    const before = file === files[i - 1] ? hashes.at(-1) : undefined;
    const name = hashedName(inputs[0].workspace, file);
    hashes.push(before ?? await hashFile(resolve(workingDirectory, file), name, signal));
  }
  // Go's encoder writes a list of nothing as null, and a line feed behind all.
  const text = hashes.length === 0 ? "null" : JSON.stringify(hashes);
  return createHash("sha256").update(`${text}\n`).digest("hex");
}

/** The name does not depend on where the workspace is, unless Skaffold itself knows no better. */
function hashedName(workspace: string, file: string): string {
  return isAbsolute(workspace) === isAbsolute(file) ? relative(workspace, file) : file;
}

async function hashFile(path: string, name: string, signal?: AbortSignal): Promise<string> {
  signal?.throwIfAborted();
  const hash = createHash("md5").update(name);
  if ((await Deno.lstat(path)).isFile) {
    using file = await Deno.open(path);
    for await (const chunk of file.readable) {
      signal?.throwIfAborted();
      hash.update(chunk);
    }
  }
  return hash.digest("hex");
}
