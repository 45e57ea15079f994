/**
 * What differs from a commit, whatever somebody has done to the files, the index and git itself.
 * @module
 */
import assert from "node:assert/strict";
import { GIT_ENVIRONMENT, gitRepository } from "../../test/support/git_repository.ts";
import { failsWith } from "../../test/support/fails.ts";
import { asBefore, type Changes, changesSince } from "./changes.ts";

/** What has changed, by names. */
function told({ changed, folder }: Changes): readonly string[] {
  return [...changed].map(([path, change]) => `${change} ${path.slice(folder.length + 1)}`).sort();
}

Deno.test("changes: committed, staged or not, new and gone, by names of any kind", async () => {
  await using repository = await gitRepository();
  const { dir } = repository;
  const names = ["kept", "edited", "staged", "removed", "unstaged", "old", "forgotten", "back"];
  await repository.commit("one", {
    ...Object.fromEntries(names.map((name) => [name, `${name}\n`])),
    "-odd \n\"name'": "odd\n",
    "sub/file": "file\n",
    ".gitignore": "ignored\n",
  });
  await repository.commit("two", { "edited": "other\n", "later": "later\n" });
  await repository.git("mv", "old", "new");
  await repository.git("rm", "--quiet", "removed");
  await repository.git("rm", "--quiet", "--cached", "forgotten");
  await dir.write("staged", "other\n");
  await repository.git("add", "staged");
  await dir.write("staged", "staged\n");
  await dir.write("back", "other\n");
  await repository.git("add", "back");
  await Deno.remove(dir.join("unstaged"));
  await dir.write("-odd \n\"name'", "other\n");
  await dir.write("untracked", "");
  await dir.write("ignored", "");
  await dir.write("sub/\u00e9", "");
  const place = { directory: dir.join("sub"), environment: GIT_ENVIRONMENT };
  const since = await changesSince(place, "HEAD~1");
  assert.equal(since.folder, dir.path);
  assert.deepEqual(
    told(since),
    [
      "added later",
      "added new",
      "added sub/\u00e9",
      "added untracked",
      "changed -odd \n\"name'",
      "changed back",
      "changed edited",
      "changed forgotten",
      "deleted old",
      "deleted removed",
      "deleted unstaged",
    ].sort(),
  );
  const known = ["kept", "staged", "untracked", "removed", "ignored", "sub"]
    .map((name) => since.knows(dir.join(name)));
  assert.deepEqual(known, [true, true, true, true, false, false]);
  const read = (name: string) => asBefore(since, dir.join(name), Deno.readTextFile);
  const before = await Promise.all(["edited", "removed", "later", "sub", "../x"].map(read));
  assert.deepEqual(before, ["edited\n", "removed\n", undefined, undefined, undefined]);
});

Deno.test("changes: of what git was told not to look at, and of submodules, it tells nothing", async () => {
  await using other = await gitRepository();
  await other.commit("other", { "lib.go": "package lib\n" });
  await using repository = await gitRepository();
  const { dir } = repository;
  await repository.commit("one", { "assumed": "a\n", "skipped": "b\n", "meant": "c\n" });
  const add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add"];
  await repository.git(...add, other.dir.path, "lib");
  await repository.commit("two");
  await repository.git("update-index", "--assume-unchanged", "assumed");
  await repository.git("update-index", "--skip-worktree", "skipped");
  for (const name of ["assumed", "skipped"]) await dir.write(name, "other\n");
  await dir.write("later", "");
  await repository.git("add", "--intent-to-add", "later");
  const place = { directory: dir.path, environment: GIT_ENVIRONMENT };
  const since = await changesSince(place, "HEAD");
  assert.deepEqual(told(since), ["added later"]);
  const known = ["assumed", "skipped", "meant", "lib/lib.go"]
    .map((name) => since.knows(dir.join(name)));
  assert.deepEqual(known, [false, false, true, false]);
  await repository.git("-C", "lib", "commit", "--quiet", "--allow-empty", "-m", "more");
  assert.deepEqual(told(await changesSince(place, "HEAD")), ["added later", "changed lib"]);
});

Deno.test("changes: REV... is where the history has parted, and what is no commit is refused", async () => {
  await using repository = await gitRepository();
  const { dir } = repository;
  await repository.commit("one", { "both": "" });
  await repository.git("checkout", "--quiet", "-b", "other");
  await repository.commit("theirs", { "theirs": "" });
  await repository.git("checkout", "--quiet", "master");
  await repository.commit("ours", { "ours": "" });
  await repository.git("checkout", "--quiet", "--orphan", "alone");
  await repository.commit("alone");
  await repository.git("checkout", "--quiet", "master");
  const place = { directory: dir.path, environment: GIT_ENVIRONMENT };
  const since = async (revision: string) => told(await changesSince(place, revision));
  assert.deepEqual(await since("other"), ["added ours", "deleted theirs"]);
  assert.deepEqual(await since("other..."), ["added ours"]);
  await failsWith("GIT_FAILED", () => since("alone..."), /has nothing in common with HEAD; name/);
  for (const odd of ["HEAD:both", "--all", "HEAD..other", "", "-h", "...", "@{99}"]) {
    await failsWith("GIT_FAILED", () => since(odd), /there is none; name a commit, a branch/);
  }
  await repository.git("config", "core.worktree", "/nowhere-at-all");
  await failsWith("GIT_FAILED", () => since("HEAD"), /^Cannot tell what has changed in /);
});
