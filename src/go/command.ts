/**
 * Runs the go command: its output is collected, and it ends when the caller's signal does.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { type RunOptions, runProgram, type RunResult, StartError } from "../exec/run.ts";
import { sleep } from "../io/concurrency.ts";
import { nextStep } from "./advice.ts";

/** How to run it. */
export interface GoCommand
  extends Pick<RunOptions, "variables" | "signal" | "niceness" | "stderr"> {
  /** A path; a name alone is none that was found on the caller's own PATH. */
  readonly command: string;
  /** All variables; nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
}

type GoOutput = Pick<RunResult, "code" | "stdout" | "stderr">;

/** Most bytes that are kept of what go prints: lists of packages, and what compilers say. */
export const MAX_KEPT_BYTES = 32 * 1024 * 1024;
/** The exit code of a program that Ctrl-C has ended. */
const INTERRUPTED = 130;
/** How much later than go this process may hear of Ctrl-C, in milliseconds. */
const HEARING_MS = 500;

/**
 * Runs `go` to its end; `take` gets what it prints on stdout while it runs, which is not kept then.
 *
 * @throws {KodenoError} `GO_FAILED` when there is no such command; the signal's reason when aborted
 */
export async function runGo(
  how: GoCommand,
  args: readonly string[],
  take?: (text: string) => void,
): Promise<GoOutput> {
  const { command, signal } = how;
  try {
    // Otherwise it would be looked for on the PATH that a configuration may have set.
    if (!command.includes("/") && Deno.build.os !== "windows") {
      throw new StartError("program", `there is no ${command}`);
    }
    const run = { ...how, command: [command, ...args], stdout: take, maxBytes: MAX_KEPT_BYTES };
    const { code, stdout, stderr, cut } = await runProgram(run);
    // Ctrl-C reaches go as well, which may have ended before this process has heard of it.
    if (code === INTERRUPTED && signal !== undefined) await sleep(HEARING_MS, signal);
    if (!cut) return { code, stdout, stderr };
    const output = (stderr || stdout).split("\n").slice(0, 5).join("\n").slice(0, 1000);
    const why = `Cannot run go ${args[0]}: it prints without end:\n${output}`;
    throw new KodenoError("GO_FAILED", why);
  } catch (error) {
    throw error instanceof StartError ? cannotRun(how, error) : error;
  }
}

function cannotRun({ command, directory }: GoCommand, error: StartError): KodenoError {
  if (error.lacks === "folder") {
    return new KodenoError("BAD_OPTION", `Cannot run in ${directory}: it is not a folder`);
  }
  const why = error.lacks
    ? "there is no such command on PATH; install Go, or set KO_GO_PATH to it"
    : error.message;
  const message = `Cannot run ${JSON.stringify(command)}: ${why}`;
  return new KodenoError("GO_FAILED", message, {}, { cause: error });
}

/** The flags that go reads, the last of which counts: those of `GOFLAGS`, then those that it is told. */
export function flagsIn(
  { GOFLAGS = "" }: Readonly<Record<string, string>>,
  told: readonly string[],
): readonly string[] {
  return [...GOFLAGS.split(/\s+/), ...told];
}

/** A failed run as an error: what it was for, go's own lines below, and what helps. */
export function goFailure(doing: string, { code, stdout, stderr }: GoOutput): KodenoError {
  const lines = `${stderr}${stdout}`.trim();
  const step = nextStep(lines);
  const message = [
    `Cannot ${doing}: go ended with exit code ${code}${lines ? ":" : ""}`,
    ...lines ? [lines] : [],
    ...step ? [`Next step: ${step}`] : [],
  ].join("\n");
  return new KodenoError("GO_FAILED", message);
}
