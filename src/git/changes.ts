/**
 * What differs between a commit and the work tree as it is now: committed since, staged or not, and files
 * that git does not know yet. What a repository itself names to be run is not run.
 * @module
 */
import { basename, join, resolve } from "node:path";
import { KodenoError } from "../errors.ts";
import { readAll } from "../io/streams.ts";
import { gitOutput, type GitPlace, reasonOf, runGit } from "./git.ts";

/** What became of a file since then. */
type Change = "added" | "changed" | "deleted";

/** What differs; paths are absolute, below the folder as it was named. */
export interface Changes {
  /** The work tree. */
  readonly folder: string;
  readonly commit: string;
  readonly changed: ReadonlyMap<string, Change>;
  /** Whether it is a file that git can tell of, and no link. */
  isPlain(path: string): boolean;
  /** Whether git can tell of a file: not of one that it ignores, or of a submodule's. */
  knows(path: string): boolean;
  /** The bytes that a file had then; nothing where it was none. */
  before(path: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
}

/** The names of a million files. */
const MAX_LIST_BYTES = 128 * 1024 * 1024;
/** More than any file has that is compared by what it says. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/**
 * Finds what differs.
 *
 * @param revision a commit as git names them; `REV...` is where the history of REV has parted from this one
 * @throws {KodenoError} `GIT_FAILED` in no work tree, and for a commit that is not there
 */
export async function changesSince(place: GitPlace, revision: string): Promise<Changes> {
  const top = await runGit(place, ["rev-parse", "--show-cdup"]);
  if (top.code !== 0) {
    const next = "say the folder of a checkout";
    throw new KodenoError("GIT_FAILED", `${cannot(place, revision)}: ${reasonOf(top)}; ${next}`);
  }
  const folder = resolve(place.directory, top.stdout);
  const commit = await commitOf(place, revision);
  const at = { ...place, directory: folder };
  const list = async (...args: readonly string[]): Promise<readonly string[]> => {
    const output = await gitOutput(at, args, cannot(place, revision));
    const bytes = await readAll(output, MAX_LIST_BYTES, `list of ${folder}`);
    return new TextDecoder().decode(bytes).split("\0").filter((one) => one !== "");
  };
  const diff = ["diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--name-status", "-z"];
  const [differences, tracked, others] = await Promise.all([
    list(...diff, commit, "--"),
    list("ls-files", "-v", "--stage", "-z"),
    list("ls-files", "--others", "--exclude-standard", "-z"),
  ]);
  const changed = new Map<string, Change>();
  for (let i = 0; i + 1 < differences.length; i += 2) {
    const [status = "", name = ""] = differences.slice(i, i + 2);
    const change = status === "A" ? "added" : status === "D" ? "deleted" : "changed";
    changed.set(join(folder, name), change);
  }
  for (const path of others.map((name) => join(folder, name))) {
    // One that was in the commit, and that git was told to forget.
    changed.set(path, changed.has(path) ? "changed" : "added");
  }
  // Of others git was told to take them for unchanged, or not to have them here.
  const known = new Map(
    tracked.filter((line) => line.startsWith("H ")).map((line) => {
      const [mode = "", name = ""] = [line.slice(2, 8), line.slice(line.indexOf("\t") + 1)];
      return [join(folder, name), mode];
    }),
  );
  return {
    folder,
    commit,
    changed,
    isPlain: (path) => known.get(path)?.startsWith("100") === true && !changed.has(path),
    knows: (path) => known.has(path) || changed.has(path),
    before: async (path) => {
      const name = path.slice(folder.length + 1);
      const kind = await runGit(at, ["cat-file", "-t", `${commit}:${name}`]);
      if (kind.code !== 0 || kind.stdout !== "blob") return undefined;
      const output = await gitOutput(at, ["cat-file", "blob", `${commit}:${name}`], `read ${path}`);
      return await readAll(output, MAX_FILE_BYTES, `${name} of ${commit}`);
    },
  };
}

/** Has a file as it was for some work, in one of the same name; nothing where there was none. */
export async function asBefore<T>(
  changes: Changes,
  path: string,
  work: (file: string) => Promise<T>,
): Promise<T | undefined> {
  const bytes = await changes.before(path);
  if (bytes === undefined) return undefined;
  const folder = await Deno.makeTempDir({ prefix: "kodeno-before-" });
  try {
    const file = join(folder, basename(path));
    await Deno.writeFile(file, bytes);
    return await work(file);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Why nobody can tell whether a file is what it was. */
export const inNoCommit = (name: string): string =>
  `${name} is in no commit, so that nobody knows what it was`;

const cannot = ({ directory }: GitPlace, revision: string): string =>
  `Cannot tell what has changed in ${directory} since ${revision}`;

async function commitOf(place: GitPlace, revision: string): Promise<string> {
  const [, parted] = /^(.+)\.\.\.$/.exec(revision) ?? [];
  const args = ["rev-parse", "--verify", "--quiet", "--end-of-options"];
  const found = await runGit(place, [...args, `${parted ?? revision}^{commit}`]);
  const base = found.code !== 0 || parted === undefined
    ? found
    : await runGit(place, ["merge-base", found.stdout, "HEAD"]);
  if (base.code === 0) return base.stdout;
  const shallow = await runGit(place, ["rev-parse", "--is-shallow-repository"]);
  const next = shallow.stdout === "true"
    ? 'this clone is shallow; run "git fetch --unshallow", or have CI fetch all (fetch-depth: 0)'
    : "name a commit, a branch or a tag that is there";
  const why = found.code === 0 ? "its history has nothing in common with HEAD" : "there is none";
  throw new KodenoError("GIT_FAILED", `${cannot(place, revision)}: ${why}; ${next}`);
}
