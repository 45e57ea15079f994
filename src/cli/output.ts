/**
 * The two streams: results on stdout, everything else on stderr.
 * @module
 */

/** Prints a result line on stdout. */
export function printResult(line: string): void {
  console.log(line);
}

/** Prints a line for a person on stderr. */
export function printNote(line: string): void {
  console.error(line);
}

/** Prints a failure on stderr. */
export function printError(line: string): void {
  console.error(line.startsWith("Error") ? line : `Error: ${line}`);
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** `4.3 MB`: decimal units, one digit after the point below 100. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** `0.4s`, `1m12s`. */
export function formatDuration(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, "0")}s`;
}
