/**
 * `kodeno affected`: whatever is changed, no image that would be built otherwise is left out, and few that
 * would not be are listed. The builder is the judge.
 * @module
 */
import assert from "node:assert/strict";
import { Dice } from "../support/dice.ts";
import { assertFails } from "../support/failure.ts";
import { type GitRepository, gitRepository } from "../support/git_repository.ts";
import { goProxy } from "../support/go_proxy.ts";
import { done } from "../support/kodeno.ts";
import { succeed } from "../support/process.ts";
import { tempDir } from "../support/temp.ts";

const main = (body: string, imports = ""): string =>
  `package main\n\n${imports}\n\nfunc main() { ${body} }\n`;

const GO_MOD = `module example.com/app

go 1.22

require (
	example.com/dep v1.0.0
	example.com/local v0.0.0
	example.com/other v1.0.0
)

replace example.com/local => ./local
`;

/** Three programs: `a` of packages and a module, `b` with files, `c` of a folder that is a module. */
const FILES: Readonly<Record<string, string>> = {
  "go.mod": GO_MOD,
  ".gitignore": "zz_*\nout\nsums\n",
  ".ko.yaml": "# nothing yet\nbuilds:\n- id: c\n  dir: .\n  main: ./cmd/c\n  ldflags: [-s]\n",
  "README.md": "an app\n",
  "cmd/a/main.go": main(
    "lib.Hi(); lib.Bye(); dep.Hi()",
    'import (\n\t"example.com/app/lib"\n\t"example.com/dep"\n)',
  ),
  "lib/lib.go": 'package lib\n\nfunc Hi() { print("hi") }\n',
  "lib/bye.go": 'package lib\n\nfunc Bye() { print("bye") }\n',
  "lib/number.go": "package lib\n\nfunc Number() int64\n\nfunc init() { println(Number()) }\n",
  "lib/number_amd64.s": '#include "textflag.h"\n#include "number.h"\n' +
    "TEXT \u00b7Number(SB), NOSPLIT, $0-8\n\tMOVQ $NUMBER, ret+0(FP)\n\tRET\n",
  "lib/number.h": "#define NUMBER 1\n",
  "lib/os_windows.go": "package lib\n",
  "lib/c.go": 'package lib\n\nimport "C"\n',
  "lib/never.go": "//go:build never\n\npackage lib\n",
  "lib/lib_test.go": "package lib\n",
  "cmd/b/main.go": main(
    'data, _ := files.ReadFile("static/page.html"); print(string(data))',
    'import "embed"\n\n//go:embed static\nvar files embed.FS',
  ),
  "cmd/b/static/page.html": "page\n",
  "cmd/b/static/old.html": "old\n",
  "cmd/b/static/sub/more.html": "more\n",
  "cmd/b/kodata/data.txt": "data\n",
  "web/shown.txt": "shown\n",
  "web/gone.txt": "gone\n",
  "data/x.txt": "data\n",
  "docs/x.txt": "docs\n",
  "all/shown.txt": "shown\n",
  "all/gone.txt": "gone\n",
  "cmd/c/main.go": main("local.Hi()", 'import "example.com/local"'),
  "local/go.mod": "module example.com/local\n\ngo 1.22\n",
  "local/local.go": 'package local\n\nfunc Hi() { print("local") }\n',
};

const LOCK = `version: 1
images:
  example.com/app/cmd/a:
    kodeno: 1.0.0
    base: { name: static }
    platforms: { linux/amd64: {} }
    go: { version: go1.22.0 }
    build: { trimpath: true }
`;

type Edit = (repository: GitRepository) => Promise<unknown>;

const write = (path: string, text: string): Edit => ({ dir }) => dir.write(path, text);
const remove = (path: string): Edit => ({ dir }) => Deno.remove(dir.join(path));
const replaced = (path: string, from: string, to: string): Edit => async ({ dir }) => {
  const text = await Deno.readTextFile(dir.join(path));
  assert.ok(text.includes(from), path);
  await dir.write(path, text.replaceAll(from, to));
};

/** Rounds of several edits, and which; KODENO_AFFECTED_ROUNDS=200 goes on for longer. */
const ROUNDS = Number(Deno.env.get("KODENO_AFFECTED_ROUNDS") ?? 2);
const SEED = Number(Deno.env.get("KODENO_AFFECTED_SEED") ?? 1);

