/**
 * The files of a commit as a tar (`git archive`): the same bytes each time. What a repository itself names
 * to be run is not run.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { readAll } from "../io/streams.ts";
import { gitChanges, gitOutput, type GitPlace, reasonOf, runGit } from "./git.ts";

/** A commit that is checked out. */
export interface HeadCommit {
  /** The work tree. */
  readonly folder: string;
  readonly commit: string;
  /** What is changed or not tracked, as `git status --porcelain` has it, a line each. */
  readonly changes: readonly string[];
}

/** Whatever is said against it: the folder is in no work tree, has no commit, or git is missing. */
export async function headCommit(place: GitPlace): Promise<HeadCommit> {
  const [tree, commit, status] = [
    await runGit(place, ["rev-parse", "--show-toplevel"]),
    await runGit(place, ["rev-parse", "--verify", "HEAD^{commit}"]),
    await gitChanges(place, false),
  ];
  const failed = [tree, commit, status].find(({ code }) => code !== 0);
  if (failed !== undefined) {
    const message = `${cannotTake(place.directory)}: ${reasonOf(failed)}`;
    throw new KodenoError("GIT_FAILED", message);
  }
  const changes = status.stdout.split("\n").filter((line) => line !== "");
  return { folder: tree.stdout, commit: commit.stdout, changes };
}

/** The tar of a commit, while git writes it; the names in it begin with the prefix. */
export async function archiveOfCommit(
  { folder, commit }: HeadCommit,
  { prefix = "", ...place }: Asking & { readonly prefix?: string },
): Promise<ReadableStream<Uint8Array>> {
  // Whether a file may be written by others is the same for everybody.
  const archive = ["archive", "--format=tar", `--prefix=${prefix}`, commit];
  const args = ["-c", "tar.umask=0022", ...archive];
  return await gitOutput({ ...place, directory: folder }, args, cannotTake(folder));
}

/** What a commit has, by paths in its tree; of submodules it knows where they are, and not what is in them. */
export async function filesOfCommit(
  { folder, commit }: HeadCommit,
  place: Asking,
): Promise<{ readonly files: readonly string[]; readonly submodules: readonly string[] }> {
  const args = ["ls-tree", "-r", "-z", "--full-tree", commit];
  const output = await gitOutput({ ...place, directory: folder }, args, cannotTake(folder));
  const text = new TextDecoder().decode(await readAll(output, MAX_LIST_BYTES, `list of ${folder}`));
  const lines = text.split("\0").map((line) => /^(\d+) [^\t]*\t([^]*)$/.exec(line) ?? []);
  const paths = (isWanted: (mode: string) => boolean) =>
    lines.flatMap(([, mode, path]) => mode && path && isWanted(mode) ? [path] : []);
  return {
    files: paths((mode) => mode !== SUBMODULE),
    submodules: paths((mode) => mode === SUBMODULE),
  };
}

/** The mode of a submodule in a tree. */
const SUBMODULE = "160000";
/** The names of a million files. */
const MAX_LIST_BYTES = 128 * 1024 * 1024;

const cannotTake = (folder: string): string => `Cannot take the source of ${folder}`;

type Asking = Omit<GitPlace, "directory">;
