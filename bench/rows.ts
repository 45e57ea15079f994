/**
 * From what was measured to the rows of the report.
 * @module
 */
import type { Starts } from "./binary.ts";
import type { Competitor } from "./competitors.ts";
import type { LayerSizes, Measured } from "./measure.ts";
import type { Run } from "./process.ts";
import type { Information, Row, TransferInformation } from "./report.ts";
import { type Bounds, LAYER_SIZE, MEMORY, type Scenario, STARTUP } from "./scenarios.ts";
import { formatMemory, formatTimes, significant, spreadOf } from "./statistics.ts";
import { MOVING_MEMORY, type Transfer, type TransferRuns } from "./transfers.ts";

/** What a measurement gave, or why it gave nothing. */
export interface Attempt<T> {
  readonly result?: T;
  readonly problem?: string;
}

/** Scenarios with what they gave. */
export type Results = ReadonlyMap<Scenario, Attempt<Measured>>;

const NOTHING = { kodeno: "-", other: "-", value: undefined } as const;

function times({ result }: Attempt<Measured>, who: Competitor): readonly number[] {
  return (result?.runs.get(who) ?? []).map(({ ms }) => ms);
}

function peaks({ result }: Attempt<Measured>, who: Competitor): readonly number[] {
  return (result?.runs.get(who) ?? []).map(({ peakBytes }) => peakBytes);
}

/** The row of a scenario's wall time, where it has bounds for that. */
export function timeRow(scenario: Scenario, one: Attempt<Measured>): readonly Row[] {
  const { title: work, time: bounds } = scenario;
  if (bounds === undefined) return [];
  const row = { work, unit: "of ko", bounds } as const;
  if (one.result === undefined) return [{ ...row, ...NOTHING, problem: one.problem }];
  const [own, ko] = [times(one, "kodeno"), times(one, "ko")];
  const value = spreadOf(own).median / spreadOf(ko).median;
  return [{ ...row, kodeno: formatTimes(own), other: `ko ${formatTimes(ko)}`, value }];
}

/** The rows of the most memory: over everything without a row of its own, and of each that has. */
export function memoryRows(results: Results): readonly Row[] {
  const timed = [...results].filter(([scenario]) => scenario.time !== undefined);
  const others = [...results].filter(([scenario]) => scenario.time === undefined);
  const groups = [
    ...(timed.length > 0 ? [{ work: "peak memory, all of the above", of: timed }] : []),
    ...others.map((one) => ({ work: `peak memory, ${one[0].title}`, of: [one] })),
  ];
  return groups.map(({ work, of }) => {
    const row = { work, unit: "MB", bounds: MEMORY } as const;
    const failed = of.find(([, { result }]) => result === undefined);
    if (failed) return { ...row, ...NOTHING, problem: `${failed[0].title} was not measured` };
    const own = of.flatMap(([, one]) => peaks(one, "kodeno"));
    const ko = of.flatMap(([, one]) => peaks(one, "ko"));
    const value = spreadOf(own).max / 1e6;
    return { ...row, kodeno: formatMemory(own), other: `ko ${formatMemory(ko)}`, value };
  });
}

/** The row of the worst size of a layer; nothing when no scenario tells. */
export function layerRows(results: Results): readonly Row[] {
  const told = [...results].flatMap(([, { result }]) => result?.worstLayer ?? []);
  const ratio = ({ kodeno, ko }: LayerSizes): number => kodeno / ko;
  const [worst] = told.toSorted((a, b) => ratio(b) - ratio(a));
  if (worst === undefined) return [];
  const size = (bytes: number): string => `${significant(bytes / 1e6)} MB`;
  return [{
    work: "size of a program's layer, the worst of all",
    kodeno: size(worst.kodeno),
    other: `ko ${size(worst.ko)}`,
    value: ratio(worst),
    unit: "of ko",
    bounds: LAYER_SIZE,
  }];
}

/** The row of the start. */
export function startRow({ result, problem }: Attempt<Starts>): Row {
  const row = { work: "`kodeno --version`", unit: "x", bounds: STARTUP } as const;
  if (result === undefined) return { ...row, ...NOTHING, problem };
  const own = result.kodeno.map(({ ms }) => ms);
  const empty = result.empty.map(({ ms }) => ms);
  return {
    ...row,
    kodeno: formatTimes(own),
    other: `an empty program ${formatTimes(empty)}`,
    value: spreadOf(own).median / spreadOf(empty).median,
  };
}

/** Times and memory of all scenarios that gave something. */
export function informationOf(results: Results): readonly Information[] {
  const given = [...results].filter(([, { result }]) => result !== undefined);
  return given.map(([{ title }, one]) => {
    const cached = times(one, "ko with KOCACHE");
    return {
      work: title,
      kodenoMemory: formatMemory(peaks(one, "kodeno")),
      koMemory: formatMemory(peaks(one, "ko")),
      kodenoTime: formatTimes(times(one, "kodeno")),
      koTime: formatTimes(times(one, "ko")),
      cachedKoTime: cached.length > 0 ? formatTimes(cached) : "-",
    };
  });
}

/** Rows of moved images with what they gave. */
export type TransferResults = ReadonlyMap<Transfer, Attempt<TransferRuns>>;

const msOf = (runs: readonly Run[]): readonly number[] => runs.map(({ ms }) => ms);

/** The rows of comparisons, one of the most memory of all that is moved, and those of their own. */
export function transferRows(results: TransferResults): readonly Row[] {
  const all = [...results];
  const rows = all.map(([transfer, { result, problem }]): Row => {
    const { title: work, other, unit, time: bounds, share = 1 } = transfer;
    if (result === undefined) return { work, unit, bounds, ...NOTHING, problem };
    const [own, others] = [msOf(result.kodeno), msOf(result.other)];
    const value = share * spreadOf(own).median / spreadOf(others).median;
    const told = { kodeno: formatTimes(own), other: `${other} ${formatTimes(others)}` };
    return { work, unit, bounds, ...told, value };
  });
  const shared = all.filter(([{ memory, anyMemory }]) => memory === undefined && !anyMemory);
  if (shared.length > 0) {
    rows.push(peakRow("peak memory, moving images", shared, MOVING_MEMORY));
  }
  for (const [transfer, one] of all) {
    if (transfer.memory === undefined) continue;
    rows.push(peakRow(`peak memory, ${transfer.title}`, [[transfer, one]], transfer.memory));
  }
  return rows;
}

function peakRow(
  work: string,
  of: readonly (readonly [Transfer, Attempt<TransferRuns>])[],
  bounds: Bounds,
): Row {
  const row = { work, unit: "MB", bounds } as const;
  const failed = of.find(([, { result }]) => result === undefined);
  if (failed) return { ...row, ...NOTHING, problem: `${failed[0].title} was not measured` };
  const peaks = of.flatMap(([, { result }]) => result?.peaks ?? []);
  return { ...row, kodeno: formatMemory(peaks), other: "-", value: spreadOf(peaks).max / 1e6 };
}

/** Times and memory of all moved images that gave something. */
export function transferInformation(results: TransferResults): readonly TransferInformation[] {
  return [...results].flatMap(([{ title, other }, { result }]) =>
    result === undefined ? [] : [{
      work: title,
      kodenoMemory: formatMemory(result.peaks),
      kodenoTime: formatTimes(msOf(result.kodeno)),
      other,
      otherTime: formatTimes(msOf(result.other)),
    }]
  );
}
