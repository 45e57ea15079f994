/**
 * Programs in a process group of their own, so that all that they have started ends with them.
 * @module
 */
import { messageOf } from "../errors.ts";

/** How long a program may take to stop by itself before it is killed, in milliseconds; as in Skaffold. */
export const GRACE_MS = 2000;

/**
 * Starts a program, without a shell, a standard input and variables that are not given.
 *
 * @throws {Error} that says why it cannot be run
 */
export function startProgram(
  [program = "", ...args]: readonly string[],
  environment: Readonly<Record<string, string>>,
  directory?: string,
): Deno.ChildProcess {
  try {
    return new Deno.Command(program, {
      args,
      ...(directory === undefined ? {} : { cwd: directory }),
      env: { ...environment },
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound
      ? `there is no program ${program}${/[/\\]/.test(program) ? "" : " on PATH"}`
      : messageOf(error);
    throw new Error(why, { cause: error });
  }
}

/** Ends a program and what it has started when a signal is aborted; until it goes out of scope. */
export function endingWith(child: Deno.ChildProcess, signal: AbortSignal | undefined): Disposable {
  let killer: ReturnType<typeof setTimeout> | undefined;
  const stop = (): void => {
    send(child, "SIGINT");
    killer = setTimeout(() => send(child, "SIGKILL"), GRACE_MS);
  };
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  return {
    [Symbol.dispose]: () => {
      signal?.removeEventListener("abort", stop);
      clearTimeout(killer);
    },
  };
}

function send({ pid }: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    // Windows has no groups of this kind.
    Deno.kill(Deno.build.os === "windows" ? pid : -pid, signal);
  } catch {
    // It has ended by itself.
  }
}
