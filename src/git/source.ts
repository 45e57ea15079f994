/**
 * Which commit a folder is checked out at, and from where, for those who are told what was built.
 * @module
 */
import { hasCode } from "../errors.ts";
import { gitChanges, type GitPlace, reasonOf, runGit } from "./git.ts";

/** A checkout. */
export interface GitSource {
  /** Of the commit, in hex. */
  readonly commit: string;
  /** Whether anything is changed or not tracked. */
  readonly isDirty: boolean;
  /** `refs/heads/BRANCH`; nothing where none is checked out. */
  readonly branch: string | undefined;
  /** Where the repository is to be had, without logins, as others write it; nothing for a folder. */
  readonly repository: string | undefined;
  /** The folder that was asked about, from the root of the checkout; `.` for that itself. */
  readonly folder: string;
}

/** Asks git about a folder; a text says why it tells nothing. */
export async function gitSource(place: GitPlace): Promise<GitSource | string> {
  const run = (...args: readonly string[]) => runGit(place, args);
  try {
    const [at, branch, remote, changes] = await Promise.all([
      run("rev-parse", "--verify", "HEAD"),
      run("symbolic-ref", "--quiet", "HEAD"),
      run("config", "--get", "remote.origin.url"),
      gitChanges(place, false),
    ]);
    if (at.code !== 0) return reasonOf(at);
    const folder = await run("rev-parse", "--show-prefix");
    if (folder.code !== 0) return reasonOf(folder);
    return {
      commit: at.stdout,
      isDirty: changes.code !== 0 || changes.stdout !== "",
      branch: branch.code === 0 ? branch.stdout : undefined,
      repository: remote.code === 0 ? repositoryUri(remote.stdout) : undefined,
      folder: folder.stdout.replace(/\/$/, "") || ".",
    };
  } catch (error) {
    if (!hasCode(error, "GIT_FAILED")) throw error;
    return error.message;
  }
}

/** What SPDX and in-toto call a repository, `git+https://HOST/PATH`; nothing for a path of a machine. */
export function repositoryUri(remote: string): string | undefined {
  if (URL.canParse(remote)) {
    const { protocol, host, pathname } = new URL(remote);
    const isPlain = /^(?:https?|ssh):$/.test(protocol) && host !== "";
    if (isPlain) return `git+${protocol}//${host}${pathname}`;
    if (protocol === "git:" && host !== "") return `git://${host}${pathname}`;
    if (/^[a-z]+:\/\//i.test(remote)) return undefined;
  }
  // As scp names files: [USER@]HOST:PATH. One letter is a drive of Windows.
  const [, host = "", path = ""] = /^(?:[^/]*@)?([^/:@]{2,}):([^:].*)$/.exec(remote) ?? [];
  return host && `git+ssh://${host}/${path.replace(/^\/+/, "")}` || undefined;
}
