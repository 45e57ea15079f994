/**
 * What git tells of real repositories; that ko says the same is for `test/differential`.
 * @module
 */
import assert from "node:assert/strict";
import { symlink } from "node:fs/promises";
import { failsWith } from "../../test/support/fails.ts";
import {
  GIT_ENVIRONMENT,
  type GitRepository,
  gitRepository,
} from "../../test/support/git_repository.ts";
import { succeed } from "../../test/support/process.ts";
import { tempDir } from "../../test/support/temp.ts";
import { GIT_VARIANTS, gitCommitTag, gitFacts, tagFrom } from "./git.ts";

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

interface Case {
  readonly what: string;
  readonly make: (repository: GitRepository) => Promise<unknown>;
  /** In the order of `GIT_VARIANTS`, without `-dirty`. */
  readonly tags: readonly string[];
  readonly dirty?: boolean;
  readonly folder?: string;
  readonly ignoreChanges?: boolean;
}

/** What the variants make of a commit and a tree. */
const ids = (tags: string, commit: string, tree: string, branch = "master"): readonly string[] => [
  tags,
  commit,
  commit.slice(0, 7),
  tree,
  tree.slice(0, 7),
  branch,
];

const ONE = "eefe1b9c44eb0aa87199c9a079f2d48d8eb8baed";
const ONE_TREE = "3bed02ca656e336307e4eb4d80080d7221cba62c";
const TWO = "aea33bcc86b5af8c8570ff45d8a643202d63c808";
const TWO_TREE = "bc69d50cda6897a6f2054e64b9059f038dc6fb0e";
const BOTH = "b610928dc27484cc56990bc77622aab0dbd67131";
const OTHER_TREE = "36651c832d8bf5ca1e84c6dc23bb8678fa51cf3e";

const initial = (repository: GitRepository) =>
  repository.commit("initial", { "source.go": "code" });
const tagged = (first: string, second: string) => async (repository: GitRepository) => {
  await initial(repository);
  await repository.git("tag", first);
  await repository.commit("second commit", { "other.go": "other" });
  await repository.git("tag", second);
};
const artifacts = async (repository: GitRepository) => {
  const files = { "artifact1/source.go": "code", "artifact2/source.go": "other code" };
  await repository.commit("initial", files);
  await repository.git("tag", "v1");
};

const CASES: readonly Case[] = [
  { what: "no tag", make: initial, tags: ids("eefe1b9", ONE, ONE_TREE) },
  { what: "tag with a slash", make: tagged("v/1", "v/2"), tags: ids("v_2", TWO, TWO_TREE) },
  { what: "tags", make: tagged("v1", "v2"), tags: ids("v2", TWO, TWO_TREE) },
  {
    what: "branch",
    make: async (repository) => {
      await initial(repository);
      await repository.git("checkout", "-q", "-b", "branch");
      await repository.commit("second");
    },
    tags: ids("589c4dc", "589c4dcf52df66d058c705db39f871dceacf6471", ONE_TREE, "branch"),
  },
  {
    what: "branch with a slash",
    make: async (repository) => {
      await initial(repository);
      await repository.git("checkout", "-q", "-b", "branch/withslash");
    },
    tags: ids("eefe1b9", ONE, ONE_TREE, "branch_withslash"),
  },
  {
    what: "changed file",
    make: async (repository) => {
      await tagged("v/1", "v/2")(repository);
      await repository.write({ "other.go": "updated code" });
    },
    dirty: true,
    tags: ids("v_2", TWO, TWO_TREE),
  },
  {
    what: "changes that are ignored",
    make: async (repository) => {
      await tagged("v1", "v2")(repository);
      await repository.write({ "other.go": "updated code" });
    },
    ignoreChanges: true,
    tags: ids("v2", TWO, TWO_TREE),
  },
  {
    what: "same tree as before",
    make: async (repository) => {
      await repository.commit("initial", { "source.go": "other code" });
      await repository.commit("updated code", { "source.go": "code" });
      await repository.git("tag", "v1");
    },
    tags: ids("v1", "b2f7a7d62794237ac293eb07c6bcae3736b96231", ONE_TREE),
  },
  {
    what: "file that is not tracked",
    make: async (repository) => {
      await initial(repository);
      await repository.write({ "new.go": "new code" });
    },
    dirty: true,
    tags: ids("eefe1b9", ONE, ONE_TREE),
  },
  {
    what: "file that is ignored",
    make: async (repository) => {
      await initial(repository);
      await repository.write({ ".git/info/exclude": "*.log\n", "a.log": "noise" });
    },
    tags: ids("eefe1b9", ONE, ONE_TREE),
  },
  {
    what: "commit after the tag",
    make: async (repository) => {
      await initial(repository);
      await repository.git("tag", "v1");
      await repository.commit("changes", { "source.go": "updated code" });
    },
    tags: ids(
      "v1-1-g3cec6b9",
      "3cec6b950895704a8a69b610a199b242a3bd370f",
      "81eea360f7f81bc5c187498a8d6c4337e0361374",
    ),
  },
  {
    what: "deleted file",
    make: async (repository) => {
      await repository.commit("initial", { "source1.go": "code1", "source2.go": "code2" });
      await Deno.remove(repository.dir.join("source1.go"));
    },
    dirty: true,
    tags: ids(
      "279d53f",
      "279d53fcc3ae34503aec382a49a41f6db6de9a66",
      "039c20a072ceb72fb72d5883315df91659bb8ae4",
    ),
  },
  { what: "folder", make: artifacts, folder: "artifact1", tags: ids("v1", BOTH, ONE_TREE) },
  {
    what: "other folder",
    make: artifacts,
    folder: "artifact2/",
    tags: ids("v1", BOTH, OTHER_TREE),
  },
  {
    what: "change in another folder",
    make: async (repository) => {
      await artifacts(repository);
      await repository.write({ "artifact2/source.go": "updated code" });
    },
    folder: "artifact1",
    tags: ids("v1", BOTH, ONE_TREE),
  },
  {
    what: "change in this folder",
    make: async (repository) => {
      await artifacts(repository);
      await repository.write({ "artifact2/source.go": "updated code" });
    },
    folder: "artifact2",
    dirty: true,
    tags: ids("v1", BOTH, OTHER_TREE),
  },
  {
    what: "folder behind a link",
    make: async (repository) => {
      await artifacts(repository);
      await symlink("artifact2", repository.dir.join("link"));
      await repository.write({ ".git/info/exclude": "link\n" });
    },
    folder: "link",
    tags: ids("v1", BOTH, OTHER_TREE),
  },
];

