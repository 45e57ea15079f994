/**
 * What ko's templates know of the repository: `{{.Git.Branch}}` and its siblings.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { gitChanges } from "./changes.ts";
import { type GitPlace, reasonOf, runGit } from "./command.ts";

/** The fields of `.Git`, by the names that ko gives them. */
interface GitFields {
  /** `HEAD` where no branch is checked out. */
  readonly Branch: string;
  /** The nearest tag of the history; `v0.0.0` where there is none. */
  readonly Tag: string;
  readonly ShortCommit: string;
  readonly FullCommit: string;
  /** When the commit was made, in UTC, as RFC 3339. */
  readonly CommitDate: string;
  /** The same in seconds since 1970. */
  readonly CommitTimestamp: number;
  /** Whether anything in the work tree is changed or not tracked. */
  readonly IsDirty: boolean;
  readonly IsClean: boolean;
  /** `dirty` or `clean`. */
  readonly TreeState: string;
}

/** What git told, or why it told nothing. */
export interface GitFacts {
  /** As ko, with empty texts where git tells nothing. */
  readonly fields: GitFields;
  /** Why the fields are not what one would expect, as a line for a warning. */
  readonly problem?: string;
  /** Why there is no tag, as a line for whoever reads `Tag`. */
  readonly tagProblem?: string;
}

/** The first second of Go's time.Time, which ko prints where there is no commit. */
const NO_TIMESTAMP = -62135596800;
const NO_TAG = "v0.0.0";

const NOTHING: GitFields = {
  Branch: "",
  Tag: "",
  ShortCommit: "",
  FullCommit: "",
  CommitDate: "0001-01-01T00:00:00Z",
  CommitTimestamp: NO_TIMESTAMP,
  IsDirty: false,
  IsClean: true,
  TreeState: "clean",
};

/**
 * Asks git for all that `.Git` has, with four runs side by side.
 *
 * A folder that is in no repository, a repository without a commit and a machine without git are
 * no failures, as they are none for ko: the fields are empty, and `problem` says why.
 *
 * @throws {KodenoError} `BAD_OPTION` when there is no such folder; the signal's reason when aborted
 */
export async function gitFacts(place: GitPlace): Promise<GitFacts> {
  try {
    return await ask(place);
  } catch (error) {
    if (!(error instanceof KodenoError) || error.code !== "GIT_FAILED") throw error;
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
  const fields: GitFields = {
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
