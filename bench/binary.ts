/**
 * The compiled binary that is measured, and the empty program that its start is compared with: both
 * made by the same Deno.
 * @module
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { environment, output, type Run, run } from "./process.ts";

/** How often each of the two is started. */
const STARTS = 15;

/** The Deno that compiles: another one than this when BENCH_DENO names it. */
const compiler = (): string => Deno.env.get("BENCH_DENO") || Deno.execPath();

/**
 * The path of kodeno's binary: KODENO_BIN, else `dist/kodeno`, which is compiled when missing.
 *
 * @throws when it cannot be had
 */
export async function findBinary(root: string): Promise<string> {
  const named = Deno.env.get("KODENO_BIN");
  if (named) {
    if (!existsSync(named)) throw new Error(`KODENO_BIN: no file ${named}`);
    return resolve(named);
  }
  const path = join(root, "dist", "kodeno");
  if (existsSync(path)) return path;
  const task = { program: compiler(), args: ["task", "compile"], env: environment(), cwd: root };
  console.error("compiling dist/kodeno");
  await output(task).catch((error) => {
    throw new Error(
      "There is no binary to measure, and `deno task compile` failed. Make dist/kodeno (DENORT_BIN " +
        `names a denort where none can be downloaded) or set KODENO_BIN.\n${error.message}`,
    );
  });
  return path;
}

/** `kodeno 0.1.0 (deno 2.9.6, go 1.26.8 linux/amd64)`. */
export function versionLine(kodeno: string, cwd: string): Promise<string> {
  return output({ program: kodeno, args: ["--version"], env: environment(), cwd });
}

/** Starts of kodeno and of the program that does nothing. */
export interface Starts {
  readonly kodeno: readonly Run[];
  readonly empty: readonly Run[];
}

/**
 * Measures `kodeno --version` against an empty compiled program.
 *
 * @throws when that cannot be compiled, or another Deno made kodeno's binary
 */
export async function measureStarts(
  kodeno: string,
  work: string,
  repetitions = STARTS,
): Promise<Starts> {
  const empty = await compileEmpty(await denoVersionOf(kodeno, work), work);
  const env = environment();
  const starts = { kodeno: [] as Run[], empty: [] as Run[] };
  for (let round = -1; round < repetitions; round++) {
    const own = await run({ program: kodeno, args: ["--version"], env, cwd: work }, false);
    const other = await run({ program: empty, args: [], env, cwd: work }, false);
    if (round < 0) continue;
    starts.kodeno.push(own);
    starts.empty.push(other);
  }
  return starts;
}

async function denoVersionOf(kodeno: string, work: string): Promise<string> {
  return /\(deno ([^,]+),/.exec(await versionLine(kodeno, work))?.[1] ?? "unknown";
}

async function compileEmpty(version: string, work: string): Promise<string> {
  const folder = join(work, "empty");
  await Deno.mkdir(folder, { recursive: true });
  const deno = { program: compiler(), env: environment(), cwd: folder };
  const printed = await output({ ...deno, args: ["--version"] });
  const own = /^deno (\S+)/.exec(printed)?.[1];
  if (own !== version) {
    throw new Error(`kodeno was compiled by deno ${version}, not ${own}: set BENCH_DENO to that`);
  }
  await Deno.writeTextFile(join(folder, "empty.ts"), "export {};\n");
  const to = ["--output", join(folder, "empty")];
  await output({
    ...deno,
    args: ["compile", "-A", "--no-prompt", "--no-config", ...to, "empty.ts"],
  });
  return join(folder, "empty");
}
