/**
 * Runs the git command, without a shell, and collects what it says. What a repository itself names to
 * be run is not: a checkout comes from somebody else.
 * @module
 */
import { KodenoError, messageOf } from "../errors.ts";
import { capture, MAX_ANSWER_BYTES } from "../exec/capture.ts";

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
  /** Whether it had more to say than it may. */
  readonly isCut?: boolean;
}

/**
 * What is the same for each run: no locks that the user's own git would meet, no questions, and
 * nothing fetched that a partial clone lacks, which may run any program.
 */
const ENVIRONMENT = {
  GIT_OPTIONAL_LOCKS: "0",
  GIT_TERMINAL_PROMPT: "0",
  GIT_NO_LAZY_FETCH: "1",
  GIT_ALLOW_PROTOCOL: "none",
};
/** Settings of a repository that name programs which these questions would run. */
// A signature would be printed among the fields of a commit.
const SETTINGS = ["core.fsmonitor=false", "core.hooksPath=/dev/null", "log.showSignature=false"];

/**
 * Runs `git` to its end, whatever that is; one that prints more than a megabyte is ended.
 *
 * @param settings beside those that hold for every run, `NAME=VALUE` each
 * @throws {KodenoError} `GIT_FAILED` when there is no such command, `BAD_OPTION` when there is no
 * such folder; the signal's reason when aborted
 */
export async function runGit(
  place: GitPlace,
  args: readonly string[],
  settings: readonly string[] = [],
): Promise<GitOutput> {
  const { directory, environment, signal } = place;
  signal?.throwIfAborted();
  const given = [...SETTINGS, ...settings].flatMap((setting) => ["-c", setting]);
  try {
    const { code, stdout, stderr, cut } = await capture("git", [...given, ...args], {
      directory,
      environment,
      variables: ENVIRONMENT,
      signal,
    });
    const why = cut === undefined ? stderr : `fatal: it prints more than ${MAX_ANSWER_BYTES} bytes`;
    return { code, stdout: stdout.trim(), stderr: why.trim(), isCut: cut !== undefined };
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