/** What concerns nothing. Of the Go files go reads as little as before: see their constraints. */
const HARMLESS: readonly Edit[] = [
  write("README.md", "the app\n"),
  write("lib/lib_test.go", "package lib // tested\n"),
  write("lib/never_ever.go", "//go:build never\n\npackage lib\n"),
  write("lib/os_windows.go", "package lib // changed\n"),
  write("lib/never.go", "//go:build never\n\npackage lib // changed\n"),
  write("lib/c.go", 'package lib\n\n// changed\nimport "C"\n'),
  write("cmd/b/static/.hidden", "not embedded\n"),
  replaced("go.mod", "other v1.0.0", "other v1.1.0"),
  replaced(".ko.yaml", "nothing", "something"),
];

/** What is done, the images that it concerns, and the reason that the first of them is listed for. */
const EDITS: readonly (readonly [edit: Edit, affected: string, why?: string])[] = [
  [() => Promise.resolve(), ""],
  [
    async (repository) => {
      for (const edit of HARMLESS) await edit(repository);
    },
    "",
  ],
  [write("lib/c.go", "package lib\n"), "a", "lib/c.go has changed"],
  [replaced("lib/lib.go", "hi", "HI"), "a", "lib/lib.go has changed"],
  [write("lib/new.go", 'package lib\n\nfunc init() { print("new") }\n'), "a", "lib/new.go is new"],
  [
    async (repository) => {
      await replaced("cmd/a/main.go", " lib.Bye();", "")(repository);
      await remove("lib/bye.go")(repository);
      await repository.commit("no bye");
    },
    "a",
    "cmd/a/main.go has changed",
  ],
  [
    async (repository) => {
      await repository.git("mv", "lib/bye.go", "lib/farewell.go");
      await repository.commit("another name");
    },
    "a",
    "lib/farewell.go is new",
  ],
  [write("lib/number.h", "#define NUMBER 2\n"), "a", "lib/number.h has changed"],
  [
    async ({ dir }) => {
      await dir.write("lib/number.h", '#include "inc/two.h"\n');
      await dir.write("lib/inc/two.h", "#define NUMBER 2\n");
    },
    "a",
  ],
  // It may have been a part of the program before.
  [replaced("lib/never.go", "never", "never && ever"), "a", "lib/never.go has changed"],
  [
    write("cmd/a/zz_made.go", 'package main\n\nfunc init() { print("made") }\n'),
    "a",
    "in no commit",
  ],
  [write("cmd/b/static/page.html", "another\n"), "b", "static/page.html has changed"],
  [write("cmd/b/static/new.html", "new\n"), "b", "static/new.html is new"],
  [remove("cmd/b/static/old.html"), "b", "static/old.html is gone"],
  [write("cmd/b/static/sub/go.mod", "module example.com/sub\n"), "b", "sub/go.mod is new"],
  [write("cmd/b/kodata/data.txt", "other\n"), "b", "kodata/data.txt has changed"],
  [write("cmd/b/kodata/more.txt", "more\n"), "b", "kodata/more.txt is new"],
  [remove("cmd/b/kodata/data.txt"), "b", "kodata/data.txt is gone"],
  [write("web/shown.txt", "seen\n"), "b", "web/shown.txt has changed"],
  [remove("web/gone.txt"), "b", "web/gone.txt is gone"],
  [write("cmd/b/default.pgo", ""), "b", "default.pgo is new"],
  [replaced("go.mod", "dep v1.0.0", "dep v1.1.0"), "a", "go.mod: example.com/dep v1.0.0 -> v1.1.0"],
  [replaced("go.mod", "go 1.22", "go 1.23"), "a b c", "go.mod: go 1.22 -> 1.23"],
  [replaced("local/local.go", 'local"', 'here"'), "c", "local/local.go has changed"],
  [replaced("local/go.mod", "1.22", "1.21"), "c", "local/go.mod has changed"],
  [replaced(".ko.yaml", "[-s]", "[-s, -w]"), "c", ".ko.yaml says something else of it"],
  [replaced(".ko.yaml", "# nothing yet", "defaultBaseImage: scratch"), "a b c"],
  [remove(".ko.yaml"), "c"],
  [
    async ({ dir }) => {
      await Deno.rename(dir.join(".ko.yaml"), dir.join(".ko.yml"));
      await dir.write(".ko.yaml", "builds: []\n");
    },
    "c",
    ".ko.yaml says something else of it",
  ],
  [({ dir }) => Deno.rename(dir.join(".ko.yaml"), dir.join(".ko.yml")), ""],
  // Of an empty folder no commit tells.
  [({ dir }) => Deno.mkdir(dir.join("cmd/b/kodata/empty")), "b", "empty, which no commit tells"],
  [
    async ({ dir }) => {
      await Deno.remove(dir.join("shared"));
      await Deno.symlink("docs", dir.join("shared"));
    },
    // Whose links lead there is not looked for.
    "b c",
    "shared has changed",
  ],
  [remove("all/gone.txt"), "c", "all/gone.txt is gone"],
  [write("kodeno.lock", LOCK), "a", "kodeno.lock says something else of it"],
];

