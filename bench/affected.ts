/**
 * What `kodeno affected` takes on a module of 240 programs of which one has changed, with go's cache warm.
 * @module
 */
import { join } from "node:path";
import { makeModule, moduleFolder } from "./fixtures.ts";
import { environment, output, type Run, run } from "./process.ts";
import type { Row } from "./report.ts";
import type { Attempt } from "./rows.ts";
import type { Bounds } from "./scenarios.ts";
import { formatTimes, spreadOf } from "./statistics.ts";

/** The name of the row, for `--only`. */
export const AFFECTED = "affected";
/** Bounds of the time, in seconds. */
const BOUNDS: Bounds = { must: 0.5, aim: 0.35 };
const RUNS = 15;
/** A program, and what its file gets. */
const CHANGED = "cmd/app07";

/**
 * Measures it.
 *
 * @throws when it fails, or tells of anything but the one program
 */
export async function measureAffected(kodeno: string, work: string): Promise<readonly Run[]> {
  await makeModule(work, "many");
  const cwd = moduleFolder(work, "many");
  const path = join(cwd, CHANGED, "main.go");
  const before = await Deno.readTextFile(path);
  const args = ["affected", "--since", "HEAD", "./..."];
  const affected = { program: kodeno, args, env: environment(), cwd };
  await Deno.writeTextFile(path, `${before}\n// changed\n`);
  try {
    const found = (await output(affected)).trim();
    if (!found.endsWith(CHANGED) || found.includes("\n")) throw new Error(`it tells of ${found}`);
    const runs: Run[] = [];
    for (let i = 0; i < RUNS; i++) runs.push(await run(affected, false));
    return runs;
  } finally {
    await Deno.writeTextFile(path, before);
  }
}

/** The row of the report. */
export function affectedRow({ result, problem }: Attempt<readonly Run[]>): Row {
  const row = {
    work: "`kodeno affected`, 1 of 240 has changed",
    unit: "s",
    bounds: BOUNDS,
  } as const;
  if (result === undefined) return { ...row, kodeno: "-", other: "-", value: undefined, problem };
  const times = result.map(({ ms }) => ms);
  return { ...row, kodeno: formatTimes(times), other: "-", value: spreadOf(times).median / 1000 };
}
