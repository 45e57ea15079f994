/**
 * The next step where go fails: what to say to kodeno or to do beside it. go's own words name what is
 * wrong, and seldom what helps in a build of images.
 * @module
 */

const NO_CGO = "build without cgo: --env CGO_ENABLED=0";

/** What go says, and what helps; the first that fits. */
const STEPS: readonly (readonly [said: RegExp, step: string | ((found: string) => string)])[] = [
  [
    /build constraints exclude all Go files/,
    "if it needs cgo, say --env CGO_ENABLED=1 and take a base image with a C library " +
    "(--base-image); else choose the --platform or the tags (--flags=-tags=NAME) that it is for",
  ],
  [
    /requires go >= ?([\w.]+) \(running go |note: module requires Go ([\w.]+)/,
    (version) =>
      `install Go ${version} or newer, or name it by KO_GO_PATH; GOTOOLCHAIN=auto lets go fetch it`,
  ],
  [
    /(?:go: download |toolchain@\S*?)(go\d[\w.]*\d)/,
    (version) => `install ${version} or newer, or name it by KO_GO_PATH: go could not fetch it`,
  ],
  [
    /missing go\.sum entry|updates to go\.(?:mod|sum) needed/,
    'run "go mod tidy" and keep the go.sum that it writes',
  ],
  [
    /could not read Username|terminal prompts disabled|Permission denied \(publickey|Repository not found|Host key verification failed|reading https?:\/\/\S+: (?:40[134]|410) |server response: not found/,
    (said) => {
      // The module, or its host, as the proxy, git or the checksum database has it.
      const [, module = "HOST/OWNER"] =
        /\b([\w-]+(?:\.[\w-]+)+(?:\/[\w.~-]+)?)[\w.~/-]*(?:@v|\/go\.mod at revision)/.exec(said) ??
          /for '(?:https|ssh):\/\/(?:[^@/']*@)?([^'/]+)/.exec(said) ?? [];
      const [host] = module.split("/");
      return `if the module is private, set GOPRIVATE=${module} and let git log in there: by ~/.netrc, ` +
        `or git config --global url.ssh://git@${host}/.insteadOf https://${host}/`;
    },
  ],
  [
    /module lookup disabled by GOPROXY=off|dial tcp|Could not resolve host|no such host|i\/o timeout/,
    'go cannot fetch modules here: set GOPROXY to a proxy that answers, or run "go mod vendor" ' +
    "where there is a network",
  ],
  [/C compiler "[^"]*" not found/, `install it, say --env CC=COMPILER, or ${NO_CGO}`],
  [
    /\bgcc_\w+\.S:|unrecognized command[- ]line option|unknown target triple|cannot guess binary architecture/,
    "the C compiler is none for this platform: say one that is, such as --env " +
    `CC=aarch64-linux-gnu-gcc, or ${NO_CGO}`,
  ],
  [
    /fatal error: '?\S+\.h'?(?:: No such file| file not found)|cannot find -l|library .* not found/,
    `install the C library with its headers for this platform, or ${NO_CGO}`,
  ],
  [
    /pattern \S+: no matching files found/,
    'make the files that are to be embedded first, as with "go generate" or what builds them',
  ],
  [
    /error obtaining VCS status/,
    "say --flags=-buildvcs=false, or have git trust the folder: " +
    "git config --global --add safe.directory FOLDER",
  ],
  [
    /signal: killed/,
    "the system ended it, mostly for want of memory: give it more, or have it do less at once " +
    "(--jobs 1 --env GOFLAGS=-p=1)",
  ],
];

/** What helps against what go says, for the end of a sentence; nothing where go's words are enough. */
export function nextStep(said: string): string | undefined {
  for (const [pattern, step] of STEPS) {
    const found = pattern.exec(said);
    if (found === null) continue;
    return typeof step === "string" ? step : step(found[1] ?? found[2] ?? said);
  }
  return undefined;
}

/** What go says as one line, for its advice is on lines of its own, and what helps. */
export function withNextStep(said: string): string {
  const line = said.trim().replaceAll(/\s+/g, " ");
  const step = nextStep(said);
  return step === undefined ? line : `${line}; ${step}`;
}
