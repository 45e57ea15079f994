/**
 * Runs of kodeno on what somebody made to do harm: what no input may bring about.
 * @module
 */
import assert from "node:assert/strict";
import { soon } from "./fails.ts";
import { denoDirectory, kodeno } from "./kodeno.ts";
import type { Outcome } from "./process.ts";
import type { TempDir } from "./temp.ts";

/** What a terminal would obey; line ends and tabs are kodeno's own. */
// deno-lint-ignore no-control-regex
const OBEYED = /[\0-\x08\x0b-\x1f\x7f-\x9f]/;

/**
 * Runs kodeno in the folder `in` of a folder. It ends soon, with a code of its own and an error that it
 * means to give, and prints nothing that a terminal would obey.
 */
export async function tame(dir: TempDir, args: readonly string[]): Promise<Outcome> {
  const env = { DOCKER_HOST: `unix://${dir.join("no-daemon.sock")}`, HOME: dir.path };
  const run = kodeno(args, { cwd: dir.join("in"), env: { ...env, DENO_DIR: denoDirectory() } });
  const outcome = await soon(run, 60_000);
  const { code, stdout, stderr } = outcome;
  const said = `${JSON.stringify(args).slice(0, 300)}: ${JSON.stringify(stderr.slice(0, 2000))}`;
  assert.doesNotMatch(stdout, OBEYED, said);
  assert.doesNotMatch(stderr, OBEYED, said);
  assert.ok([0, 1, 2].includes(code), said);
  assert.doesNotMatch(stderr, /unexpectedly|^\s+at .*:\d+:\d+\)?$/m, said);
  if (code !== 0) assert.match(stderr, /^Error: [^\n]+$/m, said);
  assert.ok(stderr.length < 20_000, said);
  return outcome;
}
