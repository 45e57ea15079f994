/**
 * Runs the git command, without a shell, and collects what it says. What a repository itself names to
 * be run is not: a checkout comes from somebody else.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { MAX_OUTPUT_BYTES, runProgram, type RunResult, StartError } from "../exec/run.ts";

/** Where and how git runs. */
export interface GitPlace {
  /** The folder it is asked about. */
  readonly directory: string;
  /** All variables of the environment; without them git gets those of this process. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Ends git when it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** How git has ended; its outputs without space around them. */
export interface GitOutput extends Pick<RunResult, "code" | "stdout" | "stderr"> {
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
  const given = [...SETTINGS, ...settings].flatMap((setting) => ["-c", setting]);
  const command = ["git", ...given, ...args];
  try {
    const variables = ENVIRONMENT;
    const result = await runProgram({ command, directory, environment, variables, signal });
    const isCut = result.cut !== undefined;
    const why = isCut ? `fatal: it prints more than ${MAX_OUTPUT_BYTES} bytes` : result.stderr;
    return { code: result.code, stdout: result.stdout.trim(), stderr: why.trim(), isCut };
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    if (error.lacks === "folder") {
      throw new KodenoError("BAD_OPTION", `Cannot run git in ${directory}: it is not a folder`);
    }
    const why = error.lacks ? "there is no such command on PATH; install git" : error.message;
    throw new KodenoError("GIT_FAILED", `Cannot run git: ${why}`, {}, { cause: error });
  }
}

/** What git itself gives as its reason: the first line, without its "fatal: ". */
export function reasonOf({ code, stderr }: GitOutput): string {
  const line = stderr.split("\n").find((text) => /^(?:fatal|error): /.test(text)) ??
    stderr.split("\n")[0];
  return line?.replace(/^(?:fatal|error): /, "").replace(/\.$/, "") ||
    `git ended with exit code ${code}`;
}
