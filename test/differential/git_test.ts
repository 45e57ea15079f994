/**
 * Equal to ko: what templates print of a repository, in each state that one can be in. The flags are
 * those that ko hands to a go command which writes them down.
 * @module
 */
import assert from "node:assert/strict";
import { gitFacts } from "../../src/git/git.ts";
import { koData } from "../../src/template/ko_data.ts";
import { compileTemplate } from "../../src/template/template.ts";
import { needs } from "../parts/tools.ts";
import { GIT_ENVIRONMENT, type GitRepository, gitRepository } from "../support/git_repository.ts";
import { goModule } from "../support/go_module.ts";
import { succeed } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";
import { type Lab, openLab } from "./lab.ts";

const FIELDS = ["Branch", "Tag", "ShortCommit", "FullCommit", "CommitDate", "CommitTimestamp"];
const STATES = ["IsDirty", "IsClean", "TreeState"];
const EPOCH = "1700000000";

const FLAGS = [
  ...[...FIELDS, ...STATES].map((field) => `-X main.${field}={{.Git.${field}}}`),
  "{{.Git}} {{len .Git}} {{printf `%v %T %q` .Git.CommitTimestamp .Git.IsDirty .Git.Branch}}",
  "{{.Date}} {{.Timestamp}} {{.Env.LDFLAGS}} {{.Env.SPECIAL}} {{index .Env `NO_SUCH`}}",
  "{{.GoEnv.GOARCH}} {{.GoEnv.GOVERSION}} {{with .Git}}{{.Tag | printf `%-10s`}}{{end}}|",
  "{{range $k, $v := .Git}}{{$k}}={{$v}} {{end}}{{if and .Git.IsClean (ne .Git.Tag ``)}}x{{end}}",
];
/** Injection: what a variable holds stays one argument. */
const SPECIAL = "a \"b\" 'c'\n{{.Git}} $(x)";

type Make = (repository: GitRepository) => Promise<unknown>;

const tagged: Make = async (repository) => {
  await repository.commit("first");
  await repository.git("tag", "v1.2.3");
};
const STATES_OF_A_REPOSITORY: Readonly<Record<string, Make>> = {
  "no commit": () => Promise.resolve(),
  "no tag": (repository) => repository.commit("first"),
  "a tag": tagged,
  "commits after a tag": async (repository) => {
    await tagged(repository);
    await repository.commit("second", { "more.txt": "more" });
  },
  "an annotated tag, and a branch with a slash and a quote": async (repository) => {
    await repository.commit("first");
    await repository.git("tag", "-a", "rel/2", "-m", "two");
    await repository.git("checkout", "-q", "-b", "feature/it's");
  },
  "a file that is not tracked": async (repository) => {
    await tagged(repository);
    await repository.write({ "other/new.txt": "new" });
  },
  "a change": async (repository) => {
    await tagged(repository);
    await repository.write({ "go.mod": "module example.com/app\n\ngo 1.22\n// changed\n" });
  },
  "no branch": async (repository) => {
    await tagged(repository);
    await repository.git("checkout", "-q", "--detach");
  },
  "a tag and a branch of one name": async (repository) => {
    await repository.commit("first");
    await repository.git("tag", "master");
  },
};

const PROGRAM = { "main.go": "package main\n\nfunc main() {}\n" };

/** A go command that writes the linker's flags down, and builds nothing. */
async function recorder(lab: Lab): Promise<{ readonly go: string; readonly file: string }> {
  const file = lab.dir.join("flags");
  const script = `#!/bin/sh
for arg in "$@"; do
  case "$arg" in -ldflags=*) printf '%s' "\${arg#-ldflags=}" >'${file}'; exit 3 ;; esac
done
exec go "$@"
`;
  const go = await lab.dir.write("bin/recorder", script);
  await Deno.chmod(go, 0o755);
  return { go, file };
}

/** What ko makes of the flags in a folder. */
async function koFlags(lab: Lab, cwd: string): Promise<string> {
  const { go, file } = await recorder(lab);
  const yaml = `defaultLdflags: ${JSON.stringify(FLAGS)}\n`;
  const { reference } = await lab.base("multi");
  await Deno.remove(file).catch(() => undefined);
  const { stderr } = await lab.ko(["--push=false", "--platform=linux/amd64", "."], {
    cwd,
    env: {
      ...environment(reference),
      KO_CONFIG_PATH: await lab.dir.write("ko.yaml", yaml),
      KO_GO_PATH: go,
    },
  });
  return await Deno.readTextFile(file).catch(() => assert.fail(stderr));
}

const environment = (base: string) => ({
  ...GIT_ENVIRONMENT,
  HOME: Deno.env.get("HOME") ?? "/",
  GIT_CONFIG_GLOBAL: "/dev/null",
  KO_DEFAULTBASEIMAGE: base,
  SOURCE_DATE_EPOCH: EPOCH,
  SPECIAL,
});

/** What kodeno makes of them. */
async function ourFlags(directory: string): Promise<string> {
  const goEnvironment = JSON.parse(await succeed("go", ["env", "-json"], { cwd: directory }));
  const { fields } = await gitFacts({ directory, environment: environment("") });
  const data = koData({
    environment: { SPECIAL },
    goEnvironment,
    git: fields,
    date: new Date(Number(EPOCH) * 1000),
    timezone: "UTC",
  });
  return FLAGS.map((flag, i) => compileTemplate(flag, `ldflags[${i}]`).run(data)).join(" ");
}

Deno.test({
  name: "equal to ko: what templates print of a repository",
  ...needs("docker-registry"),
  async fn(t) {
    await using lab = await openLab();
    for (const [state, make] of Object.entries(STATES_OF_A_REPOSITORY)) {
      await t.step(state, async () => {
        await using repository = await gitRepository();
        await goModule(repository.dir, "example.com/app", PROGRAM);
        await make(repository);
        const cwd = repository.dir.path;
        assert.equal(await ourFlags(cwd), await koFlags(lab, cwd));
      });
    }
    await t.step("no repository", async () => {
      await using dir = await tempDir();
      await goModule(dir, "example.com/app", PROGRAM);
      assert.equal(await ourFlags(dir.path), await koFlags(lab, dir.path));
    });
    await t.step("a folder of a repository", async () => {
      await using repository = await gitRepository();
      await goModule(repository.dir, "example.com/app", PROGRAM, "sub");
      await tagged(repository);
      await repository.write({ "beside.txt": "dirty for ko" });
      const cwd = repository.dir.join("sub");
      assert.equal(await ourFlags(cwd), await koFlags(lab, cwd));
    });
  },
});
