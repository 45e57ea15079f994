/**
 * Behind `deno task bench`: measures the compiled binary against ko and writes `bench/RESULTS.md`.
 * `--quick` takes few runs and `--only NAME` some rows; both only print. Everything it makes is in
 * `bench/work`. The exit code is 1 when a row does not hold what it must.
 * @module
 */
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startRegistry } from "../test/parts/registry.ts";
import { goTool } from "../test/parts/tools.ts";
import { makeBase, pushBase } from "./base.ts";
import { findBinary, measureStarts } from "./binary.ts";
import type { Setting } from "./contestants.ts";
import { makeModule } from "./fixtures.ts";
import { describeMachine } from "./machine.ts";
import { measure, type Measured } from "./measure.ts";
import { environment, output } from "./process.ts";
import { holds, report, type Row, rowsTable } from "./report.ts";
import { type Attempt, informationOf, layerRows, memoryRows, startRow, timeRow } from "./rows.ts";
import { ALL_PLATFORMS, quick, type Scenario, SCENARIOS } from "./scenarios.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const WORK = join(ROOT, "bench", "work");
const RESULTS = join(ROOT, "bench", "RESULTS.md");
/** The row that is not a scenario. */
const START = "start";

const say = (text: string): void => console.error(text);

/** A result, or why there is none: one row that cannot be measured does not end the others. */
async function attempt<T>(work: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { result: await work() };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    say(problem);
    return { problem: problem.replaceAll(ROOT, "").split("\n")[0] ?? "" };
  }
}

async function measureAll(
  setting: Setting,
  scenarios: readonly Scenario[],
): Promise<Map<Scenario, Attempt<Measured>>> {
  const all = new Map<Scenario, Attempt<Measured>>();
  for (const scenario of scenarios) {
    all.set(
      scenario,
      await attempt(async () => {
        await makeModule(setting.work, scenario.module);
        return await measure(setting, scenario, say);
      }),
    );
  }
  return all;
}

/** Formatted as everything in the project, whatever the widths of the tables are. */
async function writeReport(text: string): Promise<void> {
  await Deno.writeTextFile(RESULTS, text);
  const args = ["fmt", "--quiet", RESULTS];
  await output({ program: Deno.execPath(), args, env: environment(), cwd: ROOT });
  console.log(`written: ${relative(ROOT, RESULTS)}`);
}

async function main(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: { quick: { type: "boolean", default: false }, only: { type: "string", default: "" } },
  });
  const wanted = (name: string): boolean => name.includes(values.only);
  const scenarios = SCENARIOS.filter(({ name }) => wanted(name))
    .map((scenario) => values.quick ? quick(scenario) : scenario);
  if (scenarios.length === 0 && !wanted(START)) {
    const names = [...SCENARIOS.map(({ name }) => name), START].join(", ");
    throw new Error(`--only ${values.only}: the rows are ${names}`);
  }

  const kodeno = await findBinary(ROOT);
  const ko = await goTool("ko");
  await Deno.mkdir(WORK, { recursive: true });
  await makeBase(WORK, ALL_PLATFORMS);
  await using registry = await startRegistry();
  const baseReference = await pushBase(WORK, registry.host);
  const setting: Setting = { work: WORK, kodeno, ko, baseReference };
  const machine = await describeMachine(setting);

  const measured = await measureAll(setting, scenarios);
  const rows: Row[] = [...measured].flatMap(([scenario, one]) => timeRow(scenario, one));
  rows.push(...memoryRows(measured), ...layerRows(measured));
  if (wanted(START)) rows.push(startRow(await attempt(() => measureStarts(kodeno, WORK))));

  if (values.quick || values.only) console.log(rowsTable(rows));
  else await writeReport(report(rows, informationOf(measured), machine));
  return rows.every(holds);
}

try {
  Deno.exitCode = await main(Deno.args) ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exitCode = 2;
}
