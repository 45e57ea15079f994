/**
 * Lengths of time as Go writes them: `1h15m30.5s`.
 * @module
 */

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "\u00b5s": 1e-3,
  "\u03bcs": 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const PART = /(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g;

/** Milliseconds, or undefined for what is no length of time. */
export function parseDuration(text: string): number | undefined {
  const [, sign = "", rest = ""] = /^([-+]?)(.*)$/.exec(text) ?? [];
  if (rest === "0") return 0;
  if (rest === "" || rest.replaceAll(PART, "") !== "") return undefined;
  let sum = 0;
  for (const [, number, unit = ""] of rest.matchAll(PART)) {
    sum += Number(number) * (UNITS[unit] ?? 0);
  }
  return sign === "-" ? -sum : sum;
}
