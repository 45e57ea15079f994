/**
 * What `kodeno --version` takes where npm has installed it, with the Node of this machine, beside the
 * binary's.
 * @module
 */
import { installed } from "../test/npm/installed.ts";
import { type Run, run } from "./process.ts";
import type { Row } from "./report.ts";
import type { Attempt } from "./rows.ts";
import type { Bounds } from "./scenarios.ts";
import { formatTimes, spreadOf } from "./statistics.ts";

/** The name of the row, for `--only`. */
export const NPM_START = "npm-start";
/** Bounds of the time, in times of the binary's. */
const BOUNDS: Bounds = { must: 5, aim: 3 };

const STARTS = 25;

interface NpmStarts {
  readonly npm: readonly Run[];
  readonly binary: readonly Run[];
}

/** Installs it, and starts both in turns. */
export async function measureNpmStarts(binary: string): Promise<NpmStarts> {
  await using machine = await installed("README.md");
  const { env, program, dir } = machine;
  const how = { args: ["--version"], env, cwd: dir.path };
  const starts = { npm: [] as Run[], binary: [] as Run[] };
  for (let round = -1; round < STARTS; round++) {
    const own = await run({ program, ...how }, false);
    const other = await run({ program: binary, ...how }, false);
    // The first has no cache yet of what V8 has compiled.
    if (round < 0) continue;
    starts.npm.push(own);
    starts.binary.push(other);
  }
  return starts;
}

/** The row of the report. */
export function npmStartRow({ result, problem }: Attempt<NpmStarts>): Row {
  const work = "`kodeno --version` of the npm package";
  const row = { work, unit: "x", bounds: BOUNDS } as const;
  if (result === undefined) return { ...row, kodeno: "-", other: "-", value: undefined, problem };
  const own = result.npm.map(({ ms }) => ms);
  const binary = result.binary.map(({ ms }) => ms);
  return {
    ...row,
    kodeno: formatTimes(own),
    other: `the binary ${formatTimes(binary)}`,
    value: spreadOf(own).median / spreadOf(binary).median,
  };
}
