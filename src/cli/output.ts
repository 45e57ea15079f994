/**
 * The two streams: results on stdout, everything else on stderr.
 * @module
 */
import process from "node:process";
import { stripVTControlCharacters } from "node:util";
import { KodenoError, messageOf, withoutLogins } from "../errors.ts";
import type { JsonLine } from "./json_lines.ts";

const WAIT_MS = 5;
/** What every pipe takes whole or not at all, in bytes; of more it may have had a part that nobody tells of. */
const WHOLE = 512;
const DIGEST = /sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})/g;

/** Whether stdout is something else's, such as an archive's; then all results go to stderr. */
let isTaken = false;

/** How results are written that a program reads; lines of JSON where nothing is said. */
let writeValue: (value: unknown) => string = JSON.stringify;

/** Has results that a program reads be written otherwise than as JSON. */
export function writeResultsAs(write: (value: unknown) => string): void {
  writeValue = write;
}

/** Prints a result that a program reads, whole or not at all. */
export function printValue(value: unknown): void {
  printResult(writeValue(value));
}

/** Prints a result line on stdout. */
export function printResult(line: string): void {
  printText(`${harmless(line)}\n`);
}

/** Prints a text on stdout as it is; `IO_FAILED` when it cannot be written. */
export function printText(text: string): void {
  if (isTaken) printNote(text.replace(/\n$/, ""));
  else printBytes(new TextEncoder().encode(text));
}

/** Writes bytes to stdout as they are; `IO_FAILED` when they cannot be written. */
export function printBytes(all: Uint8Array): void {
  let bytes = all;
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(Deno.stdout.writeSync(bytes.subarray(0, WHOLE)));
    } catch (error) {
      // Whoever shares it has set it so that nobody waits.
      if (!(error instanceof Deno.errors.WouldBlock)) throw stdoutFailure(error);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS);
    }
  }
}

function stdoutFailure(error: unknown): KodenoError {
  const text = messageOf(error);
  const why = error instanceof Deno.errors.BrokenPipe
    ? "its reader has gone"
    : /os error 28\b/.test(text)
    ? "no space is left on the disk; free some and run it again"
    : text;
  return new KodenoError("IO_FAILED", `Cannot write to stdout: ${why}`, {}, { cause: error });
}

/** Text without what a terminal would obey; written so that a line of JSON still is one. */
function harmless(text: string): string {
  return text.replaceAll(
    /[^\P{Cc}\n\t]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * Prints a result as a line of JSON, which its type tells from others, as those of events do. All
 * commands use the same names: `name`, `digest`, `size`, `platforms`, `references`.
 */
export function printJson<Type extends JsonLine["type"]>(
  type: Type,
  value: Omit<Extract<JsonLine, { type: Type }>, "type">,
): void {
  printValue({ type, ...value });
}

/** Prints a failure as a line of JSON; `UNEXPECTED` is the code of one that nobody thought of. */
export function printFailure(failure: unknown, message = messageOf(failure)): void {
  // Where lines are of another form, stderr tells it alone.
  if (writeValue !== JSON.stringify) return;
  const { code, exitCode } = failure instanceof KodenoError
    ? failure
    : { code: "UNEXPECTED", exitCode: 1 };
  try {
    printJson("error", { code, message, exitCode });
  } catch {
    // That nobody reads it may be this very failure, which stderr tells.
  }
}

/** Prints a line for a person on stderr, without logins in its URLs. */
export function printNote(line: string): void {
  try {
    console.error(harmless(withoutLogins(line)));
  } catch {
    // Nobody is there to be told, and the work does not depend on it.
  }
}

/** Prints a failure on stderr. */
export function printError(line: string): void {
  printNote(line.startsWith("Error") ? line : `Error: ${line}`);
}

/** Enough of a digest for a person to tell it from others. */
export function shortDigest(digest: string): string {
  return digest.slice(0, "sha256:".length + 12);
}

/** Lines as they are made; with short digests where one that has a digest is wider than stdout. */
export function fitting(
  make: (short: (text: string) => string) => readonly string[],
): readonly string[] {
  const lines = make((text) => text);
  const columns = process.stdout.columns || Infinity;
  const isWide = (line: string): boolean => stripVTControlCharacters(line).length > columns;
  const short = (text: string): string => text.replaceAll(DIGEST, shortDigest);
  return lines.some((line) => isWide(line) && short(line) !== line) ? make(short) : lines;
}

/** Rows as lines, with cells one below the other; those of some columns stand on the right. */
export function alignedRows(
  rows: readonly (readonly string[])[],
  between: string,
  right: readonly number[] = [],
): readonly string[] {
  const widths = (rows[0] ?? []).map((_, i) =>
    Math.max(...rows.map((cells) => cells[i]?.length ?? 0))
  );
  const pad = (cell: string, i: number): string =>
    right.includes(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0);
  return rows.map((cells) => cells.map(pad).join(between).trimEnd());
}

/** `0.4s`, `1m12s`. */
export function formatDuration(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, "0")}s`;
}

/**
 * Leaves stdout to the one of these outputs (paths by what names them) that is to go there; results
 * then go to stderr. A command that needs stdout itself refuses that, and all refuse two outputs.
 */
export async function yieldStdout(
  outputs: Readonly<Record<string, string | undefined>>,
  refusedBy?: string,
): Promise<void> {
  // Most commands name none, and do not wait for what only these need.
  if (Object.values(outputs).every((path) => !path)) return;
  const { outputOnStdout } = await import("../io/output.ts");
  const flag = await outputOnStdout(outputs);
  if (flag !== undefined && refusedBy !== undefined) {
    const why = `"kodeno ${refusedBy}" prints its own results there; name a file`;
    throw new KodenoError("BAD_OPTION", `Cannot write ${flag} to stdout: ${why}`);
  }
  if (flag !== undefined) isTaken = true;
}
