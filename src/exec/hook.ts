/**
 * Programs that a configuration of the user's names: each is the first of a process group, so that all
 * that it has started ends with it.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { howEnded, MAX_OUTPUT_BYTES, type RunOptions, runProgram, StartError } from "./run.ts";

/** How long what a hook has left running may hold its outputs, in milliseconds; as in Skaffold. */
const LINGER_MS = 2000;
/** A line that is longer is handed on in pieces. */
const MAX_LINE = 16 * 1024;

/**
 * What a program prints, as `cmd` of Skaffold's templates has it: without the line break at its end.
 *
 * @throws {Error} that says why the program cannot be run, prints without end or fails; the signal's
 * reason
 */
export async function commandOutput(
  command: readonly string[],
  how: Pick<RunOptions, "environment" | "signal">,
): Promise<string> {
  const [name = ""] = command;
  const result = await runProgram({ ...how, command, group: true });
  if (result.cut) throw new Error(`${name} prints more than ${MAX_OUTPUT_BYTES} bytes`);
  if (result.code === 0) return result.stdout.replace(/\r?\n$/, "");
  const [why = ""] = result.stderr.trim().split("\n");
  throw new Error(`${name} ${howEnded(result)}${why === "" ? "" : `: ${why}`}`);
}

/** How a command around a build is run. */
interface HookRun extends Pick<RunOptions, "command" | "environment" | "signal"> {
  readonly directory: string;
  /** What errors call it. */
  readonly name: string;
  /** Gets each line of its stdout and stderr. */
  readonly take: (line: string) => void;
}

/**
 * Runs a command around a build to its end.
 *
 * @throws {KodenoError} `HOOK_FAILED` when there is none or it fails; the signal's reason when aborted
 */
export async function runHook({ name, take, ...how }: HookRun): Promise<void> {
  const [stdout, stderr] = [new Lines(take), new Lines(take)];
  const result = await runProgram({
    ...how,
    group: true,
    lingerMs: LINGER_MS,
    stdout: (text) => stdout.add(text),
    stderr: (text) => stderr.add(text),
  }).catch((error) => {
    if (!(error instanceof StartError)) throw error;
    throw failed(`${name} cannot be run: ${error.message}`, error);
  });
  stdout.end();
  stderr.end();
  if (result.code !== 0) throw failed(`${name} ${howEnded(result)}`);
}

function failed(why: string, cause?: unknown): KodenoError {
  return new KodenoError("HOOK_FAILED", `Cannot build: ${why}`, {}, { cause });
}

/** Cuts text into lines. */
class Lines {
  #rest = "";

  constructor(readonly take: (line: string) => void) {}

  add(text: string): void {
    const all = (this.#rest + text).split(/\r?\n/);
    this.#rest = all.pop() ?? "";
    all.forEach(this.take);
    if (this.#rest.length > MAX_LINE) this.end();
  }

  end(): void {
    if (this.#rest !== "") this.take(this.#rest);
    this.#rest = "";
  }
}
