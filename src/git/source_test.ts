/**
 * What is told of a checkout.
 * @module
 */
import assert from "node:assert/strict";
import { GIT_ENVIRONMENT, gitRepository } from "../../test/support/git_repository.ts";
import { tempDir } from "../../test/support/temp.ts";
import { gitSource, repositoryUri } from "./source.ts";

Deno.test("source: a repository is named without logins, and not by a path of this machine", () => {
  const cases: Readonly<Record<string, string | undefined>> = {
    "https://git.test/team/app.git": "git+https://git.test/team/app.git",
    "https://x-access-token:ghs_secret@git.test/team/app": "git+https://git.test/team/app",
    "https://git.test/team/app?private_token=secret": "git+https://git.test/team/app",
    "ssh://git@git.test:2222/team/app": "git+ssh://git.test:2222/team/app",
    "git@git.test:team/app.git": "git+ssh://git.test/team/app.git",
    "user:pass@git.test:team/app": "git+ssh://git.test/team/app",
    "git.test:/team/app": "git+ssh://git.test/team/app",
    "git://git.test/team/app": "git://git.test/team/app",
    "/home/user/app": undefined,
    "../app": undefined,
    "file:///home/user/app": undefined,
    "C:\\app": undefined,
    "ext::sh -c x": undefined,
  };
  for (const [remote, uri] of Object.entries(cases)) {
    assert.equal(repositoryUri(remote), uri, remote);
  }
});

Deno.test("source: the commit, its branch, and whether it is what is built", async () => {
  await using repository = await gitRepository();
  const { dir } = repository;
  const environment = GIT_ENVIRONMENT;
  const ask = (...folder: string[]) => gitSource({ directory: dir.join(...folder), environment });
  assert.match(String(await ask()), /HEAD|needed a single revision/i);
  await repository.commit("initial", { "source.go": "code", "cmd/app/main.go": "code" });
  await repository.git("remote", "add", "origin", "https://user:secret@git.test/app");
  const commit = (await repository.git("rev-parse", "HEAD")).trim();
  const branch = "refs/heads/master";
  const clean = { commit, isDirty: false, branch, repository: "git+https://git.test/app" };
  assert.deepEqual(await ask(), { ...clean, folder: "." });
  assert.deepEqual(await ask("cmd", "app"), { ...clean, folder: "cmd/app" });
  await repository.git("checkout", "--quiet", "--detach");
  await repository.write({ "new.go": "new" });
  assert.deepEqual(await ask(), { ...clean, isDirty: true, branch: undefined, folder: "." });
  await using none = await tempDir();
  assert.match(String(await gitSource({ directory: none.path, environment })), /not a git repo/);
});
