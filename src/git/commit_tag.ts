/**
 * The image tags of Skaffold's gitCommit policy.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { gitChanges } from "./changes.ts";
import { type GitPlace, reasonOf, runGit } from "./command.ts";

/** What a tag is made of: the fields of `tagPolicy.gitCommit`, and where to ask. */
interface GitCommitTag extends GitPlace {
  /** One of {@link GIT_VARIANTS}, in any case; default `Tags`. */
  readonly variant?: string | undefined;
  /** Stands before the tag as it is. */
  readonly prefix?: string | undefined;
  /** Leaves `-dirty` off. */
  readonly ignoreChanges?: boolean | undefined;
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

/** The names of the variants. */
export const GIT_VARIANTS: readonly string[] = Object.keys(QUESTIONS);

/** How long a tag may be, in characters. */
const MAX_TAG = 128;

/**
 * Makes the tag of a folder: what the variant names, and `-dirty` when git sees a change or a file
 * that is not tracked in the folder (not in the rest of the repository).
 *
 * @throws {KodenoError} `BAD_CONFIG` for an unknown variant; `GIT_FAILED` when git is missing, the
 * folder is in no repository, or there is no commit; `BAD_OPTION` when there is no such folder
 */
export async function gitCommitTag(how: GitCommitTag): Promise<string> {
  const { variant = "", prefix = "", ignoreChanges = false, directory } = how;
  const name = variant.toLowerCase() || "tags";
  const [, question] = Object.entries(QUESTIONS).find(([one]) => one.toLowerCase() === name) ?? [];
  if (question === undefined) {
    const why = `it has to be ${GIT_VARIANTS.slice(0, -1).join(", ")} or ${GIT_VARIANTS.at(-1)}`;
    throw new KodenoError(
      "BAD_CONFIG",
      `Cannot use gitCommit variant ${JSON.stringify(variant)}: ${why}`,
      { value: variant },
    );
  }
  const [ref, changes] = await Promise.all([
    runGit(how, question),
    ignoreChanges ? undefined : gitChanges(how, true),
  ]);
  const failed = [ref, changes].find((one) => one !== undefined && one.code !== 0);
  if (failed !== undefined) throw cannotTag(directory, reasonOf(failed));
  const tag = prefix + tagFrom(ref.stdout) + (changes?.stdout ? "-dirty" : "");
  if (ref.stdout === "" && prefix === "") {
    throw cannotTag(directory, "no branch is checked out; choose another variant than Branches");
  }
  return tag;
}

function cannotTag(directory: string, why: string): KodenoError {
  const next = /not a git repository|ambiguous argument|bad revision|Not a valid object/.test(why)
    ? "; commit first, or choose another tagPolicy"
    : "";
  return new KodenoError(
    "GIT_FAILED",
    `Cannot make a tag from git for ${directory}: ${why}${next}`,
  );
}

/**
 * Makes what git calls something usable as an image tag: other characters than letters, digits and
 * `._-` become `_`, and so do the dots and hyphens at its beginning; at most 128 are kept.
 */
export function tagFrom(name: string): string {
  const allowed = name.replace(/[^a-zA-Z0-9\-._]/gu, "_");
  return allowed.replace(/^[-.]+/, (run) => "_".repeat(run.length)).slice(0, MAX_TAG);
}
