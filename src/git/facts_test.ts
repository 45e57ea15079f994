/**
 * What git tells of real repositories; that ko says the same is for `test/differential`.
 * @module
 */
import assert from "node:assert/strict";
import { failsWith } from "../../test/support/fails.ts";
import { GIT_ENVIRONMENT, gitRepository } from "../../test/support/git_repository.ts";
import { succeed } from "../../test/support/process.ts";
import { tempDir } from "../../test/support/temp.ts";
import { gitFacts } from "./facts.ts";

const environment = GIT_ENVIRONMENT;

Deno.test("git: the fields are those of the commit, and nothing is wrong", async () => {
  await using repository = await gitRepository();
  await repository.commit("initial", { "source.go": "code" });
  await repository.git("tag", "v1.2.3");
  const facts = await gitFacts({ directory: repository.dir.path, environment });
  assert.deepEqual(facts, {
    fields: {
      Branch: "master",
      Tag: "v1.2.3",
      ShortCommit: "eefe1b9",
      FullCommit: "eefe1b9c44eb0aa87199c9a079f2d48d8eb8baed",
      CommitDate: "2013-02-04T02:54:00Z",
      CommitTimestamp: 1359946440,
      IsDirty: false,
      IsClean: true,
      TreeState: "clean",
    },
  });
  await repository.write({ "new.go": "new" });
  const { fields } = await gitFacts({ directory: repository.dir.path, environment });
  assert.deepEqual([fields.IsDirty, fields.IsClean, fields.TreeState], [true, false, "dirty"]);
});

Deno.test("git: a commit of a time that no date can hold", async () => {
  await using repository = await gitRepository();
  for (const seconds of ["253402300800", "99999999999999999"]) {
    const when = `@${seconds} +0000`;
    await succeed("git", ["commit", "--quiet", "--allow-empty", "-m", "x"], {
      cwd: repository.dir.path,
      env: { ...environment, GIT_AUTHOR_DATE: when, GIT_COMMITTER_DATE: when },
    });
    const { fields, problem } = await gitFacts({ directory: repository.dir.path, environment });
    assert.equal(fields.Branch, "master");
    assert.deepEqual([fields.CommitDate, fields.CommitTimestamp], [
      "0001-01-01T00:00:00Z",
      -62135596800,
    ]);
    assert.match(problem ?? "", new RegExp(`"${seconds}" is not in the years 1 to 9999`));
  }
});

Deno.test("git: where it tells nothing, the fields are ko's, and the problem is told", async () => {
  await using repository = await gitRepository();
  await using plain = await tempDir();
  const ask = (directory: string, more: object = {}) =>
    gitFacts({ directory, environment, ...more });
  const empty = await ask(plain.path);
  assert.match(empty.problem ?? "", /^Cannot ask git about .*: not a git repository .* is empty$/);
  assert.equal(empty.fields.CommitDate, "0001-01-01T00:00:00Z");
  assert.equal(empty.fields.Tag, "");

  const noCommit = await ask(repository.dir.path);
  assert.deepEqual(noCommit.fields, empty.fields);
  assert.match(noCommit.problem ?? "", /ambiguous argument 'HEAD'/);
  const inside = await ask(repository.dir.join(".git"));
  assert.match(inside.problem ?? "", /must be run in a work tree|not in a work tree|HEAD/);
  const noGit = await ask(plain.path, { environment: { PATH: plain.path } });
  assert.deepEqual(noGit.fields, empty.fields);
  assert.match(noGit.problem ?? "", /Cannot run git: there is no such command on PATH/);

  await repository.commit("first");
  const noTag = await ask(repository.dir.path);
  assert.equal(noTag.fields.Tag, "v0.0.0");
  assert.match(noTag.tagProblem ?? "", /Cannot find a tag .*: No names found.* is v0\.0\.0$/);
});

Deno.test("git: no such folder is an error, and an aborted signal ends it", async () => {
  await using plain = await tempDir();
  const directory = plain.join("none");
  await failsWith("BAD_OPTION", () => gitFacts({ directory, environment }), /it is not a folder/);
  const signal = AbortSignal.abort(new Error("enough"));
  await assert.rejects(gitFacts({ directory: plain.path, environment, signal }), /enough/);
});
