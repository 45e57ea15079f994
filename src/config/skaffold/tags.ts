/**
 * Tags by Skaffold's policies (https://skaffold.dev/docs/taggers/).
 * @module
 */
import { createHash } from "node:crypto";
import { isAbsolute, join, relative, resolve } from "node:path";
import { formatGoTime } from "../../template/go_time.ts";
import { compileTemplate } from "../../template/template.ts";
import { listFiles } from "../../io/globs.ts";
import { type AskableWorld, expandTemplate } from "./expand.ts";
import type { TagPolicy } from "./schema.ts";

/** What tags are made of; all but the policy itself comes from outside. */
export interface TagSources {
  /** The tag of a folder by git; see `gitCommitTag` of `src/git`. */
  readonly gitTag: (how: GitTagOptions) => Promise<string>;
  /** See `inputDigest`. */
  readonly inputDigest: () => Promise<string>;
  readonly now: () => Date;
  readonly world: AskableWorld;
}

/** The fields of `gitCommit`, and the folder they are asked of. */
export interface GitTagOptions {
  readonly directory: string;
  readonly variant?: string | undefined;
  readonly prefix?: string | undefined;
  readonly ignoreChanges?: boolean | undefined;
}

/** What a tag is made for. */
interface Tagged {
  /** As in the file. */
  readonly imageName: string;
  /** Absolute. */
  readonly context: string;
}

const DEFAULT_FORMAT = "2006-01-02_15-04-05.999_MST";

/**
 * Makes the tag of an image.
 *
 * @throws {Error} where the policy comes to nothing: no repository, a variable that is not set
 */
export async function makeTag(
  policy: TagPolicy,
  image: Tagged,
  sources: TagSources,
): Promise<string> {
  const { envTemplate, sha256, gitCommit, dateTime, inputDigest, customTemplate } = policy;
  if (envTemplate !== undefined) {
    const values = { IMAGE_NAME: image.imageName };
    return await expandTemplate(envTemplate.template, "envTemplate", values, sources.world);
  }
  // Skaffold's name for a tag that says nothing.
  if (sha256 !== undefined) return "latest";
  if (gitCommit !== undefined) {
    return await sources.gitTag({ directory: image.context, ...gitCommit });
  }
  if (dateTime !== undefined) {
    const { format = "", timezone = "" } = dateTime;
    return formatGoTime(sources.now(), format || DEFAULT_FORMAT, timezone || "Local");
  }
  if (inputDigest !== undefined) return await sources.inputDigest();
  if (customTemplate !== undefined) return await customTag(customTemplate, image, sources);
  return await sources.gitTag({ directory: image.context });
}

/** What a customTemplate may name without saying what it is. */
const COMPONENTS: Readonly<Record<string, TagPolicy>> = {
  GIT: { gitCommit: {} },
  DATE: { dateTime: {} },
  SHA: { sha256: {} },
  INPUT_DIGEST: { inputDigest: {} },
};

async function customTag(
  { template, components = [] }: NonNullable<TagPolicy["customTemplate"]>,
  image: Tagged,
  sources: TagSources,
): Promise<string> {
  const compiled = compileTemplate(template, "customTemplate", { functions: new Map() });
  const values: Record<string, string> = {};
  for (const name of compiled.fieldNames()) {
    const { name: _, ...own } = components.find((one) => one.name === name) ?? { name };
    const policy = Object.keys(own).length > 0 ? own : COMPONENTS[name];
    if (policy === undefined) throw new Error(`customTemplate has no component ${name}`);
    values[name] = await makeTag(policy, image, sources);
  }
  return compiled.run(values);
}

/** What files are looked for. */
interface DigestInput {
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
 * @throws {NoFileMatches} and the signal's reason when aborted
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
