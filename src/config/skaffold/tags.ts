/**
 * What tags by Skaffold's policies are made of (https://skaffold.dev/docs/taggers/): templates of a
 * skaffold.yaml, and digests of files.
 * @module
 */
import { createHash } from "node:crypto";
import { isAbsolute, join, relative, resolve } from "node:path";
import { KodenoError } from "../../errors.ts";
import { getOrSet } from "../../io/concurrency.ts";
import { listFiles } from "../../io/globs.ts";
import { skaffoldFunctions, type SkaffoldWorld } from "../../template/skaffold_functions.ts";
import { compileTemplate } from "../../template/template.ts";
import { isTemplate } from "../checks.ts";

/** Runs a program for `cmd` of templates and gives what it prints; fails with an Error. */
export type RunForTemplate = (name: string, args: readonly string[]) => Promise<string>;

/**
 * Fills in a template, which errors call `where`, from values, which beat the environment. ko's
 * `.Env.NAME` is read as `.NAME`, as Skaffold does it; a value that is not there is an error, unless
 * the template itself says what stands for it (`default "x" .NAME`).
 */
export async function expandTemplate(
  text: string,
  where: string,
  values: Readonly<Record<string, string>>,
  world: Omit<SkaffoldWorld, "run">,
  run: RunForTemplate | undefined,
): Promise<string> {
  if (!isTemplate(text)) return text;
  if (run === undefined) return expandNow(text, where, values, world);
  const results = new Map<string, PromiseSettledResult<string>>();
  // Templates do not wait: where one asks for a program, it is run, and then all begins anew.
  for (;;) {
    let missing: Parameters<RunForTemplate> | undefined;
    const answer = (...call: Parameters<RunForTemplate>): string => {
      const result = results.get(JSON.stringify(call));
      if (result?.status === "fulfilled") return result.value;
      if (result === undefined) missing = call;
      throw result?.reason ?? new Error("it is being run");
    };
    try {
      return expandNow(text, where, values, { ...world, run: answer });
    } catch (error) {
      if (missing === undefined) throw error;
      const [result] = await Promise.allSettled([run(...missing)]);
      results.set(JSON.stringify(missing), result);
    }
  }
}

function expandNow(
  text: string,
  where: string,
  values: Readonly<Record<string, string>>,
  world: SkaffoldWorld,
): string {
  const functions = skaffoldFunctions(world);
  const fill = (missingKey: "nothing" | "error"): string =>
    compileTemplate(text.replaceAll("{{.Env.", "{{."), where, { functions, missingKey })
      .run({ ...world.environment, ...values });
  const expanded = fill("nothing");
  if (!expanded.includes("<no value>")) return expanded;
  // Run once more for the name of what is missing.
  fill("error");
  const message = `Cannot fill in ${JSON.stringify(text)} in ${where}`;
  throw new KodenoError("BAD_CONFIG", `${message}: a variable in it is not set; set it`);
}

/** What files of an artifact shape it. */
export interface DigestInput {
  /** The context as Skaffold has it: relative to the working directory, or absolute. */
  readonly workspace: string;
  readonly paths: readonly string[];
  readonly ignore: readonly string[];
}

/** Digests files as Skaffold does: those of the artifact itself, then of those that it requires. */
export async function inputDigest(
  workingDirectory: string,
  inputs: readonly DigestInput[],
  signal?: AbortSignal,
): Promise<string> {
  // The same artifact may be required often, and its files then count as often.
  const listed = new Map<string, Promise<readonly string[]>>();
  const files: string[] = [];
  for (const input of inputs) {
    signal?.throwIfAborted();
    const { workspace, ...globs } = input;
    const list = () => listFiles(resolve(workingDirectory, workspace), globs);
    const names = await getOrSet(listed, JSON.stringify(input), list);
    files.push(...names.map((name) => join(workspace, name)));
  }
  const own = inputs[0]?.workspace ?? "";
  const hashes: string[] = [];
  for (const [i, file] of files.sort().entries()) {
    const before = file === files[i - 1] ? hashes.at(-1) : undefined;
    // The name does not depend on where the workspace is, unless Skaffold itself knows no better.
    const name = isAbsolute(own) === isAbsolute(file) ? relative(own, file) : file;
    hashes.push(before ?? await hashFile(resolve(workingDirectory, file), name, signal));
  }
  // Go's encoder writes a list of nothing as null, and a line feed behind all.
  const text = hashes.length === 0 ? "null" : JSON.stringify(hashes);
  return createHash("sha256").update(`${text}\n`).digest("hex");
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
