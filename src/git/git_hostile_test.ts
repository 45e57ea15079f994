/**
 * Repositories whose configuration names programs to be run: none of them is.
 * @module
 */
import assert from "node:assert/strict";
import { GIT_ENVIRONMENT, gitRepository } from "../../test/support/git_repository.ts";
import { tempDir } from "../../test/support/temp.ts";
import { asBefore, changesSince } from "./changes.ts";
import { gitChanges, gitCommitTag, gitFacts } from "./git.ts";

/** A program that leaves a mark, and the settings that name it. */
async function trap(dir: { write(name: string, content: string): Promise<string> }) {
  const program = await dir.write("mark.sh", '#!/bin/sh\necho "$*" >>"${0%mark.sh}marks"\ncat\n');
  await Deno.chmod(program, 0o755);
  const settings = [
    ...["core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "core.askPass"],
    ...["filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "filter.a.b.clean"],
    ...["diff.evil.textconv", "diff.evil.command", "diff.external", "gpg.program"],
    ...["merge.evil.driver", "core.gitProxy", "core.alternateRefsCommand", "pager.show"],
  ].map((name) => [name, `${program} ${name}`]);
  for (const alias of ["status", "config", "show", "describe"]) {
    settings.push([`alias.${alias}`, `!${program} alias`]);
  }
  // A partial clone fetches what it lacks, by any program.
  settings.push(["core.repositoryFormatVersion", "1"], ["extensions.partialClone", "evil"]);
  settings.push(["remote.evil.url", `ext::${program} ext`], ["remote.evil.promisor", "true"]);
  settings.push(["protocol.ext.allow", "always"], ["filter.evil.required", "true"]);
  settings.push(["log.showSignature", "true"]);
  return settings;
}

Deno.test("git: what a repository names is not run, and changes are seen all the same", async () => {
  await using temp = await tempDir();
  await using repository = await gitRepository();
  await repository.commit("one", {
    "main.go": "package main\n",
    ".gitattributes": "*.go filter=evil diff=evil\n*.b filter=a.b\n",
    "x.b": "x",
  });
  await repository.git("tag", "-a", "-m", "one", "v1");
  for (const [name = "", value = ""] of await trap(temp)) {
    await repository.git("config", name, value);
  }
  const hook = await repository.dir.write(
    ".git/hooks/post-index-change",
    "#!/bin/sh\ntouch hooked\n",
  );
  await Deno.chmod(hook, 0o755);
  const place = { directory: repository.dir.path, environment: GIT_ENVIRONMENT };
  // Another time: git has to read the files to know that they are as they were.
  for (const name of ["main.go", "x.b"]) await Deno.utime(repository.dir.join(name), 1e9, 1e9);

  const { fields, problem } = await gitFacts(place);
  assert.deepEqual([problem, fields.Tag, fields.IsDirty], [undefined, "v1", false]);
  assert.equal(await gitCommitTag(place), "v1");
  await repository.write({ "main.go": "package other\n" });
  assert.equal(await gitCommitTag(place), "v1-dirty");
  assert.equal((await gitFacts(place)).fields.TreeState, "dirty");
  const since = await changesSince(place, "v1");
  const main = repository.dir.join("main.go");
  assert.deepEqual([...since.changed], [[main, "changed"]]);
  assert.equal(await asBefore(since, main, Deno.readTextFile), "package main\n");

  // An object that is not there is not fetched.
  const tag = (await repository.git("rev-parse", "v1")).trim();
  await Deno.remove(repository.dir.join(".git", "objects", tag.slice(0, 2), tag.slice(2)));
  await gitFacts(place);
  assert.deepEqual((await temp.list()).sort(), ["mark.sh"]);
  assert.ok(!(await repository.dir.list()).includes("hooked"));
});

Deno.test("git: a submodule's programs are not run, and its changes are seen", async () => {
  await using temp = await tempDir();
  await using other = await gitRepository();
  await other.commit("other", { "lib.go": "package lib\n", ".gitattributes": "* filter=evil\n" });
  await using repository = await gitRepository();
  await repository.commit("one", { "main.go": "package main\n" });
  const add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add"];
  await repository.git(...add, other.dir.path, "a/lib");
  await repository.git("commit", "--quiet", "-m", "two");
  for (const [name = "", value = ""] of await trap(temp)) {
    await repository.git("-C", "a/lib", "config", name, value);
  }
  const place = { directory: repository.dir.path, environment: GIT_ENVIRONMENT };
  const changed = async (folder = ""): Promise<boolean> => {
    const { code, stdout, stderr } = await gitChanges({
      ...place,
      directory: repository.dir.join(folder),
    }, folder !== "");
    assert.equal(code, 0, stderr);
    return stdout !== "";
  };
  await Deno.utime(repository.dir.join("a/lib/lib.go"), 1e9, 1e9);
  assert.equal(await changed(), false);
  await Deno.writeTextFile(repository.dir.join("a/lib/lib.go"), "package changed\n");
  assert.deepEqual([await changed(), await changed("a")], [true, true]);
  assert.equal(
    (await changesSince(place, "HEAD")).knows(repository.dir.join("a/lib/lib.go")),
    false,
  );
  await repository.dir.write("b/x", "x");
  await repository.git("add", "b");
  await repository.git("commit", "--quiet", "-m", "three");
  assert.equal(await changed("b"), false);
  await repository.git("config", "-f", ".gitmodules", "submodule.a/lib.ignore", "dirty");
  await repository.git("add", ".gitmodules");
  await repository.git("commit", "--quiet", "--no-status", "-m", "four");
  assert.equal(await changed(), false);
  assert.deepEqual((await temp.list()).sort(), ["mark.sh"]);
});

Deno.test("git: filters of the user's own are run, and names that cannot be left out are refused", async () => {
  await using temp = await tempDir();
  await using repository = await gitRepository();
  await repository.commit("one", { "x.txt": "big\n", ".gitattributes": "*.txt filter=own\n" });
  const clean = await temp.write("clean.sh", "#!/bin/sh\ncat >/dev/null\necho big\n");
  await Deno.chmod(clean, 0o755);
  await temp.write(".gitconfig", `[filter "own"]\n\tclean = ${clean}\n`);
  await repository.write({ "x.txt": "BIG\n" });
  const environment = { ...GIT_ENVIRONMENT, HOME: temp.path };
  const place = { directory: repository.dir.path, environment };
  assert.equal((await gitChanges(place, false)).stdout, "");
  await repository.git("config", "filter.own.clean", "false");
  await repository.git("config", "filter.own.required", "true");
  assert.equal((await gitChanges(place, false)).stdout, "");
  await repository.git("config", "filter.a=b.clean", "false");
  const refused = await gitChanges(place, false);
  assert.deepEqual([refused.code, refused.stdout], [128, ""]);
  assert.match(refused.stderr, /names filter\.a=b\.clean, which cannot be left out/);
});

Deno.test("git: one that prints without end is ended", async () => {
  await using temp = await tempDir();
  const git = await temp.write("git", "#!/bin/sh\nexec yes\n");
  await Deno.chmod(git, 0o755);
  const environment = { ...GIT_ENVIRONMENT, PATH: `${temp.path}:${GIT_ENVIRONMENT["PATH"]}` };
  const { problem } = await gitFacts({ directory: temp.path, environment });
  assert.match(problem ?? "", /it prints more than 1048576 bytes/);
});
