/**
 * The few numbers that stand for many runs, and how they are written.
 * @module
 */

/** Least, middle and most of some values. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** The spread of at least one value. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (place: number): number => sorted[place] ?? NaN;
  const half = (sorted.length - 1) / 2;
  const median = (at(Math.floor(half)) + at(Math.ceil(half))) / 2;
  return { min: at(0), median, max: at(sorted.length - 1) };
}

/** `0.351 / 0.360 / 0.402 s` from milliseconds. */
export function formatTimes(milliseconds: readonly number[]): string {
  const { min, median, max } = spreadOf(milliseconds);
  return `${[min, median, max].map((ms) => significant(ms / 1000)).join(" / ")} s`;
}

/** `118 / 121 / 125 MB` from bytes. */
export function formatMemory(bytes: readonly number[]): string {
  const { min, median, max } = spreadOf(bytes);
  return `${[min, median, max].map((one) => Math.round(one / 1e6)).join(" / ")} MB`;
}

/** Three digits that say something: `0.0312`, `17.7`, `1400`. */
export function significant(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