Deno.test("affected: what would be built otherwise is listed, after each of many changes", async () => {
  await using repository = await gitRepository();
  const { dir } = repository;
  await using proxy = await tempDir();
  const go = await goProxy(
    proxy,
    ["dep", "other"].flatMap((name) =>
      ["v1.0.0", "v1.1.0"].map((version) =>
        [`example.com/${name}@${version}`, {
          "code.go": `package ${name}\n\nfunc Hi() { print("${version}") }\n`,
        }] as const
      )
    ),
  );
  const env = {
    ...go,
    GOFLAGS: "-modcacherw -buildvcs=false -mod=mod",
    GONOSUMCHECK: "1",
    KODENO_CACHE: proxy.join("cache"),
  };
  for (const [path, text] of Object.entries(FILES)) await dir.write(path, text);
  await Deno.symlink("../../../web", dir.join("cmd/b/kodata/web"));
  // One by way of another, and one in the place of the folder itself.
  await Deno.symlink("data", dir.join("shared"));
  await Deno.symlink("../../../shared", dir.join("cmd/b/kodata/shared"));
  await Deno.symlink("../../all", dir.join("cmd/c/kodata"));
  await repository.git("add", "--all");
  await repository.git("commit", "--quiet", "--message", "first");
  const first = (await repository.git("rev-parse", "HEAD")).trim();
  const built = async (...patterns: readonly string[]): Promise<ReadonlyMap<string, string>> => {
    const args = ["build", ...patterns, "--oci-layout", proxy.join("out")];
    const stdout = await done(dir, args, env);
    return new Map(
      stdout.trim().split("\n").map((line) => line.split(":latest@") as [string, string]),
    );
  };
  const before = await built("./cmd/...");
  /** What is listed after edits, each with its reason; all other images are as they were. */
  const look = async (what: string): Promise<ReadonlyMap<string, string>> => {
    const args = ["affected", "--since", first, "--json", "./cmd/..."];
    const lines = (await done(dir, args, env)).split("\n").filter((line) => line !== "")
      .map((line) => JSON.parse(line));
    const listed = new Map(
      lines.map(({ image, why }) => [image.replace("example.com/app/cmd/", ""), why]),
    );
    const others = [...before.keys()].filter((name) => !listed.has(name));
    const after = others.length > 0 ? await built(...others.map((name) => `./cmd/${name}`)) : [];
    for (const [name, digest] of after) assert.equal(digest, before.get(name), `${what}: ${name}`);
    return listed;
  };
  const undo = async () => {
    await repository.git("reset", "--quiet", "--hard", first);
    await repository.git("clean", "--quiet", "-dfx");
  };
  for (const [i, [edit, expected, why = ""]] of EDITS.entries()) {
    await edit(repository);
    const listed = await look(`edit ${i}`);
    assert.deepEqual([...listed.keys()], expected.split(" ").filter(Boolean), `edit ${i}`);
    const [reason = ""] = listed.values();
    assert.ok(reason.includes(why), `edit ${i}: ${reason}`);
    await undo();
  }
  // Several edits at once: none hides another, and no more is listed than each of them lists.
  const dice = new Dice(SEED);
  for (let round = 0; round < ROUNDS; round++) {
    const chosen = Array.from({ length: 2 + dice.below(3) }, () => dice.below(EDITS.length));
    const expected = new Set<string>();
    for (const i of new Set(chosen)) {
      const [edit, images] = EDITS[i] as (typeof EDITS)[number];
      // One may have taken away what the next would change.
      const isDone = await edit(repository).then(() => true, () => false);
      for (const one of isDone ? images.split(" ") : []) expected.add(one);
      if (dice.chance(0.3)) await repository.git("add", "--all");
      if (dice.chance(0.3)) await repository.commit("meanwhile");
    }
    const listed = await look(`edits ${chosen} of seed ${SEED}`);
    assert.deepEqual([...listed.keys()].filter((name) => !expected.has(name)), [], `${chosen}`);
    await undo();
  }
});

Deno.test("affected: what go cannot read, or would be read elsewhere, is listed", async () => {
  await using repository = await gitRepository();
  const { dir } = repository;
  await repository.commit("one", {
    "go.mod": "module example.com/m\n\ngo 1.22\n",
    "go.work": "go 1.22\n\nuse .\n",
    "main.go": main("lib.Hi()", 'import "example.com/m/lib"'),
    "lib/lib.go": "package lib\n\nfunc Hi() {}\n",
  });
  const why = async () => (await done(dir, ["affected", "--since", "HEAD", "--why"])).trim();
  assert.equal(await why(), "");
  await remove("go.work")(repository);
  assert.equal(await why(), "example.com/m\tgo.work is gone");
  await repository.commit("no workspace");
  await dir.write("go.work", "go 1.22\n\nuse .\n");
  assert.equal(await why(), "example.com/m\tgo.work is new");
  await remove("go.work")(repository);
  await Deno.remove(dir.join("lib"), { recursive: true });
  assert.equal(await why(), "example.com/m\tgo cannot read example.com/m/lib");
});

