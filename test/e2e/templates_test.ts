/**
 * Templates where people put them, in `.ko.yaml` and skaffold.yaml, and what odd values do in them.
 * @module
 */
import assert from "node:assert/strict";
import { type GitRepository, gitRepository } from "../support/git_repository.ts";
import { goMod } from "../support/go_module.ts";
import { kodeno } from "../support/kodeno.ts";
import { configOf, digestIn, manifestOf, outputOf } from "../support/layout.ts";
import { succeed } from "../support/process.ts";

const MAIN = 'package main\n\nvar version = "dev"\n\nfunc main() { println(version, extra) }\n';

async function repository(file: string, text: string): Promise<GitRepository> {
  return await (await gitRepository()).commit("all", {
    "go.mod": goMod("example.test/app"),
    "main.go": MAIN.replace(
      "println(version, extra)",
      'os.Stdout.WriteString(version + " " + extra)',
    )
      .replace("main\n", 'main\n\nimport "os"\n'),
    "foo.go": '//go:build foo\n\npackage main\n\nconst extra = "foo"\n',
    "none.go": '//go:build !foo\n\npackage main\n\nconst extra = "none"\n',
    ".gitignore": "out\n",
    [file]: text,
  });
}

Deno.test("templates: what .ko.yaml says of images expands as flags do", async () => {
  await using work = await repository(
    ".ko.yaml",
    `defaultLabels: {commit: '{{.Git.ShortCommit}}', words: '{{.Env.WORDS}}', date: '{{.Date}}'}
defaultAnnotations: {branch: '{{.Git.Branch}}'}
builds:
- labels: {own: '{{.GoEnv.GOARCH}}', '{{.Env.KEY}}': key, '{{"{{"}}x}}': '{{"{{"}}x}}'}
  imageEnv: {REVISION: 'r{{.Git.ShortCommit}}', '{{.Env.KEY}}': '{{.Env.NONE}}'}
  user: '{{.Env.UID}}'
  entrypointArgs: ['{{.Env.NONE}}', '--dirty={{.Git.IsDirty}}', '', '{{"{{"}}.Name}}']
  expose: ['{{.Env.PORT}}/udp', '{{.Env.NONE}}']
`,
  );
  const cwd = work.dir.path;
  const env = { WORDS: 'a "b"\nc', UID: "1000", PORT: "53", NONE: "", SOURCE_DATE_EPOCH: "86400" };
  const args = ["build", ".", "--image-label", "flag={{.Env.WORDS}}"];
  const { code, stdout, stderr } = await kodeno(args, { cwd, env });
  assert.equal(code, 0, stderr);
  const out = work.dir.join("out");
  const { config = {} } = await configOf(out, digestIn(stdout));
  const commit = (await work.git("rev-parse", "--short", "HEAD")).trim();
  assert.deepEqual(config.Labels, {
    commit,
    words: 'a "b"\nc',
    date: "1970-01-02T00:00:00Z",
    own: "amd64",
    "{{.Env.KEY}}": "key",
    '{{"{{"}}x}}': "{{x}}",
    flag: "{{.Env.WORDS}}",
  });
  assert.deepEqual(config.Env?.slice(-2), [`REVISION=r${commit}`, "{{.Env.KEY}}="]);
  assert.equal(config.User, "1000");
  assert.deepEqual(config.Entrypoint, ["/ko-app/app", "--dirty=false", "", "{{.Name}}"]);
  assert.deepEqual(Object.keys(config.ExposedPorts ?? {}), ["53/udp"]);
  const { annotations } = await manifestOf(out, digestIn(stdout));
  assert.equal(annotations?.["branch"], "master");

  const cases: readonly (readonly [env: Record<string, string>, args: string[], why: RegExp])[] = [
    [{ ...env, PORT: "x" }, [], /Cannot use port "x\/udp"/],
    [
      { UID: "0", PORT: "1", NONE: "" },
      [],
      /in labels\["words"\] of \.ko\.yaml:1: \.Env has no field WORDS/,
    ],
    // There is no one architecture.
    [env, ["--platform", "linux/amd64,linux/arm64"], /labels\["own"\] of \.ko\.yaml:4.*no.*GOARCH/],
  ];
  for (const [env, more, why] of cases) {
    const refused = await kodeno(["build", ".", ...more], { cwd, env });
    assert.deepEqual([refused.code, refused.stdout], [2, ""], refused.stderr);
    assert.match(refused.stderr, why);
  }
});

