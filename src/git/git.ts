/**
 * What git says of a folder: ko's `{{.Git.Branch}}` and its siblings, and the image tags of
 * Skaffold's gitCommit policy. What a repository itself names to be run is not run, such as the
 * filters of its `.gitattributes` and of those of its submodules: a checkout comes from somebody
 * else.
 * @module
 */
import { join } from "node:path";
import { hasCode, KodenoError, messageOf } from "../errors.ts";
import { howEnded, MAX_OUTPUT_BYTES, runProgram, type RunResult, StartError } from "../exec/run.ts";
import { exists, findUp } from "../io/files.ts";

/** Where git is asked, and how. */
export interface GitPlace {
  readonly directory: string;
  /** All variables of the environment; without them git gets those of this process. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How git has ended, its outputs trimmed, and whether it had more to say than it may. */
type GitOutput = Pick<RunResult, "code" | "stdout" | "stderr"> & { readonly isCut?: boolean };

/**
 * No locks that the user's own git would meet, and nothing fetched that a partial clone lacks,
 * which may run any program.
 */
const QUIET = { GIT_OPTIONAL_LOCKS: "0", GIT_NO_LAZY_FETCH: "1" };
const ENVIRONMENT = { ...QUIET, GIT_TERMINAL_PROMPT: "0", GIT_ALLOW_PROTOCOL: "none" };
/** A setting of git, such as `diff.ignoreSubmodules`, and its value. */
type Setting = readonly [key: string, value: string];
/** Settings of a repository that name programs which these questions would run. */
const NO_PROGRAMS: readonly Setting[] = [
  ["core.fsmonitor", "false"],
  ["core.hooksPath", "/dev/null"],
];

/**
 * Runs `git` to its end, whatever that is, with settings beside those that hold for every run; one
 * that prints more than a megabyte is ended. Without a git it is `GIT_FAILED`.
 */
export async function runGit(
  place: GitPlace,
  args: readonly string[],
  settings: Iterable<Setting> = [],
): Promise<GitOutput> {
  const { directory, environment, signal } = place;
  // A signature would be printed among the fields of a commit.
  const all: Setting[] = [...NO_PROGRAMS, ["log.showSignature", "false"], ...settings];
  const given = all.flatMap(([key, value]) => ["-c", `${key}=${value}`]);
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

/**
 * What git prints, while it does, whatever there is of it.
 *
 * @param cannot begins the message of a failure: `Cannot take the source of .`
 */
export async function gitOutput(
  place: GitPlace,
  args: readonly string[],
  cannot: string,
): Promise<ReadableStream<Uint8Array>> {
  const { directory, environment, signal } = place;
  const failed = (why: string, cause?: unknown): KodenoError =>
    new KodenoError("GIT_FAILED", `${cannot}: ${why}`, {}, { cause });
  const command = ["git", ...args];
  const variables = await gitVariables(place).catch((error) => {
    throw failed(error.message, error);
  });
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const run = { command, directory, environment, variables, signal, stdout: writable };
  const end = async (): Promise<void> => {
    const { code, killedBy, stderr } = await runProgram(run);
    if (code === 0) return await writable.close();
    const [why = ""] = stderr.trim().split("\n");
    throw failed(`git ${howEnded({ code, killedBy })}${why && `: ${why}`}`);
  };
  end().catch((error) =>
    writable.abort(error instanceof StartError ? failed(error.message) : error)
  )
    .catch(() => {});
  return readable;
}

/** What git itself gives as its reason: the first line, without its "fatal: ". */
export function reasonOf({ code, stderr }: GitOutput): string {
  const [line = ""] = /^(?:fatal|error): .*/m.exec(stderr) ?? stderr.split("\n");
  return line.replace(/^(?:fatal|error): /, "").replace(/\.$/, "") ||
    `git ended with exit code ${code}`;
}

/** Submodules lie in submodules, but not for ever. */
const MAX_DEPTH = 10;
/** The exit code of a git that does not know an option. */
const USAGE = 129;

/** Asks git what is changed or not tracked, in the whole work tree or in the folder alone. */
export async function gitChanges(place: GitPlace, inFolder: boolean): Promise<GitOutput> {
  const refused = (why: string): GitOutput => ({ code: 128, stdout: "", stderr: `fatal: ${why}` });
  let settings: ReadonlyMap<string, string>;
  try {
    settings = await settingsWithoutPrograms(place);
  } catch (error) {
    place.signal?.throwIfAborted();
    return refused(messageOf(error));
  }
  // Git would take the first one for the end of the name.
  const odd = [...settings.keys()].find((key) => key.includes("="));
  if (odd !== undefined) return refused(`its configuration names ${odd}, which cannot be left out`);
  const args = ["status", "--porcelain", ...(inFolder ? ["--", "."] : [])];
  const found = await runGit(place, args, settings);
  // So much is changed that it does not matter what.
  return found.isCut ? { code: 0, stdout: found.stdout, stderr: "" } : found;
}

/**
 * Variables for a program that asks git about a checkout, as go does for what it stamps; throws an
 * Error that says why they cannot be told.
 */
export async function gitVariables(place: GitPlace): Promise<Readonly<Record<string, string>>> {
  const settings: Setting[] = [
    ...await settingsWithoutPrograms(place),
    ...NO_PROGRAMS,
    ["protocol.ext.allow", "never"],
  ];
  // The environment may hold such variables already.
  const before = Number(place.environment?.["GIT_CONFIG_COUNT"] ?? 0) || 0;
  const entries = settings.flatMap(([key, value], i) => [
    [`GIT_CONFIG_KEY_${before + i}`, key],
    [`GIT_CONFIG_VALUE_${before + i}`, value],
  ]);
  return {
    ...Object.fromEntries(entries),
    GIT_CONFIG_COUNT: String(before + settings.length),
    ...QUIET,
  };
}

/** Settings that leave the programs out; throws an error that says why they cannot be told. */
async function settingsWithoutPrograms(
  place: GitPlace,
  // Git goes through submodules with the settings that it was given; only where it is told which
  // they are is it known what these name.
  settings = new Map([["diff.ignoreSubmodules", "dirty"]]),
  depth = 0,
): Promise<ReadonlyMap<string, string>> {
  const query = ["config", "-z", "--show-scope", "--get-regexp", "^(filter|submodule)\\."];
  const listed = await runGit(place, query);
  const root = findUp(place.directory, ".git");
  if (listed.code === USAGE) throw new Error("git 2.26 or newer is needed to look for changes");
  // What the repository itself says, and what is said elsewhere.
  const [own, others] = [new Map<string, string>(), new Map<string, string>()];
  const words = soundList(listed);
  for (let i = 0; i + 1 < words.length; i += 2) {
    const isOwn = words[i] === "local" || words[i] === "worktree";
    (isOwn ? own : others).set(...keyAndValue(words[i + 1] ?? ""));
  }
  for (const key of own.keys()) {
    if (!key.startsWith("filter.")) continue;
    settings.set(key, others.get(key) ?? (key.endsWith(".required") ? "false" : ""));
  }
  const modules = root === undefined ? "" : join(root, ".gitmodules");
  if (root === undefined || !exists(modules)) return settings;
  if (depth >= MAX_DEPTH) throw new Error(`its submodules are over ${MAX_DEPTH} levels deep`);
  const args = ["config", "-z", "-f", modules, "--get-regexp", "^submodule\\."];
  const named = new Map(soundList(await runGit(place, args)).map(keyAndValue));
  for (const [key, path] of named) {
    if (!key.endsWith(".path") || !exists(join(root, path, ".git"))) continue;
    const ignore = key.replace(/path$/, "ignore");
    settings.set(ignore, own.get(ignore) ?? others.get(ignore) ?? named.get(ignore) ?? "none");
    const inner = { ...place, directory: join(root, path) };
    await settingsWithoutPrograms(inner, settings, depth + 1);
  }
  return settings;
}

/** What `git config -z` prints, cut; there is nothing where it ends with 1. */
function soundList(listed: GitOutput): readonly string[] {
  if (listed.code > 1 || listed.isCut) throw new Error(reasonOf(listed));
  return listed.stdout.split("\0");
}

function keyAndValue(text: string): [key: string, value: string] {
  const at = text.indexOf("\n");
  return at < 0 ? [text, "true"] : [text.slice(0, at), text.slice(at + 1)];
}

/** The first second of Go's time.Time, which ko prints where there is no commit. */
const NO_TIMESTAMP = -62135596800;
const NO_TAG = "v0.0.0";

/** The fields of `.Git`, by the names that ko gives them, where git tells nothing. */
const NOTHING = {
  /** `HEAD` where no branch is checked out. */
  Branch: "",
  /** The nearest tag of the history; `v0.0.0` where there is none. */
  Tag: "",
  ShortCommit: "",
  FullCommit: "",
  /** When the commit was made, in UTC, as RFC 3339. */
  CommitDate: "0001-01-01T00:00:00Z",
  /** The same in seconds since 1970. */
  CommitTimestamp: NO_TIMESTAMP,
  /** Whether anything in the work tree is changed or not tracked. */
  IsDirty: false,
  IsClean: true,
  TreeState: "clean",
};

/** What git told, or why it told nothing, in lines for a warning: of all fields, and of `Tag`. */
export interface GitFacts {
  readonly fields: Readonly<typeof NOTHING>;
  readonly problem?: string;
  readonly tagProblem?: string;
}

/**
 * Asks git for all that `.Git` has, with four runs side by side. A folder in no repository, a
 * repository without a commit and a machine without git are no failures, as for ko: `problem` says
 * why.
 */
export async function gitFacts(place: GitPlace): Promise<GitFacts> {
  try {
    return await ask(place);
  } catch (error) {
    if (!hasCode(error, "GIT_FAILED")) throw error;
    return { fields: NOTHING, problem: `${error.message}; {{.Git}} is empty` };
  }
}

async function ask(place: GitPlace): Promise<GitFacts> {
  const run = (...args: readonly string[]) => runGit(place, args);
  const [tree, commit, status, tag] = await Promise.all([
    run("rev-parse", "--is-inside-work-tree", "--abbrev-ref", "HEAD"),
    run("show", "--format=%h%n%H%n%ct", "HEAD", "--quiet"),
    gitChanges(place, false),
    run("describe", "--tags", "--abbrev=0", "HEAD"),
  ]);
  const empty = (why: string): GitFacts => ({
    fields: NOTHING,
    problem: `Cannot ask git about ${place.directory}: ${why}; {{.Git}} is empty`,
  });
  if (tree.code !== 0) return empty(reasonOf(tree));
  const [inside, branch = ""] = tree.stdout.split("\n");
  if (inside !== "true") return empty("it is not in a work tree");
  if (commit.code !== 0) return empty(reasonOf(commit));
  const [short = "", full = "", seconds = ""] = commit.stdout.split("\n");
  const time = timeOf(seconds);
  const dirty = status.code !== 0 || status.stdout !== "";
  const fields = {
    Branch: clean(branch),
    Tag: tag.code === 0 ? clean(tag.stdout) : NO_TAG,
    ShortCommit: short,
    FullCommit: full,
    CommitDate: time?.toISOString().replace(".000Z", "Z") ?? NOTHING.CommitDate,
    CommitTimestamp: time === undefined ? NO_TIMESTAMP : Number(seconds),
    IsDirty: dirty,
    IsClean: !dirty,
    TreeState: dirty ? "dirty" : "clean",
  };
  const problem = `Cannot use the time of the commit in ${place.directory}: ` +
    `${JSON.stringify(seconds)} is not in the years 1 to 9999; ` +
    `{{.Git.CommitDate}} is ${NOTHING.CommitDate}`;
  const tagProblem = `Cannot find a tag in the history of ${place.directory}: ${reasonOf(tag)}; ` +
    `{{.Git.Tag}} is ${NO_TAG}`;
  return {
    fields,
    ...(time === undefined ? { problem } : {}),
    ...(tag.code === 0 ? {} : { tagProblem }),
  };
}

/** Seconds as a time that RFC 3339 can write; a commit may say any number, or none. */
function timeOf(seconds: string): Date | undefined {
  const time = new Date(seconds === "" ? NaN : Number(seconds) * 1000);
  const year = time.getUTCFullYear();
  return year >= 1 && year <= 9999 ? time : undefined;
}

/** The first line, without the quotes that ko takes out. */
function clean(text: string): string {
  return (text.split("\n")[0] ?? "").replaceAll("'", "");
}

/** The variants of the policy, as Skaffold's documentation writes them, and what each asks git. */
const QUESTIONS: Readonly<Record<string, readonly string[]>> = {
  Tags: ["describe", "--tags", "--always"],
  CommitSha: ["rev-list", "-1", "HEAD"],
  AbbrevCommitSha: ["rev-list", "-1", "HEAD", "--abbrev-commit"],
  // The tree of the folder itself, not that of the repository.
  TreeSha: ["rev-parse", "HEAD:./"],
  AbbrevTreeSha: ["rev-parse", "--short", "HEAD:./"],
  Branches: ["branch", "--show-current"],
};

export const GIT_VARIANTS: readonly string[] = Object.keys(QUESTIONS);

const MAX_TAG = 128;

/**
 * Makes the tag of a folder: what the variant (one of {@link GIT_VARIANTS}, in any case; `Tags`
 * unless given) names behind the prefix, and `-dirty` when git sees a change or a file that is not
 * tracked in the folder (not in the rest of the repository), unless that is ignored.
 */
export async function gitCommitTag(
  how: GitPlace & {
    readonly variant?: string | undefined;
    readonly prefix?: string | undefined;
    readonly ignoreChanges?: boolean | undefined;
  },
): Promise<string> {
  const { variant = "", prefix = "", ignoreChanges = false, directory } = how;
  const cannotTag = (why: string): KodenoError => {
    const next = /not a git repository|ambiguous argument|bad revision|Not a valid object/.test(why)
      ? "; commit first, or choose another tagPolicy"
      : "";
    const message = `Cannot make a tag from git for ${directory}: ${why}${next}`;
    return new KodenoError("GIT_FAILED", message);
  };
  const name = variant.toLowerCase() || "tags";
  const [, question] = Object.entries(QUESTIONS).find(([one]) => one.toLowerCase() === name) ?? [];
  if (question === undefined) {
    const why = `it has to be ${GIT_VARIANTS.slice(0, -1).join(", ")} or ${GIT_VARIANTS.at(-1)}`;
    const message = `Cannot use gitCommit variant ${JSON.stringify(variant)}: ${why}`;
    throw new KodenoError("BAD_CONFIG", message, { value: variant });
  }
  const [ref, changes] = await Promise.all([
    runGit(how, question),
    ignoreChanges ? undefined : gitChanges(how, true),
  ]);
  const failed = [ref, changes].find((one) => one !== undefined && one.code !== 0);
  if (failed !== undefined) throw cannotTag(reasonOf(failed));
  const tag = prefix + tagFrom(ref.stdout) + (changes?.stdout ? "-dirty" : "");
  if (ref.stdout === "" && prefix === "") {
    throw cannotTag("no branch is checked out; choose another variant than Branches");
  }
  return tag;
}

/**
 * Makes what git calls something usable as an image tag: other characters than letters, digits and
 * `._-` become `_`, and so do the dots and hyphens at its beginning; at most 128 are kept.
 */
export function tagFrom(name: string): string {
  const allowed = name.replace(/[^a-zA-Z0-9\-._]/gu, "_");
  return allowed.replace(/^[-.]+/, (run) => "_".repeat(run.length)).slice(0, MAX_TAG);
}
