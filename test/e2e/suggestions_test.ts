/**
 * Packages that cannot be built as they were named, and what go refuses: each message says what the
 * user may have meant, or the next step.
 * @module
 */
import assert from "node:assert/strict";
import { assertFails } from "../support/failure.ts";
import { goMod, goModule, printer } from "../support/go_module.ts";
import { kodeno } from "../support/kodeno.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const LIBRARY = "package lib\n";

/** A module whose root is a library, with two programs and one in a module of its own. */
async function module(): Promise<TempDir> {
  const dir = await tempDir();
  await goModule(dir, "example.com/shop", {
    "shop.go": "package shop\n",
    "lib/lib.go": LIBRARY,
    "cmd/api/main.go": printer("api"),
    "cmd/worker/main.go": printer("worker"),
    "docs/text.md": "",
  });
  await goModule(dir, "example.com/tools", { "gen/main.go": printer("gen") }, "tools");
  return dir;
}

const PACKAGES: readonly (readonly [args: string[], message: RegExp])[] = [
  [
    [],
    /^Cannot build "\.": .*is not main but shop; below it there are "\.\/cmd\/api", "\.\/cmd\/worker" and "\.\/tools\/gen"; name one of them$/,
  ],
  [
    ["cmd"],
    /: no Go files in \S+cmd; below it there are "\.\/cmd\/api" and "\.\/cmd\/worker"; name one of them, or "\.\/cmd\/\.\.\." for all$/,
  ],
  [["./tools"], /below it there is "\.\/tools\/gen"; name it, or "\.\/tools\/\.\.\." for all$/],
  [["api"], /^Cannot build "api": .*; did you mean "\.\/cmd\/api"\?$/],
  [["wokrer"], /did you mean "\.\/cmd\/worker"\?$/],
  [["./cmd/wrker/"], /there is no such folder; did you mean "\.\/cmd\/worker"\?$/],
  [["cdm/worker"], /did you mean "\.\/cmd\/worker"\?$/],
  [["ko://example.com/shop/cmd/aip"], /did you mean "example\.com\/shop\/cmd\/api"\?$/],
  [["ko://example.com/shpo/cmd/worker"], /did you mean "example\.com\/shop\/cmd\/worker"\?$/],
  [["example.com/shop/worker"], /did you mean "example\.com\/shop\/cmd\/worker"\?$/],
  [
    ["./lib"],
    /is not main but lib; there are main packages in "\.\/cmd\/api", .* and "\.\/tools\/gen"$/,
  ],
  [["./lib/..."], /it matches no main package; there are main packages in "\.\/cmd\/api"/],
  [["./docs"], /no Go files in \S+docs; there are main packages in "\.\/cmd\/api"/],
  [
    ["cmd/api/main.go"],
    /^Cannot build "cmd\/api\/main\.go": it is a file; name its folder, "\.\/cmd\/api"$/,
  ],
  [["./cmd/api/main.go"], /it is a file; name its folder, "\.\/cmd\/api"$/],
  [["shop.go"], /it is a file; name its folder, "\."$/],
  [["cmd/api/mian.go"], /there is no such file; name its folder, "\.\/cmd\/api"$/],
];

Deno.test("suggestions: what a wrong package was meant to be", async () => {
  await using dir = await module();
  for (const [args, message] of PACKAGES) {
    await assertFails(dir, ["build", ...args], { code: 2, message });
  }
  // Wherever packages are named.
  const { code, stderr } = await kodeno(["deps", "aip"], { cwd: dir.path });
  assert.equal(code, 2, stderr);
  assert.match(stderr, /did you mean "\.\/cmd\/api"\?$/m);
  await dir.write("pod.yaml", "kind: Pod\nimage: ko://example.com/shop/cmd/aip\n");
  const found = /did you mean "example\.com\/shop\/cmd\/api"\?; pod\.yaml:2 names it$/;
  const env = { KO_DOCKER_REPO: "reg.test/x" };
  await assertFails(dir, ["resolve", "-f", "pod.yaml"], { code: 2, message: found }, { env });
  await dir.write(".ko.yaml", "builds: [{id: one, main: ./cmd/wrker}]\n");
  const entry = /^Cannot use entry one of builds: .*; did you mean "\.\/cmd\/worker"\?$/;
  await assertFails(dir, ["build", "./cmd/api"], { code: 2, message: entry });
});

Deno.test("suggestions: several of one name, from below, and none at all", async () => {
  await using dir = await tempDir();
  const programs = Array.from({ length: 12 }, (_, i) => `svc/s${i}/server/main.go`);
  const files = programs.map((name) => [name, printer("x")] as const);
  await goModule(dir, "example.com/mod", { "lib/lib.go": LIBRARY, ...Object.fromEntries(files) });
  await assertFails(dir, ["build", "server"], {
    code: 2,
    message: /did you mean "\.\/svc\/s0\/server", (".*", ){6}".*" and 4 more\?$/,
  });
  await assertFails(dir, ["build", "svc/s11/sever"], {
    code: 2,
    message: /did you mean "\.\/svc\/s11\/server"\?$/,
  });
  const { code, stderr } = await kodeno(["build", "../lib"], { cwd: dir.join("svc") });
  assert.equal(code, 2);
  assert.match(stderr, /there are main packages in "\.\/s0\/server", /);

  await using library = await tempDir();
  await goModule(library, "example.com/lib", { "lib.go": LIBRARY });
  const message = /is not main but lib; name a folder with a main package$/;
  await assertFails(library, ["build"], { code: 2, message });

  await using nothing = await tempDir();
  const noModule = /^[^;]* there is no go\.mod in \S+ or above; run "go mod init" there$/;
  await assertFails(nothing, ["build"], { code: 2, message: noModule });
  const behind = /is not in std .*; there is no go\.mod in \S+ or above; run "go mod init" there$/;
  await assertFails(nothing, ["build", "app"], { code: 2, message: behind });
});

