/**
 * `kodeno init`: what it proposes for repositories, that builds take it, and that nothing that is
 * there is touched.
 * @module
 */
import assert from "node:assert/strict";
import { parseAllDocuments } from "../../src/npm/yaml.ts";
import { needs } from "../parts/tools.ts";
import { assertFails } from "../support/failure.ts";
import { goMod, goModule, printer } from "../support/go_module.ts";
import { kodeno } from "../support/kodeno.ts";
import { run, until } from "../support/process.ts";
import { filesBelow, type TempDir, tempDir } from "../support/temp.ts";
import { commandLine, terminal } from "../support/terminal.ts";

const DOCKERFILE = `FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -ldflags "-s -X main.version=v7" -o /manager ./cmd/manager
FROM scratch
COPY --from=build /manager /manager
USER 65532
ENV MODE="{{fast}}"
EXPOSE 8080
ENTRYPOINT ["/manager", "--serve"]
`;

const OBJECTS = `apiVersion: apps/v1
kind: Deployment
metadata: {name: x}
spec:
  template:
    spec:
      containers:
        - image: ko://example.com/op/cmd/manager
        - image: registry.example/team/gen:v1
---
apiVersion: v1
kind: Service
metadata: {name: x}
`;

/** A repository with two modules, a Dockerfile and objects. */
async function repository(dir: TempDir): Promise<void> {
  await goModule(dir, "example.com/op", {
    "cmd/manager/main.go": printer("manager"),
    "internal/x/x.go": "package x\n",
    "Dockerfile": DOCKERFILE,
    "legacy/Dockerfile": "FROM debian\nRUN make\n",
    "config/dep.yaml": OBJECTS,
    "config/service.yaml": "apiVersion: v1\nkind: Service\n",
    "other/values.yaml": "a: 1\n",
    "chart/Chart.yaml": "apiVersion: v2\nname: x\n",
    "chart/templates/d.yaml": "apiVersion: v1\nkind: Pod\nimage: ko://{{ .x }}\n",
  });
  await goModule(dir, "example.com/op/tools", { "gen/main.go": printer("gen") }, "tools");
}

Deno.test("init: shows what it would write, and writes nothing without a terminal", async () => {
  await using dir = await tempDir();
  await repository(dir);
  const before = await filesBelow(dir.path);
  const { code, stdout, stderr } = await kodeno(["init"], { cwd: dir.path });
  assert.equal(code, 0, stderr);
  assert.deepEqual(await filesBelow(dir.path), before);
  assert.match(
    stdout,
    /^# \.ko\.yaml\n# yaml-language-server: \$schema=\.kodeno\/ko\.schema\.json$/m,
  );
  assert.match(stdout, /^# skaffold\.yaml\n/m);
  assert.match(stderr, /legacy\/Dockerfile is left alone: it has one stage/);
  assert.match(stderr, /chart\/templates\/d\.yaml is left out: it is a template of a Helm chart/);
  assert.match(stderr, /Nothing was written; "kodeno init --yes" writes it/);
});

Deno.test("init: --yes writes what config and build read, and the image is as the Dockerfile says", async () => {
  await using dir = await tempDir();
  await repository(dir);
  const made = await kodeno(["init", "--yes"], { cwd: dir.path });
  assert.equal(made.code, 0, made.stderr);
  const ko = await Deno.readTextFile(dir.join(".ko.yaml"));
  const [document] = parseAllDocuments(ko);
  assert.deepEqual(document?.toJS(), {
    baseImageOverrides: { "example.com/op/cmd/manager": "scratch" },
    builds: [
      {
        id: "manager",
        main: "./cmd/manager",
        ldflags: ["-s", "-X main.version=v7"],
        imageEnv: { MODE: '{{"{{"}}fast}}' },
        user: "65532",
        entrypointArgs: ["--serve"],
        expose: ["8080"],
      },
      { id: "gen", dir: "tools", main: "./gen" },
    ],
  });
  const [skaffold] = parseAllDocuments(await Deno.readTextFile(dir.join("skaffold.yaml")));
  assert.deepEqual(skaffold?.toJS(), {
    apiVersion: "skaffold/v4beta13",
    kind: "Config",
    build: {
      artifacts: [
        {
          image: "ko://example.com/op/cmd/manager",
          ko: { fromImage: "scratch", ldflags: ["-s", "-X main.version=v7"] },
        },
        { image: "registry.example/team/gen", context: "tools", ko: { main: "./gen" } },
      ],
    },
    manifests: { rawYaml: ["config/dep.yaml", "config/service.yaml"] },
  });
  // The line that editors look for leads to a schema.
  const named = /^# yaml-language-server: \$schema=(\S+)$/m.exec(ko)?.[1] ?? "";
  const schema = JSON.parse(await Deno.readTextFile(dir.join(named)));
  assert.ok("builds" in schema.properties);
  const config = await kodeno(["config"], { cwd: dir.path });
  assert.equal(config.code, 0, config.stderr);
  assert.match(config.stdout, /^ {6}user: "?65532"? # \.ko\.yaml:\d+$/m);
  const built = await kodeno(["build", "./cmd/manager", "./tools/gen"], { cwd: dir.path });
  assert.equal(built.code, 0, built.stderr);
  assert.doesNotMatch(built.stderr, /Warning|not read/);
  const shown = await kodeno(["inspect", "out", "manager", "--json"], { cwd: dir.path });
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /"--serve"/);
  assert.match(shown.stdout, /8080\/tcp/);
  assert.match(shown.stdout, /"MODE=\{\{fast\}\}"/);
});

Deno.test("init: never touches a file that is there", async () => {
  await using dir = await tempDir();
  await repository(dir);
  await dir.write(".ko.yaml", "defaultBaseImage: scratch\n");
  await dir.write("skaffold.yaml", "mine");
  const before = await filesBelow(dir.path);
  const { code, stdout, stderr } = await kodeno(["init", "--yes"], { cwd: dir.path });
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "");
  assert.match(stderr, /^\.ko\.yaml is there and stays as it is$/m);
  assert.match(stderr, /^skaffold\.yaml is there and stays as it is$/m);
  assert.match(stderr, /^There is nothing to write in /m);
  assert.deepEqual(await filesBelow(dir.path), before);
  assert.equal(await Deno.readTextFile(dir.join("skaffold.yaml")), "mine");

  await Deno.remove(dir.join("skaffold.yaml"));
  const half = await kodeno(["init", "--yes"], { cwd: dir.path });
  assert.equal(half.code, 0, half.stderr);
  assert.equal(await Deno.readTextFile(dir.join(".ko.yaml")), "defaultBaseImage: scratch\n");
  assert.match(await Deno.readTextFile(dir.join("skaffold.yaml")), /ko:\/\/example\.com\/op/);
  // A link that leads nowhere is there, too.
  await Deno.remove(dir.join(".ko.yaml"));
  await Deno.symlink(dir.join("nowhere"), dir.join(".ko.yaml"));
  const linked = await kodeno(["init", "--yes"], { cwd: dir.path });
  assert.equal(linked.code, 0, linked.stderr);
  await assert.rejects(Deno.stat(dir.join("nowhere")));
});

