/**
 * Runs a command that a configuration of the user's has around a build, with all that it starts: its
 * output is handed on line by line, and it ends when the caller's signal does.
 * @module
 */
import { KodenoError, messageOf } from "../errors.ts";

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

/** How long it may take to stop by itself before it is killed, in milliseconds; as in Skaffold. */
const GRACE_MS = 2000;
/** A line that is longer is handed on in pieces. */
const MAX_LINE = 16 * 1024;

/**
 * Runs the command to its end.
 *
 * @throws {KodenoError} `HOOK_FAILED` when there is none or it fails; the signal's reason when aborted
 */
export async function runHook(run: HookRun): Promise<void> {
  const { signal, name } = run;
  signal?.throwIfAborted();
  const child = await start(run);
  const reading = new AbortController();
  let killer: ReturnType<typeof setTimeout> | undefined;
  const stop = (): void => {
    send(child, "SIGINT");
    killer = setTimeout(() => {
      send(child, "SIGKILL");
      // A program that has left its group may hold the pipes for ever.
      reading.abort();
    }, GRACE_MS);
  };
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const [status] = await Promise.all([
      child.status,
      handOn(child.stdout, run.take, reading.signal),
      handOn(child.stderr, run.take, reading.signal),
    ]);
    signal?.throwIfAborted();
    if (status.success) return;
    const how = status.signal === null
      ? `ended with exit code ${status.code}`
      : `was ended by ${status.signal}`;
    throw failed(`${name} ${how}`);
  } finally {
    signal?.removeEventListener("abort", stop);
    clearTimeout(killer);
  }
}

async function start({ command, directory, environment, name }: HookRun) {
  const [program = "", ...args] = command;
  const folder = await Deno.stat(directory).catch(() => undefined);
  if (!folder?.isDirectory) throw failed(`${name} cannot run in ${directory}: it is not a folder`);
  try {
    return new Deno.Command(program, {
      args,
      cwd: directory,
      env: { ...environment },
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      // A group of its own, so that what it has started can be ended with it.
      detached: true,
    }).spawn();
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound
      ? `there is no program ${program} on PATH`
      : messageOf(error);
    throw failed(`${name} cannot be run: ${why}`, error);
  }
}

function failed(why: string, cause?: unknown): KodenoError {
  return new KodenoError("HOOK_FAILED", `Cannot build: ${why}`, {}, { cause });
}

function send({ pid }: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    // Windows has no groups of this kind.
    Deno.kill(Deno.build.os === "windows" ? pid : -pid, signal);
  } catch {
    // It has ended by itself.
  }
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
