/**
 * What every failure of the command line has in common: one clear line, the right exit code, nothing
 * on stdout, and nothing left behind.
 * @module
 */
import assert from "node:assert/strict";
import { kodeno, kodenoEnvironment, type KodenoOptions } from "./kodeno.ts";
import { temporaries } from "./layout.ts";
import type { Outcome } from "./process.ts";
import { filesBelow, type TempDir } from "./temp.ts";

/** How a run has to fail. */
export interface Failure {
  /** 1: the work failed; 2: the input is wrong. */
  readonly code: 1 | 2;
  /** What the line says, behind `Error: `. */
  readonly message: RegExp;
  /** What the lines below it say: the compiler's. */
  readonly below?: RegExp;
}

/** Lines of progress, which may stand before the failure, and that below it of how to write a command. */
const BESIDE = /^(?:\S+ \S+: compiling$|Usage: kodeno )/;

/** Runs kodeno in a folder, where it has to fail and to leave everything as it was. */
export async function assertFails(
  dir: TempDir,
  args: readonly string[],
  { code, message, below }: Failure,
  options: KodenoOptions = {},
): Promise<Outcome> {
  const cache = kodenoEnvironment(options.env)["KODENO_CACHE"] ?? "";
  // A cache in the folder is what a build may add to.
  const content = async (): Promise<string[]> =>
    (await filesBelow(dir.path)).filter((name) => !dir.join(name).startsWith(`${cache}/`));
  const before = await content();
  const outcome = await kodeno(args, { cwd: dir.path, ...options });
  const said = `${args.join(" ")}:\n${outcome.stderr}${outcome.stdout}`;
  assert.equal(outcome.code, code, said);
  assert.equal(outcome.stdout, "", said);
  const lines = outcome.stderr.trimEnd().split("\n").filter((line) => !BESIDE.test(line));
  const [first = "", ...rest] = lines;
  assert.match(first, /^Error: [A-Z]/, said);
  assert.match(first.slice("Error: ".length), message, said);
  if (below === undefined) assert.deepEqual(rest, [], said);
  else assert.match(rest.join("\n"), below, said);
  assert.deepEqual(await content(), before, "something was left behind");
  if (await Deno.stat(cache).then(() => true, () => false)) {
    assert.deepEqual(await temporaries(cache), [], "left behind in the cache");
  }
  return outcome;
}