Deno.test("init: --json is one line with the texts, and DIR is looked at from elsewhere", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/one", { "main.go": printer("one") }, "repo");
  const { code, stdout, stderr } = await kodeno(["init", "repo", "--json"], { cwd: dir.path });
  assert.equal(code, 0, stderr);
  const proposal = JSON.parse(stdout);
  assert.equal(proposal.type, "init");
  assert.deepEqual(proposal.packages, ["example.com/one"]);
  assert.deepEqual(proposal.written, []);
  assert.deepEqual(
    proposal.files.map(({ path }: { path: string }) => path),
    [".ko.yaml", ".kodeno/ko.schema.json"],
  );
  assert.ok(proposal.notes.some((note: string) => /no skaffold.yaml is proposed/.test(note)));
  assert.deepEqual(await dir.list("repo"), ["go.mod", "main.go"]);
});

Deno.test("init: what holds no program of Go is an error that says why", async () => {
  await using dir = await tempDir();
  await assertFails(dir, ["init"], {
    code: 2,
    message: /^Cannot propose .*no go\.mod.*go mod init/,
  });
  await assertFails(dir, ["init", "none"], { code: 2, message: /none: there is no such folder/ });
  await dir.write("go.mod", goMod("example.com/lib"));
  await dir.write("lib.go", "package lib\n");
  await assertFails(dir, ["init"], { code: 2, message: /its modules have no main package/ });
  await dir.write("go.mod", "module\n");
  await assertFails(dir, ["init"], { code: 2, message: /go\.mod is left out: Cannot list/ });
});

Deno.test({
  name: "init: asks on a terminal, and only a yes writes",
  ...needs("tmux"),
  fn: async () => {
    await using dir = await tempDir();
    await goModule(dir, "example.com/one", { "main.go": printer("one") });
    await using screen = await terminal(dir);
    const isThere = () => Deno.stat(dir.join(".ko.yaml")).then(() => true, () => false);
    for (const answer of ["", "n", "y"]) {
      await screen.type(`clear; ${commandLine("init")}`);
      // The one before may still be on the screen, with its end below it.
      const isAsked = async () =>
        /^Write \.ko\.yaml, .*\? \[y\/N\]$/.test((await screen.lines()).at(-1) ?? "");
      await until("the question", isAsked, 60_000);
      assert.equal(await isThere(), false);
      await screen.type(answer);
      await until("the end", async () => (await screen.lines()).at(-1) === "ended 0 >", 60_000);
      const lines = (await screen.lines()).join("\n");
      assert.match(lines, answer === "y" ? /^Wrote \.ko\.yaml$/m : /^Nothing was written$/m);
    }
    assert.equal(await isThere(), true);
    const git = await run("go", ["vet", "./..."], { cwd: dir.path });
    assert.equal(git.code, 0, git.stderr);
  },
});