Deno.test("suggestions: modules below a folder that has none, and those of a workspace", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/one", { "main.go": printer("one") }, "one");
  await goModule(dir, "example.com/two", { "main.go": printer("two") }, "deep/two");
  const both = /"\.\/deep\/two" and "\.\/one"|"\.\/one" and "\.\/deep\/two"/;
  await assertFails(dir, ["build"], {
    code: 2,
    message: RegExp(`below it there are (${both.source})`),
  });
  await assertFails(dir, ["build", "on"], { code: 2, message: /did you mean "\.\/one"\?$/ });
  await dir.write("go.work", "go 1.22\n\nuse (\n\t./one\n\t./deep/two\n)\n");
  for (const args of [[], ["./..."]]) {
    await assertFails(dir, ["build", ...args], { code: 2, message: both });
  }
});

/** What go refuses: files of a module, arguments, the exit code, and the step that is told. */
const REFUSED: readonly (readonly [string, Record<string, string>, string[], 1 | 2, RegExp])[] = [
  [
    "files that need cgo",
    {
      "dep/dep.go": 'package dep\n\n// int x;\nimport "C"\n\nvar X = C.x\n',
      "main.go": 'package main\n\nimport _ "example.com/app/dep"\n\nfunc main() {}\n',
    },
    [],
    1,
    /^Next step: if it needs cgo, say --env CGO_ENABLED=1 .*--base-image/m,
  ],
  [
    "a C compiler that is not there",
    {
      "main.go": 'package main\n\n// int x;\nimport "C"\n\nfunc main() { println(C.x) }\n',
    },
    ["--env", "CGO_ENABLED=1", "--env", "CC=no-such-compiler"],
    1,
    /^Next step: install it, say --env CC=COMPILER, or build without cgo: --env CGO_ENABLED=0$/m,
  ],
  [
    "a Go that is too old",
    { "go.mod": "module example.com/app\n\ngo 1.999\n", "main.go": printer("x") },
    ["--env", "GOTOOLCHAIN=local"],
    2,
    /; install Go 1\.999 or newer, or name it by KO_GO_PATH; GOTOOLCHAIN=auto lets go fetch it$/m,
  ],
  [
    "a go.sum that lacks a module",
    {
      "go.mod": `${goMod("example.com/app")}\nrequire golang.org/x/text v0.3.7\n`,
      "main.go": 'package main\n\nimport _ "golang.org/x/text/language"\n\nfunc main() {}\n',
    },
    ["--env", "GOPROXY=off"],
    1,
    /^Next step: run "go mod tidy"/m,
  ],
  [
    "no proxy for modules",
    {
      "go.mod": `${goMod("example.com/app")}\nrequire git.test/team/lib v0.3.7\n`,
      "main.go": 'package main\n\nimport _ "git.test/team/lib/x"\n\nfunc main() {}\n',
    },
    ["--env", "GOPROXY=off", "--flags", "-mod=mod"],
    1,
    /^Next step: go cannot fetch modules here: set GOPROXY/m,
  ],
  [
    "files to embed that are not there",
    {
      "main.go": 'package main\n\nimport _ "embed"\n\n//go:embed dist/*\nvar x string\n\n' +
        "func main() { println(x) }\n",
    },
    [],
    1,
    /^Next step: make the files that are to be embedded first/m,
  ],
];

for (const [what, files, args, code, step] of REFUSED) {
  Deno.test(`suggestions: the next step for ${what}`, async () => {
    await using dir = await tempDir();
    await goModule(dir, "example.com/app", files);
    const env = { GOTOOLCHAIN: "local", GOSUMDB: "off" };
    const outcome = await kodeno(["build", ...args], { cwd: dir.path, env });
    assert.equal(outcome.code, code, outcome.stderr);
    assert.match(outcome.stderr, step);
  });
}

Deno.test("suggestions: GOPRIVATE for a module that the proxy does not have", async () => {
  await using dir = await tempDir();
  await goModule(dir, "example.com/app", {
    "go.mod": `${goMod("example.com/app")}\nrequire git.test/team/lib v0.3.7\n`,
    "main.go": 'package main\n\nimport _ "git.test/team/lib/x"\n\nfunc main() {}\n',
  });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("not found: module git.test/team/lib", { status: 404 }),
  );
  try {
    const env = {
      GOPROXY: `http://127.0.0.1:${server.addr.port}`,
      GOSUMDB: "off",
      NO_PROXY: "127.0.0.1",
    };
    const args = ["build", "--flags", "-mod=mod"];
    const { code, stderr } = await kodeno(args, { cwd: dir.path, env });
    assert.equal(code, 1, stderr);
    assert.match(
      stderr,
      /^Next step: .* private, set GOPRIVATE=git\.test\/team and let git log in/m,
    );
  } finally {
    await server.shutdown();
  }
});