const SKAFFOLD = `apiVersion: skaffold/v4beta13
kind: Config
build:
  tagPolicy: { sha256: {} }
  artifacts:
  - image: b
    ko: { main: ./cmd/b }
`;

Deno.test("affected: of a skaffold.yaml, artifacts are listed of which it says something else", async () => {
  await using repository = await gitRepository();
  const { dir } = repository;
  await repository.commit("one", {
    "go.mod": "module example.com/m\n\ngo 1.22\n",
    "cmd/a/main.go": main(""),
    "cmd/b/main.go": main(""),
    "base.yaml": SKAFFOLD.replaceAll(/\bb\b/g, "a"),
    "skaffold.yaml": SKAFFOLD.replace("build:", "requires: [{ path: base.yaml }]\nbuild:"),
  });
  const edits: readonly (readonly [edit: Edit, affected: string])[] = [
    [write("README.md", ""), ""],
    [write("cmd/a/more.go", "package main\n"), "a\tcmd/a/more.go is new"],
    [replaced("skaffold.yaml", "sha256", "dateTime"), ""],
    [
      replaced("base.yaml", "cmd/a", "cmd/a, ldflags: [-s]"),
      "a\tbase.yaml says something else of it",
    ],
    [
      replaced("skaffold.yaml", "build:", "build:\n  platforms: [linux/arm64]"),
      "a\tskaffold.yaml says something else\nb\tskaffold.yaml says something else",
    ],
    [
      replaced("skaffold.yaml", "{ main", "{ env: [A=b], main"),
      "b\tskaffold.yaml says something else of it",
    ],
    [
      async ({ dir }) => {
        await dir.write("kodeno.lock", LOCK.replace("example.com/app/cmd/a", "b"));
      },
      "b\tkodeno.lock says something else of it",
    ],
  ];
  for (const [i, [edit, expected]] of edits.entries()) {
    await edit(repository);
    const args = ["affected", "--since", "HEAD", "--why", "-f", "skaffold.yaml"];
    assert.equal(await done(dir, args), expected, `edit ${i}`);
    await repository.git("reset", "--quiet", "--hard");
    await repository.git("clean", "--quiet", "-dfx");
  }
  const hooks = "    hooks: { before: [{ command: [touch, x] }] }\n";
  await repository.commit("hooks", { "skaffold.yaml": `${SKAFFOLD}${hooks}` });
  const args = ["affected", "--since", "HEAD", "--json", "-f", "skaffold.yaml"];
  const why = "hooks before its build may make anything";
  assert.deepEqual(JSON.parse(await done(dir, args)), { type: "affected", image: "b", why });
});

Deno.test("affected: what git cannot tell is one line, with what to do", async () => {
  await using repository = await gitRepository();
  const { dir } = repository;
  await repository.commit("one", {
    "go.mod": "module example.com/m\n\ngo 1.22\n",
    "main.go": main(""),
  });
  await repository.commit("two");
  const cases: readonly (readonly [readonly string[], 1 | 2, RegExp])[] = [
    [[], 2, /say with --since the commit to compare with/],
    [["--since", "nope"], 1, /since nope: there is none; name a commit/],
    [["--since", "--output=x"], 1, /since --output=x: there is none/],
    [["--since", "HEAD", "-f", "skaffold.yaml", "."], 2, /choose with -b IMAGE/],
  ];
  for (const [args, code, message] of cases) {
    await assertFails(dir, ["affected", ...args], { code, message });
  }
  assert.equal(await done(dir, ["affected", "--since", "HEAD~1"]), "");
  await using shallow = await tempDir();
  const url = `file://${dir.path}`;
  await succeed("git", ["clone", "--quiet", "--depth", "1", url, shallow.join("clone")]);
  await assertFails(shallow, ["affected", "--since", "HEAD~1"], {
    code: 1,
    message: /this clone is shallow; run "git fetch --unshallow", or have CI fetch all/,
  }, { cwd: shallow.join("clone") });
  await Deno.remove(dir.join(".git"), { recursive: true });
  await assertFails(dir, ["affected", "--since", "HEAD"], {
    code: 1,
    message: /not a git repository .*; say the folder of a checkout/,
  });
});
