/**
 * Runs the go command: its output is collected, and it ends when the caller's signal does.
 * @module
 */
import { setPriority } from "node:os";
import { KodenoError, messageOf } from "../errors.ts";

/** How to run it. */
export interface GoCommand {
  /** A path; a name alone is none that was found on the caller's own PATH. */
  readonly command: string;
  /** All variables; nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly signal?: AbortSignal | undefined;
  /** How far it stands back behind others, as `nice`; default not at all. */
  readonly niceness?: number | undefined;
}

/** What it said. */
export interface GoOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How long `go` may take to stop by itself before it is killed, in milliseconds. */
const GRACE_MS = 3000;
/** Most bytes that are kept of what go prints: lists of packages, and what compilers say. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;
/** Most bytes that are looked at one after the other. */
const MAX_TAKEN_BYTES = 1024 * 1024 * 1024;
/** The exit code of a program that Ctrl-C has ended. */
const INTERRUPTED = 130;
/** How much later than go this process may hear of Ctrl-C, in milliseconds. */
const HEARING_MS = 500;

/**
 * Runs `go` to its end.
 *
 * @param take gets what go prints on stdout while it runs; `stdout` of the result is then empty
 * @throws {KodenoError} `GO_FAILED` when there is no such command; the signal's reason when aborted
 */
export async function runGo(
  how: GoCommand,
  args: readonly string[],
  take?: (text: string) => void,
): Promise<GoOutput> {
  const { signal } = how;
  signal?.throwIfAborted();
  let child: Deno.ChildProcess;
  try {
    // Otherwise it would be looked for on the PATH that a configuration may have set.
    if (!isPath(how.command)) throw new Deno.errors.NotFound();
    child = new Deno.Command(how.command, {
      args: [...args],
      cwd: how.directory,
      env: { ...how.environment },
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    throw await cannotRun(how, error);
  }
  if (how.niceness) standBack(child.pid, how.niceness);
  // An interrupt lets go remove its work folder; a kill after the grace lets nobody wait for ever.
  let killer: ReturnType<typeof setTimeout> | undefined;
  const stop = (): void => {
    send(child, "SIGINT");
    killer = setTimeout(() => send(child, "SIGKILL"), GRACE_MS);
  };
  signal?.addEventListener("abort", stop, { once: true });
  let isEndless = false;
  const tooMuch = (): void => {
    isEndless = true;
    send(child, "SIGKILL");
  };
  try {
    const [{ code }, stdout, stderr] = await Promise.all([
      child.status,
      readText(child.stdout, take ? MAX_TAKEN_BYTES : MAX_KEPT_BYTES, tooMuch, take),
      readText(child.stderr, MAX_KEPT_BYTES, tooMuch),
    ]);
    // Ctrl-C reaches go as well, which may have ended before this process has heard of it.
    if (code === INTERRUPTED && signal !== undefined) await abortOrWhile(signal, HEARING_MS);
    signal?.throwIfAborted();
    if (isEndless) {
      const said = (stderr || stdout).split("\n").slice(0, 5).join("\n").slice(0, 1000);
      throw new KodenoError(
        "GO_FAILED",
        `Cannot run go ${args[0]}: it prints without end:\n${said}`,
      );
    }
    return { code, stdout, stderr };
  } finally {
    signal?.removeEventListener("abort", stop);
    clearTimeout(killer);
  }
}

function isPath(command: string): boolean {
  return command.includes("/") || Deno.build.os === "windows";
}

async function readText(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
  tooMuch: () => void,
  take?: (text: string) => void,
): Promise<string> {
  const parts: string[] = [];
  const decoder = new TextDecoder();
  const add = take ?? ((text: string) => parts.push(text));
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > maxBytes) {
      // What it has started may still hold the other end.
      tooMuch();
      break;
    }
    add(decoder.decode(chunk, { stream: true }));
  }
  add(decoder.decode());
  return parts.join("");
}

/** Lowers the priority of a program and of all it will start. */
function standBack(pid: number, niceness: number): void {
  try {
    setPriority(pid, niceness);
  } catch {
    // It has ended by itself, or the system does not know priorities.
  }
}

/** Waits till a signal is aborted, or for a while. */
async function abortOrWhile(signal: AbortSignal, milliseconds: number): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  const abort = (): void => resolve();
  signal.addEventListener("abort", abort, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", abort);
}

function send(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended by itself.
  }
}

async function cannotRun(how: GoCommand, error: unknown): Promise<KodenoError> {
  const directory = await Deno.stat(how.directory).catch(() => undefined);
  if (!directory?.isDirectory) {
    return new KodenoError("BAD_OPTION", `Cannot run in ${how.directory}: it is not a folder`);
  }
  if (error instanceof Deno.errors.NotFound) {
    return new KodenoError(
      "GO_FAILED",
      `Cannot run ${JSON.stringify(how.command)}: there is no such command on PATH; ` +
        "install Go, or set KO_GO_PATH to it",
      {},
      { cause: error },
    );
  }
  return new KodenoError(
    "GO_FAILED",
    `Cannot run ${JSON.stringify(how.command)}: ${messageOf(error)}`,
    {},
    { cause: error },
  );
}

/** A failed run as an error: what it was for, and go's own lines below. */
export function goFailure(doing: string, { code, stdout, stderr }: GoOutput): KodenoError {
  const lines = `${stderr}${stdout}`.trim();
  return new KodenoError(
    "GO_FAILED",
    `Cannot ${doing}: go ended with exit code ${code}${lines ? `:\n${lines}` : ""}`,
  );
}