Deno.test("templates: a flag that comes to nothing is none, and those of go list expand", async () => {
  await using work = await repository(
    ".ko.yaml",
    `defaultFlags: ['{{if eq .Env.TAGS "foo"}}-race{{end}}', ' ', -tags, '{{.Env.TAGS}}']
defaultLdflags: ['{{.Env.MORE}}', '']
`,
  );
  // A package of another tag is found only by a go list that knows the tag.
  await work.write({ "cmd/tagged/main.go": "//go:build bar\n\npackage main\n\nfunc main() {}\n" });
  const cwd = work.dir.path;
  const plain = await kodeno(["build", ".", "-v"], { cwd, env: { TAGS: "", MORE: "" } });
  assert.equal(plain.code, 0, plain.stderr);
  assert.match(plain.stderr, /^go build -tags {2}-trimpath -o /m);
  const tagged = await kodeno(["build", "./cmd/tagged"], { cwd, env: { TAGS: "bar", MORE: "-s" } });
  assert.equal(tagged.code, 0, tagged.stderr);
});

Deno.test("templates: image names in labels of skaffold.yaml, and what comes to nothing there", async () => {
  await using work = await repository(
    "skaffold.yaml",
    `apiVersion: skaffold/v4beta13
kind: Config
build:
  artifacts:
  - image: team/app
    ko:
      fromImage: scratch
      labels: {image: '{{.IMAGE_REPO}}|{{.IMAGE_NAME}}|{{.IMAGE_TAG}}', who: '{{.WHO}}'}
      flags: ['{{default "" .NONE}}', '-tags={{.TAGS}}']
      ldflags: ['{{default "" .NONE}}']
      env: ['{{default "" .NONE}}', 'GOFLAGS=']
`,
  );
  const { code, stdout, stderr } = await kodeno(
    ["build", "-f", "skaffold.yaml", "-d", "reg.test:5000/x", "-t", "v1", "-v"],
    { cwd: work.dir.path, env: { WHO: "{{.X}}", TAGS: "foo" } },
  );
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^go build -tags=foo -trimpath -o /m);
  const out = work.dir.join("out");
  const { config = {} } = await configOf(out, digestIn(stdout));
  assert.deepEqual(config.Labels, { image: "reg.test:5000/x|team_app|v1", who: "{{.X}}" });
  assert.equal(await outputOf(out, digestIn(stdout), "app"), "dev foo");
});

Deno.test("templates: the name of a branch is a value, and never a flag", async () => {
  await using work = await repository(
    ".ko.yaml",
    "",
  );
  const cwd = work.dir.path;
  const build = async (branch: string, flag: string) => {
    await work.git("checkout", "--quiet", "-B", branch);
    await work.dir.write(
      ".ko.yaml",
      `builds:\n- ldflags: ['${flag}']\n  labels: {branch: '{{.Git.Branch}}'}\n`,
    );
    return await kodeno(["build", "."], { cwd });
  };
  const plain = "-X main.version={{.Git.Branch}}";
  const quoted = '-X "main.version={{.Git.Branch}}"';
  for (const branch of ['a"b', "$(x)`y`", "caf\u00e9/\u{1f600}"]) {
    const { code, stdout, stderr } = await build(branch, plain);
    assert.equal(code, 0, stderr);
    const out = work.dir.join("out");
    assert.equal(await outputOf(out, digestIn(stdout)), `${branch} none`);
    const { config = {} } = await configOf(out, digestIn(stdout));
    assert.equal(config.Labels?.["branch"], branch);
  }
  const evil = 'a""-linkmode=external""-extld=evil';
  for (
    const [branch, flag] of [['a"b', quoted], [evil, quoted], ['"-s"', "{{.Git.Branch}}"]] as const
  ) {
    const { code, stderr } = await build(branch, flag);
    assert.equal(code, 2, stderr);
    assert.match(
      stderr,
      /Cannot fill in .* a quote in the name of the branch or tag makes other flags/,
    );
  }
  // What no text can hold is not replaced by another name.
  await succeed("sh", ["-c", "git checkout --quiet -B $(printf 'caf\\351')"], { cwd });
  const { code, stderr } = await kodeno(["build", "."], { cwd });
  assert.equal(code, 2, stderr);
  assert.match(stderr, /the name of the branch or tag is not UTF-8; rename it/);
});
