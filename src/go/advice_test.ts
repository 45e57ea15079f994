/**
 * What helps where go fails, by what go 1.26 and git say.
 * @module
 */
import assert from "node:assert/strict";
import { nextStep, withNextStep } from "./advice.ts";

const SAID: readonly (readonly [said: string, step: RegExp | undefined])[] = [
  [
    "package m/cmd/d\n\timports m/dep: build constraints exclude all Go files in /m/dep",
    /--env CGO_ENABLED=1 .*--base-image.*--platform.*-tags=NAME/,
  ],
  [
    "go: go.mod requires go >= 1.99 (running go 1.26.8; GOTOOLCHAIN=local)",
    /^install Go 1\.99 or newer, .*KO_GO_PATH; GOTOOLCHAIN=auto/,
  ],
  ["go: module ../lib requires go >= 1.27rc1 (running go 1.26.8)", /^install Go 1\.27rc1 or newer/],
  [
    "# m/a\n./a.go:1:1: undefined: max\nnote: module requires Go 1.21",
    /^install Go 1\.21 or newer/,
  ],
  [
    "go: download go1.99.1 for linux/amd64: toolchain not available",
    /^install go1\.99\.1 or newer, .*could not fetch it$/,
  ],
  [
    "go: download go1.99.1: golang.org/toolchain@v0.0.1-go1.99.1.linux-amd64: reading " +
    "https://goproxy.test/x.zip: 403 Forbidden",
    /^install go1\.99\.1 or newer/,
  ],
  [
    "main.go:2:8: missing go.sum entry for module providing package a.test/b; to add:\n\tgo get m",
    /^run "go mod tidy"/,
  ],
  ["go: updates to go.mod needed; to update it:\n\tgo mod tidy", /^run "go mod tidy"/],
  [
    "main.go:2:8: git.test/team/lib@v0.1.0: reading https://goproxy.test/x.zip: 404 Not Found",
    /GOPRIVATE=git\.test\/team and let git log in/,
  ],
  [
    "go: git.test/team/deep/lib/v2@v2.1.0: verifying module: git.test/team/deep/lib/v2@v2.1.0: " +
    "reading https://sum.test/lookup/x: 410 Gone",
    /GOPRIVATE=git\.test\/team and/,
  ],
  [
    "main.go:2:8: reading git.test/team/lib/go.mod at revision v0.1.0: git ls-remote -q origin in " +
    "/x: exit status 128:\n\tfatal: could not read Username for 'https://git.test': terminal " +
    "prompts disabled",
    /GOPRIVATE=git\.test\/team and/,
  ],
  [
    "fatal: could not read Username for 'https://git.test': terminal prompts disabled",
    /GOPRIVATE=git\.test and/,
  ],
  ["git@git.test: Permission denied (publickey).", /GOPRIVATE=HOST\/OWNER and/],
  ["main.go:2:8: module lookup disabled by GOPROXY=off", /set GOPROXY .*"go mod vendor"/],
  [
    'a.test/b@v0.1.0: Get "http://127.0.0.1:1/x.zip": dial tcp 127.0.0.1:1: connect: refused',
    /set GOPROXY/,
  ],
  [
    '# runtime/cgo\ncgo: C compiler "nocc" not found: exec: "nocc": executable file not found',
    /^install it, say --env CC=COMPILER, or .*CGO_ENABLED=0$/,
  ],
  [
    "# runtime/cgo\ngcc_arm64.S:62: Error: no such instruction: `ldp x25'",
    /CC=aarch64-linux-gnu-gcc/,
  ],
  [
    "gcc: error: unrecognized command-line option '-marm'; did you mean '-mabm'?",
    /none for this platform/,
  ],
  ["./x.go:3:11: fatal error: zlib.h: No such file or directory", /^install the C library/],
  ["/usr/bin/ld: cannot find -lfoo: No such file or directory", /^install the C library/],
  ["main.go:5:12: pattern dist/*: no matching files found", /"go generate"/],
  ["error obtaining VCS status: exit status 128", /--flags=-buildvcs=false/],
  ["m/a: /usr/lib/go/pkg/tool/linux_amd64/link: signal: killed", /--jobs 1/],
  ["# m/a\n./a.go:4:2: undefined: nothing", undefined],
  ["", undefined],
];

Deno.test("advice: what go says gets the step that helps, and other words get none", () => {
  for (const [said, step] of SAID) {
    const found = nextStep(said);
    if (step === undefined) assert.equal(found, undefined, said);
    else assert.match(found ?? "", step, said);
  }
  assert.equal(withNextStep(" a\n\tb "), "a b");
  assert.match(withNextStep("a\n\tsignal: killed"), /^a signal: killed; the system ended it/);
});
