/**
 * Runs the git command, without a shell, and collects what it says.
 * @module
 */
import { KodenoError, messageOf } from "../errors.ts";

/** Where and how git runs. */
export interface GitPlace {
  /** The folder it is asked about. */
  readonly directory: string;
  /** All variables of the environment; without them git gets those of this process. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Ends git when it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** What git said. */
export interface GitOutput {
  readonly code: number;
  /** Without space around it. */
  readonly stdout: string;
  readonly stderr: string;
}

/** What is the same for each run: no locks that the user's own git would meet, no questions. */
const ENVIRONMENT = { GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0" };

/**
 * Runs `git` to its end, whatever that is.
 *
 * @throws {KodenoError} `GIT_FAILED` when there is no such command, `BAD_OPTION` when there is no
 * such folder; the signal's reason when aborted
 */
export async function runGit(place: GitPlace, args: readonly string[]): Promise<GitOutput> {
  const { directory, environment, signal } = place;
  signal?.throwIfAborted();
  try {
    const { code, stdout, stderr } = await new Deno.Command("git", {
      args: [...args],
      cwd: directory,
      env: { ...environment, ...ENVIRONMENT },
      clearEnv: environment !== undefined,
      stdin: "null",
      ...(signal ? { signal } : {}),
    }).output();
    signal?.throwIfAborted();
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout).trim(), stderr: text.decode(stderr).trim() };
  } catch (error) {
    signal?.throwIfAborted();
    throw await cannotRun(directory, error);
  }
}

async function cannotRun(directory: string, error: unknown): Promise<KodenoError> {
  const folder = await Deno.stat(directory).catch(() => undefined);
  if (!folder?.isDirectory) {
    return new KodenoError("BAD_OPTION", `Cannot run git in ${directory}: it is not a folder`);
  }
  const why = error instanceof Deno.errors.NotFound
    ? "there is no such command on PATH; install git"
    : messageOf(error);
  return new KodenoError("GIT_FAILED", `Cannot run git: ${why}`, {}, { cause: error });
}

/** What git itself gives as its reason: the first line, without its "fatal: ". */
export function reasonOf({ code, stderr }: GitOutput): string {
  const line = stderr.split("\n").find((text) => /^(?:fatal|error): /.test(text)) ??
    stderr.split("\n")[0];
  return line?.replace(/^(?:fatal|error): /, "").replace(/\.$/, "") ||
    `git ended with exit code ${code}`;
}
