/**
 * Runs a command that a configuration of the user's has around a build, with all that it starts: its
 * output is handed on line by line, and it ends when the caller's signal does.
 * @module
 */
import { KodenoError, messageOf } from "../errors.ts";
import { endingWith, GRACE_MS, startProgram } from "./group.ts";

/** How a command is run. */
export interface HookRun {
  /** Program and arguments; there is no shell. */
  readonly command: readonly string[];
  readonly directory: string;
  /** All variables; nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  /** What errors call it. */
  readonly name: string;
  readonly signal?: AbortSignal | undefined;
  /** Gets each line of its stdout and stderr. */
  readonly take: (line: string) => void;
}

/** A line that is longer is handed on in pieces. */
const MAX_LINE = 16 * 1024;

/**
 * Runs the command to its end.
 *
 * @throws {KodenoError} `HOOK_FAILED` when there is none or it fails; the signal's reason when aborted
 */
export async function runHook(run: HookRun): Promise<void> {
  const { command, directory, environment, signal, name } = run;
  signal?.throwIfAborted();
  const folder = await Deno.stat(directory).catch(() => undefined);
  if (!folder?.isDirectory) throw failed(`${name} cannot run in ${directory}: it is not a folder`);
  let child: Deno.ChildProcess;
  try {
    child = startProgram(command, environment, directory);
  } catch (error) {
    throw failed(`${name} cannot be run: ${messageOf(error)}`, error);
  }
  using _ = endingWith(child, signal);
  const reading = new AbortController();
  const output = Promise.all([
    handOn(child.stdout, run.take, reading.signal),
    handOn(child.stderr, run.take, reading.signal),
  ]);
  const status = await child.status;
  // What it has left running may hold the pipes for ever, and is no matter of the build.
  const leave = setTimeout(() => reading.abort(), GRACE_MS);
  await output;
  clearTimeout(leave);
  signal?.throwIfAborted();
  if (status.success) return;
  const how = status.signal === null
    ? `ended with exit code ${status.code}`
    : `was ended by ${status.signal}`;
  throw failed(`${name} ${how}`);
}

function failed(why: string, cause?: unknown): KodenoError {
  return new KodenoError("HOOK_FAILED", `Cannot build: ${why}`, {}, { cause });
}

async function handOn(
  stream: ReadableStream<Uint8Array>,
  take: HookRun["take"],
  signal: AbortSignal,
): Promise<void> {
  let left = "";
  const lines = new WritableStream<string>({
    write(text) {
      const all = (left + text).split(/\r?\n/);
      left = all.pop() ?? "";
      all.forEach(take);
      if (left.length > MAX_LINE) [, left] = [take(left), ""];
    },
    close() {
      if (left !== "") take(left);
    },
  });
  try {
    await stream.pipeThrough(new TextDecoderStream()).pipeTo(lines, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
