/**
 * The two streams: results on stdout, everything else on stderr.
 * @module
 */
import type { KodenoEvent } from "../events.ts";

/** Prints a result line on stdout. */
export function printResult(line: string): void {
  console.log(harmless(line));
}

/** Prints a result line with colours of kodeno's own; the rest of it has to be printable. */
export function printPainted(line: string): void {
  console.log(line);
}

/**
 * Text without what a terminal would obey, as whoever prints a line last makes sure. The numbers of
 * characters are written as JSON writes them, so that a line of JSON still is one.
 */
function harmless(text: string): string {
  return text.replaceAll(
    /[^\P{Cc}\n\t]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * Prints a result as a line of JSON on stdout. All commands use the same names for the same things:
 * `name`, `digest`, `size`, `platforms`, `references`.
 *
 * @param type tells the lines apart, as the events' own do
 */
export function printJson(type: string, value: object): void {
  printResult(JSON.stringify({ type, ...value }));
}

/** Writes a text on stdout as it is. */
export async function writeResult(text: string): Promise<void> {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(await Deno.stdout.write(bytes));
}

/** Prints a line for a person on stderr. */
export function printNote(line: string): void {
  console.error(harmless(line));
}

/** Prints on stderr what commands without a view of their work have to tell. */
export function printNotes(event: KodenoEvent): void {
  if (event.type === "note" && event.level !== "verbose") printNote(event.message);
}

/** {@link printNote} with colours of kodeno's own. */
export function printPaintedNote(line: string): void {
  console.error(line);
}

/** Prints a failure on stderr. */
export function printError(line: string): void {
  printNote(line.startsWith("Error") ? line : `Error: ${line}`);
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