Deno.test("git: tags of all variants equal Skaffold's", async (t) => {
  for (const { what, make, tags, dirty, folder, ignoreChanges } of CASES) {
    await t.step(what, async () => {
      await using repository = await gitRepository();
      await make(repository);
      const directory = repository.dir.join(folder ?? "");
      const found = await Promise.all(
        ["", ...GIT_VARIANTS].map((variant) =>
          gitCommitTag({ directory, variant, ignoreChanges, environment: GIT_ENVIRONMENT })
        ),
      );
      const expected = tags.map((tag) => `${tag}${dirty ? "-dirty" : ""}`);
      assert.deepEqual(found, [expected[0], ...expected]);
    });
  }
});

Deno.test("git: the prefix stands before the tag as it is, and the variant may be in any case", async () => {
  await using repository = await gitRepository();
  await tagged("v1", "v2+meta")(repository);
  const how = { directory: repository.dir.path, environment: GIT_ENVIRONMENT };
  assert.equal(await gitCommitTag({ ...how, prefix: "rel/" }), "rel/v2_meta");
  assert.equal(
    await gitCommitTag({ ...how, variant: "ABBREVcommitSHA", prefix: "c-" }),
    "c-aea33bc",
  );
});

Deno.test("git: a checked-out commit has no branch to be named by", async () => {
  await using repository = await gitRepository();
  await initial(repository);
  await repository.git("checkout", "-q", "--detach");
  const how = {
    directory: repository.dir.path,
    environment: GIT_ENVIRONMENT,
    variant: "Branches",
  };
  await failsWith("GIT_FAILED", () => gitCommitTag(how), /no branch is checked out/);
  assert.equal(await gitCommitTag({ ...how, prefix: "b" }), "b");
  assert.equal(await gitCommitTag({ ...how, variant: "Tags" }), "eefe1b9");
});

Deno.test("git: the index is left alone while a tag is made", async () => {
  await using repository = await gitRepository();
  await initial(repository);
  const index = repository.dir.join(".git/index");
  // A file whose time has changed, but not its content, makes git want to write its index anew.
  await Deno.utime(repository.dir.join("source.go"), 1, 1);
  const before = await Deno.readFile(index);
  const how = { directory: repository.dir.path, environment: GIT_ENVIRONMENT };
  assert.equal(await gitCommitTag(how), "eefe1b9");
  assert.deepEqual(await Deno.readFile(index), before);
});

Deno.test("git: what cannot be named says why", async () => {
  await using repository = await gitRepository();
  await using plain = await tempDir();
  const environment = GIT_ENVIRONMENT;
  const tag = (directory: string, variant = "") =>
    gitCommitTag({ directory, variant, environment });
  await failsWith("GIT_FAILED", () => tag(plain.path), /not a git repository.*tagPolicy$/);
  for (const variant of GIT_VARIANTS.filter((name) => name !== "Branches")) {
    await failsWith("GIT_FAILED", () => tag(repository.dir.path, variant));
  }
  assert.equal(await tag(repository.dir.path, "Branches"), "master");
  await failsWith("BAD_OPTION", () => tag(plain.join("none")), /it is not a folder/);
  await failsWith("BAD_CONFIG", () => tag(plain.path, "tag"), /Tags, CommitSha.* or Branches$/);
  await failsWith("BAD_CONFIG", () => tag(plain.path, "constructor"));
  await failsWith(
    "GIT_FAILED",
    () => gitCommitTag({ directory: plain.path, environment: { PATH: plain.path } }),
    /no such command on PATH; install git/,
  );
});

Deno.test("git: names become usable as image tags", () => {
  const cases: Readonly<Record<string, string>> = {
    "abcXYZ019-_.": "abcXYZ019-_.",
    "_v1": "_v1",
    "v/1": "v_1",
    "v%$@!1": "v____1",
    "--v1": "__v1",
    "..v1": "__v1",
    ".-.v1-.": "___v1-.",
    "v\u00e9\u{1f600}": "v__",
    [`-${"0123456789".repeat(20)}`]: `_${"0123456789".repeat(20)}`.slice(0, 128),
  };
  for (const [name, expected] of Object.entries(cases)) assert.equal(tagFrom(name), expected);
});
