/**
 * Behind `deno task bench`: measures the compiled binary against ko, crane, docker and
 * docker-registry, and writes `bench/RESULTS.md`. `--quick` takes few runs and `--only NAME` some
 * rows; both only print, unless `--write` puts these rows into the report that is there. `--before FILE`
 * sets the results of an earlier report beside the new ones.
 * Everything it makes is in `bench/work`. The exit code is 1 when a row does not hold what it must.
 * @module
 */
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { startRegistry } from "../test/parts/registry.ts";
import { goTool } from "../test/parts/tools.ts";
import { ROOT } from "../test/support/kodeno.ts";
import { makeBase, pushBase } from "./base.ts";
import { findBinary, measureStarts } from "./binary.ts";
import type { Setting } from "./competitors.ts";
import { DELTA, deltaRow, measureDelta } from "./delta.ts";
import { AFFECTED, affectedRow, measureAffected } from "./affected.ts";
import { DEPS, depsRow, measureDeps, measurePlan, PLAN, planRow } from "./deps.ts";
import { makeModule } from "./fixtures.ts";
import { describeMachine } from "./machine.ts";
import { measure, type Measured } from "./measure.ts";
import { measureNpmStarts, NPM_START, npmStartRow } from "./npm_start.ts";
import { measurePages, pageRows, PAGES } from "./pages.ts";
import { environment, output } from "./process.ts";
import { earlierResults, holds, report, type Row, rowsTable, withRows } from "./report.ts";
import { measureResolve, RESOLVE, resolveRows } from "./resolve.ts";
import { measureScale, SCALE, scaleRows, scaleSvg } from "./scale.ts";
import {
  type Attempt,
  informationOf,
  layerRows,
  memoryRows,
  startRow,
  timeRow,
  transferInformation,
  transferRows,
} from "./rows.ts";
import { ALL_PLATFORMS, quick, type Scenario, SCENARIOS } from "./scenarios.ts";
import {
  measureTransfer,
  quickTransfer,
  type Transfer,
  type TransferRuns,
  TRANSFERS,
} from "./transfers.ts";
import { measureYaml, YAML, yamlRow } from "./yaml.ts";

const WORK = join(ROOT, "bench", "work");
const RESULTS = join(ROOT, "bench", "RESULTS.md");
/** The curve of the rows that tell of shards. */
const CURVE = join(ROOT, "bench", "scale.svg");
/** The row of the start, which is no scenario. */
const START = "start";
const RESOLVE_RUNS = 3;

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

async function measureTransfers(
  setting: Setting,
  transfers: readonly Transfer[],
): Promise<Map<Transfer, Attempt<TransferRuns>>> {
  const all = new Map<Transfer, Attempt<TransferRuns>>();
  for (const one of transfers) {
    all.set(one, await attempt(() => measureTransfer(setting, one, say)));
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
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      before: { type: "string" },
      write: { type: "boolean", default: false },
    },
  });
  const wanted = (name: string): boolean => name.includes(values.only);
  const scenarios = SCENARIOS.filter(({ name }) => wanted(name))
    .map((scenario) => values.quick ? quick(scenario) : scenario);
  const transfers = TRANSFERS.filter(({ name }) => wanted(name))
    .map((transfer) => values.quick ? quickTransfer(transfer) : transfer);
  const others = [START, NPM_START, DELTA, AFFECTED, DEPS, PLAN, RESOLVE, YAML, PAGES, SCALE];
  if (scenarios.length + transfers.length === 0 && !others.some(wanted)) {
    const names = [...SCENARIOS, ...TRANSFERS].map(({ name }) => name).concat(others).join(", ");
    throw new Error(`--only ${values.only}: the rows are ${names}`);
  }
  // Before anything is measured, which takes long.
  const before = values.before ? earlierResults(await Deno.readTextFile(values.before)) : undefined;

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
  const moved = await measureTransfers(setting, transfers);
  rows.push(...transferRows(moved));
  if (wanted(RESOLVE)) {
    const runs = values.quick ? 1 : RESOLVE_RUNS;
    const resolved = () => measureResolve(setting, registry.host, runs, say);
    rows.push(...resolveRows(await attempt(resolved)));
  }
  if (wanted(DELTA)) rows.push(deltaRow(await attempt(() => measureDelta(kodeno, WORK))));
  if (wanted(AFFECTED)) {
    rows.push(affectedRow(await attempt(() => measureAffected(kodeno, WORK))));
  }
  if (wanted(DEPS)) rows.push(depsRow(await attempt(() => measureDeps(kodeno, WORK))));
  if (wanted(PLAN)) rows.push(planRow(await attempt(() => measurePlan(kodeno, WORK))));
  if (wanted(YAML)) rows.push(yamlRow(await attempt(() => Promise.resolve(measureYaml()))));
  if (wanted(PAGES)) rows.push(...pageRows(await attempt(() => measurePages(kodeno, WORK))));
  if (wanted(START)) rows.push(startRow(await attempt(() => measureStarts(kodeno, WORK))));
  if (wanted(NPM_START)) rows.push(npmStartRow(await attempt(() => measureNpmStarts(kodeno))));

  if (wanted(SCALE)) {
    const counts = values.quick ? [1, 2] : undefined;
    const scaled = await attempt(() => measureScale(setting, say, counts));
    rows.push(...scaleRows(scaled));
    const isTold = values.write || !(values.quick || values.only);
    if (isTold && scaled.result) await Deno.writeTextFile(CURVE, scaleSvg(scaled.result));
  }

  if (values.quick || values.only) {
    console.log(rowsTable(rows, before));
    if (values.write) {
      const date = new Date().toISOString().slice(0, 10);
      await writeReport(withRows(await Deno.readTextFile(RESULTS), rows, date));
    }
  } else {
    const more = [informationOf(measured), transferInformation(moved), machine] as const;
    await writeReport(report(rows, ...more, before));
  }
  return rows.every(holds);
}

try {
  Deno.exitCode = await main(Deno.args) ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exitCode = 2;
}
