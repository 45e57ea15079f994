/**
 * Wrong input and failing work: each is told in one clear line, with its exit code, and leaves
 * nothing behind.
 * @module
 */
import assert from "node:assert/strict";
import { assertFails, type Failure } from "../support/failure.ts";
import { goModule, printer, simpleModule } from "../support/go_module.ts";
import { kodeno } from "../support/kodeno.ts";
import { run } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** A folder with the module of one program, and a library in `lib`. */
async function app(): Promise<TempDir> {
  const dir = await tempDir();
  await simpleModule(dir);
  await dir.write("lib/lib.go", "package lib\n");
  return dir;
}

/** Wrong input by what is wrong: arguments after `build`, the message, and the environment. */
const WRONG: readonly (readonly [string, string[], RegExp, Record<string, string>?])[] = [
  ["a folder that is not there", ["./nothing"], /"\.\/nothing": there is no such folder/],
  ["a pattern below such a folder", ["./nothing/..."], /there is no such folder/],
  ["an import path that is not there", ["example.com/app/none"], /"example\.com\/app\/none"/],
  ["an import path of no module", ["example.org/none"], /"example\.org\/none"/],
  ["a pattern without a main package", ["./lib/..."], /"\.\/lib\/\.\.\.": it matches no main pack/],
  ["a package that is not main", ["./lib"], /example\.com\/app\/lib is not main but lib/],
  ["a file", ["./main.go"], /it is a file; name its folder/],
  ["an empty pattern", [""], /it is empty/],
  ["an unknown os", ["--platform", "foo"], /"foo": Go knows no os "foo"; known are .*linux/],
  ["an architecture alone", ["--platform", "amd64"], /os "amd64"; did you mean "linux\/amd64"\?$/],
  ["a mirror without =", ["--mirror", "foo"], /mirror "foo": it has no "="; say HOST=MIRROR$/],
  ["an unknown architecture", ["--platform", "linux/z80"], /no architecture "z80" for linux/],
  ["an unknown variant", ["--platform", "linux/arm/v9"], /arm has no variant "v9"/],
  ["a platform of too many parts", ["--platform", "a/b/c/d"], /too many parts; say os\[\/arch/],
  ["all and another platform", ["--platform", "all,linux/386"], /say "all" alone/],
  ["a platform that no base has", ["--platform", "windows/amd64"], /base image "static" has linux/],
  ["a platform beside GOOS", ["--platform", "linux/386"], /unset GOOS/, { GOOS: "linux" }],
  ["a repository with upper case", [], /"Team" may hold only lower-case/, {
    KO_DOCKER_REPO: "reg.local/Team",
  }],
  ["a tag with a blank", ["-t", "v 1"], /Cannot use tag "v 1"/],
  ["a tag that is too long", ["-t", "x".repeat(129)], /a tag is 1 to 128/],
  ["--bare without a repository", ["--bare"], /KO_DOCKER_REPO/],
  ["--tag-only without a tag", ["--tag-only"], /say one tag that is not "latest"/],
  [
    "a label without =",
    ["--image-label", "novalue"],
    /label "novalue": it has no "="; say KEY=VALUE$/,
  ],
  ["a label without a key", ["--image-label", "=x"], /no KEY before the "="/],
  [
    "an annotation without =",
    ["--image-annotation", "a"],
    /annotation "a": it has no "="; say KEY=VALUE$/,
  ],
  [
    "an image variable without =",
    ["--image-env", "PORT"],
    /image variable "PORT": it has no "="; say NAME=VALUE$/,
  ],
  [
    "an image variable without a name",
    ["--image-env", "=1"],
    /no NAME before the "="; say NAME=VALUE/,
  ],
  ["an environment entry without =", ["--env", "CC"], /"CC": it has no "="; say NAME=VALUE$/],
  ["a number of jobs that is none", ["--jobs", "abc"], /Cannot use number of jobs "abc"/],
  ["a negative number of jobs", ["--jobs=-1"], /number of jobs "-1"/],
  ["an unknown compression", ["--compression", "foo"], /compression "foo": say "gzip"/],
  ["a compression level too high", ["--compression=gzip:10"], /compression "gzip:10"/],
  ["a creation time that is none", ["--source-date-epoch", "x"], /--source-date-epoch "x"/],
  ["SOURCE_DATE_EPOCH that is none", [], /SOURCE_DATE_EPOCH "y"/, { SOURCE_DATE_EPOCH: "y" }],
  ["KO_DATA_DATE_EPOCH that is none", [], /KO_DATA_DATE_EPOCH "z"/, { KO_DATA_DATE_EPOCH: "z" }],
  ["a bound of the cache that is none", [], /KODENO_CACHE_MAX_BYTES "10G"/, {
    KODENO_CACHE_MAX_BYTES: "10G",
  }],
  ["a port out of range", ["--expose", "99999"], /port "99999": say PORT/],
  ["a port of an unknown protocol", ["--expose", "53/icmp"], /port "53\/icmp"/],
  ["a quote without its other half", ["--flags", "-tags 'a"], /a quote has no other half/],
  ["an unknown flag", ["--platfrom", "linux/arm64"], /--platfrom.*Did you mean --platform\?/],
  ["a flag without its value", ["--platform"], /--platform.*argument missing/],
  ["a base of no known kind", ["--base-image", "Debian:12"], /Debian/],
];

for (const [what, args, message, env = {}] of WRONG) {
  Deno.test(`errors: ${what}`, async () => {
    await using dir = await app();
    await assertFails(dir, ["build", ...args], { code: 2, message }, { env });
  });
}

Deno.test("errors: an unknown command, and one without its subcommand", async () => {
  await using dir = await app();
  const unknown = { code: 2, message: /unknown command 'biuld'.*Did you mean build\?/ } as const;
  await assertFails(dir, ["biuld"], unknown);
  await assertFails(dir, ["cache", "cleen"], { code: 2, message: /Did you mean clean\?/ });
  for (const args of [[], ["cache"]]) {
    const { code, stdout, stderr } = await kodeno(args, { cwd: dir.path });
    assert.deepEqual([code, stdout], [2, ""], args.join());
    assert.match(stderr, /^Usage: kodeno /);
  }
});

Deno.test("errors: a folder without a go.mod", async () => {
  await using dir = await tempDir();
  await dir.write("main.go", printer("lonely"));
  const message = /there is no go\.mod in .* or above; run "go mod init"/;
  await assertFails(dir, ["build"], { code: 2, message });
  await assertFails(dir, ["build", "./..."], { code: 2, message });
});

Deno.test("errors: a go.mod that go cannot read", async () => {
  await using dir = await app();
  await dir.write("go.mod", "module example.com/app\n\ngo latest please\n");
  await assertFails(dir, ["build"], { code: 2, message: /go\.mod:3/ });
});

Deno.test("errors: two images that would get one name", async () => {
  await using dir = await tempDir();
  const files = { "a/x/main.go": printer("a"), "b/x/main.go": printer("b") };
  await goModule(dir, "example.com/mod", files);
  const message = /Cannot name both example\.com\/mod\/a\/x and example\.com\/mod\/b\/x/;
  await assertFails(dir, ["build", "./...", "-B"], { code: 2, message });
});

Deno.test("errors: no go on PATH", async () => {
  await using dir = await app();
  // A folder of its own, so that nothing else on PATH is go either.
  await Deno.mkdir(dir.join("empty"));
  const message = /Cannot run "go": there is no such command on PATH; install Go/;
  await assertFails(dir, ["build"], { code: 1, message }, { env: { PATH: dir.join("empty") } });
  const env = { KO_GO_PATH: dir.join("no-go") };
  await assertFails(dir, ["build"], { code: 1, message: /no-go": there is no such/ }, { env });
});

Deno.test("errors: a program that does not compile shows the compiler's lines", async () => {
  await using dir = await app();
  await dir.write("main.go", "package main\n\nfunc main() {\n\tundefinedThing()\n}\n");
  const failure: Failure = {
    code: 1,
    message: /^Cannot build for linux\/amd64: go ended with exit code 1:$/,
    below: /^# example\.com\/app\n(?:\.\/)?main\.go:4:2: undefined: undefinedThing$/,
  };
  await assertFails(dir, ["build"], failure);
  // The other package of the build is not in the layout either.
  await dir.write("fine/main.go", printer("fine"));
  await assertFails(dir, ["build", "./...", "--platform", "linux/amd64,linux/arm64"], {
    ...failure,
    message: /^Cannot build for linux\/(amd|arm)64: go ended/,
  });
});

Deno.test("errors: a layout that had an image keeps it when a build fails", async () => {
  await using dir = await app();
  assert.equal((await kodeno(["build"], { cwd: dir.path })).code, 0);
  await dir.write("main.go", "package main\n\nfunc main() { broken() }\n");
  await assertFails(dir, ["build"], {
    code: 1,
    message: /^Cannot build/,
    below: /undefined: broken/,
  });
});

Deno.test("errors: -toolexec is refused wherever it stands, and never runs", async () => {
  await using dir = await app();
  const trap = await dir.write("trap.sh", `#!/bin/sh\ntouch '${dir.join("ran")}'\nexec "$@"\n`);
  await Deno.chmod(trap, 0o755);
  const settings = await dir.write("goenv", `GOFLAGS=-toolexec=${trap}\n`);
  const cases: [string[], Record<string, string>][] = [
    [["--flags", `-toolexec=${trap}`], {}],
    [["--flags", `--toolexec ${trap}`], {}],
    [[], { GOFLAGS: `-v -toolexec=${trap}` }],
    [[], { GOFLAGS: `'-toolexec=${trap} -x'` }],
    [["--env", `GOFLAGS=-toolexec=${trap}`], {}],
    [[], { GOENV: settings }],
    [["--env", `GOENV=${settings}`], {}],
  ];
  for (const [args, env] of cases) {
    await assertFails(dir, ["build", ...args], { code: 2, message: /-toolexec/ }, { env });
  }
});

Deno.test("errors: kodata links that leave the tree, lead nowhere or into themselves", async () => {
  await using outside = await tempDir();
  const secret = await outside.write("secret.txt", "secret");
  const links: [string, RegExp][] = [
    [secret, /kodata\/link into an image: it is a link to .*secret\.txt, outside of kodata/],
    [outside.path, /outside of kodata and of the git repository/],
    ["nothing", /it is a link to nothing/],
    [".", /it is a link to a folder that it lies in/],
    ["link", /it is a link that cannot be followed/],
  ];
  for (const [target, message] of links) {
    await using dir = await app();
    await Deno.mkdir(dir.join("kodata"));
    await Deno.symlink(target, dir.join("kodata/link"));
    await assertFails(dir, ["build"], { code: 1, message });
  }
  // What the user allows is followed.
  await using dir = await app();
  await Deno.mkdir(dir.join("kodata"));
  await Deno.symlink(secret, dir.join("kodata/link"));
  const env = { KO_DATA_PATH_ALLOWED_ROOT: outside.path };
  assert.equal((await kodeno(["build"], { cwd: dir.path, env })).code, 0);
});

Deno.test("errors: what is neither file nor folder in kodata", async () => {
  await using dir = await app();
  await Deno.mkdir(dir.join("kodata"));
  assert.equal((await run("mkfifo", [dir.join("kodata/pipe")])).code, 0);
  const message = /kodata\/pipe into an image: it is neither a file nor a folder/;
  await assertFails(dir, ["build"], { code: 1, message });
});

Deno.test("errors: a layout that is a file, or a folder with something else in it", async () => {
  await using dir = await app();
  await dir.write("file", "not a layout");
  await dir.write("full/notes.txt", "not a layout");
  await dir.write("old/oci-layout", '{"imageLayoutVersion":"2.0.0"}');
  await dir.write("strange/oci-layout", "hello");
  const cases: [string, RegExp][] = [
    ["file", /Cannot use .*file as an OCI layout: it is a file/],
    ["file/below", /Cannot use .*file\/below as an OCI layout: /],
    ["full", /it holds "notes\.txt" and has no oci-layout file; name an empty or a new folder/],
    ["old", /its version is "2\.0\.0"/],
    ["strange", /its oci-layout file is not JSON/],
  ];
  for (const [layout, message] of cases) {
    await assertFails(dir, ["build", "--oci-layout", layout], { code: 2, message });
  }
});

Deno.test("errors: a layout whose index.json is damaged stays as it is", async () => {
  await using dir = await app();
  assert.equal((await kodeno(["build"], { cwd: dir.path })).code, 0);
  const path = dir.join("out/index.json");
  for (const text of ["{", "[]", '{"schemaVersion":2,"manifests":{}}']) {
    await Deno.writeTextFile(path, text);
    await assertFails(dir, ["build"], { code: 1, message: /index\.json of layout/ });
    assert.equal(await Deno.readTextFile(path), text);
  }
});

Deno.test("errors: a file of references that cannot be written", async () => {
  await using dir = await app();
  await Deno.mkdir(dir.join("folder"));
  const cases: readonly (readonly [flags: string[], message: RegExp])[] = [
    [
      ["--image-refs", "none/refs.txt"],
      /^Cannot write references to none\/refs\.txt: there is no folder .*none; make it first$/,
    ],
    [
      ["--image-refs", "folder"],
      /^Cannot write references to folder: it is a folder; name a file$/,
    ],
  ];
  for (const [flags, message] of cases) {
    // Said before anything is built: no folder is made, and no program is compiled.
    const args = ["build", "--oci-layout", "images", ...flags];
    const { stderr } = await assertFails(dir, args, { code: 2, message });
    assert.doesNotMatch(stderr, /compiling/);
  }
});
