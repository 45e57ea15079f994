/**
 * Git repositories of a test's own, whose commits have the same ids everywhere.
 * @module
 */
import { succeed } from "./process.ts";
import { type TempDir, tempDir } from "./temp.ts";

const WHO = { NAME: "John Doe", EMAIL: "john@doe.org", DATE: "2013-02-03T19:54:00-0700" };

/** The environment git runs in: nothing of the user's own settings. */
export const GIT_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: Deno.env.get("PATH") ?? "",
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  LC_ALL: "C",
  ...Object.fromEntries(
    Object.entries(WHO).flatMap(([key, value]) => [
      [`GIT_AUTHOR_${key}`, value],
      [`GIT_COMMITTER_${key}`, value],
    ]),
  ),
};

/** A work tree with its repository; goes away with its scope. */
export class GitRepository implements AsyncDisposable {
  /** @param dir the work tree */
  constructor(readonly dir: TempDir) {}

  /** Runs git in it; gives what it printed. */
  async git(...args: readonly string[]): Promise<string> {
    return await succeed("git", args, { cwd: this.dir.path, env: GIT_ENVIRONMENT });
  }

  /** Writes executable files (as Skaffold's tests do, for equal ids) by their names. */
  async write(files: Readonly<Record<string, string>>): Promise<this> {
    for (const [name, content] of Object.entries(files)) {
      await Deno.chmod(await this.dir.write(name, content), 0o755);
    }
    return this;
  }

  /** Writes files and commits everything. */
  async commit(message: string, files: Readonly<Record<string, string>> = {}): Promise<this> {
    await this.write(files);
    await this.git("add", "--all");
    // No newline after the message, as other writers of commits than git leave it.
    const file = await this.dir.write(".git/MESSAGE", message);
    await this.git("commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "-F", file);
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dir[Symbol.asyncDispose]();
  }
}

/** Makes a repository without a commit, on branch master. */
export async function gitRepository(): Promise<GitRepository> {
  const repository = new GitRepository(await tempDir());
  await repository.git("init", "--quiet", "--initial-branch=master");
  return repository;
}
