/**
 * `kodeno completion`: the scripts in real shells.
 * @module
 */
import assert from "node:assert/strict";
import { isPowerShell } from "../parts/powershell.ts";
import { needs, rootTool, searchPath } from "../parts/tools.ts";
import { assertFails } from "../support/failure.ts";
import { goModule, printer } from "../support/go_module.ts";
import { kodeno, kodenoCommand, kodenoEnvironment } from "../support/kodeno.ts";
import { run, succeed, until } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import { type Terminal, terminal } from "../support/terminal.ts";

const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

/** A module with programs, a layout, kodeno on PATH, and the script of each shell. */
async function place(): Promise<{ dir: TempDir; env: Record<string, string> }> {
  const dir = await tempDir();
  await goModule(dir, "example.com/app", {
    "cmd/one/main.go": printer("one"),
    "cmd/two/main.go": `// Copyright.\n\n/* package x */\n${printer("two")}`,
    "hack/tool.go": "// Copyright.\n\n//go:build ignore\n\npackage main\n",
    "internal/lib/lib.go": "package lib\n",
    "vendor/x/main.go": "package main\n",
  });
  await goModule(dir, "example.com/other", { "main.go": printer("other") }, "nested/other");
  const quoted = kodenoCommand().map((part) => `'${part}'`).join(" ");
  await Deno.chmod(await dir.write("bin/kodeno", `#!/bin/sh\nexec ${quoted} "$@"\n`), 0o755);
  const env = kodenoEnvironment();
  env["PATH"] = [dir.join("bin"), ...searchPath()].join(":");
  const built = await run("kodeno", ["build", "./cmd/one", "-t", "v1,latest"], {
    cwd: dir.path,
    env,
  });
  assert.equal(built.code, 0, built.stderr);
  for (const shell of SHELLS) {
    await dir.write(`script.${shell}`, (await kodeno(["completion", shell])).stdout);
  }
  return { dir, env };
}

/** What bash would offer: its words as readline takes them apart. */
const BASH = String.raw`
source ./script.bash
COMP_LINE=$1 COMP_POINT=${"${#1}"}
read -ra COMP_WORDS <<<"$(sed 's/[:=]/ & /g' <<<"$1")"
[[ $1 == *[' ':=] ]] && COMP_WORDS+=("")
COMP_CWORD=$((${"${#COMP_WORDS[@]}"} - 1))
_kodeno 2>/dev/null
printf '%s\n' "${"${COMPREPLY[@]}"}"
`;

/** What a shell offers for a line with the cursor at its end. */
type Offer = (line: string) => Promise<readonly string[]>;

/** Lines, and what has to be among the offers; what may not be is behind a dash. */
const CASES: readonly (readonly [line: string, ...offers: readonly string[]])[] = [
  ["kodeno b", "build", "-push"],
  ["kodeno build ./", "./cmd/", "./nested/", "-./internal/", "-./vendor/", "-./hack"],
  ["kodeno build ./cmd/", "./cmd/one", "./cmd/two"],
  ["kodeno build -B ./cmd/one ./cmd/t", "./cmd/two", "-./cmd/one"],
  ["kodeno build --platform linux/amd64,linux/arm6", "linux/amd64,linux/arm64"],
  ["kodeno build --oci-layout x example.com/app/cmd/o", "example.com/app/cmd/one"],
  ["kodeno inspect ", "out"],
  ["kodeno ls o", "out"],
  ["kodeno cache ", "info", "clean"],
  ["kodeno resolve -f script.ba", "script.bash"],
  ["kodeno completion ", ...SHELLS],
  ["kodeno schema k", "ko"],
  ["kodeno login ", "-out", "-./cmd/"],
];

async function check(offer: Offer, cases: typeof CASES): Promise<void> {
  for (const [line, ...wanted] of cases) {
    const offers = await offer(line);
    for (const one of wanted) {
      const isUnwanted = one.startsWith("-") && !one.startsWith("--");
      const name = isUnwanted ? one.slice(1) : one;
      assert.equal(offers.includes(name), !isUnwanted, `${line} -> ${offers.join(" ")}: ${one}`);
    }
  }
}

/** Types words, presses the tabulator, and waits for what they have to become. */
async function press(
  screen: Terminal,
  lines: readonly (readonly [typed: string, shown: string])[],
): Promise<void> {
  const isLast = (line: string) => async () => (await screen.lines()).at(-1) === line;
  for (const [typed, shown] of lines) {
    await screen.tmux("send-keys", "-l", typed);
    await until(`${typed} to be there`, isLast(`ready> ${typed}`));
    await screen.tmux("send-keys", "Tab");
    await until(`${typed} to become ${shown}`, isLast(`ready> ${shown}`));
    await screen.tmux("send-keys", "C-u");
    await until("an empty line", isLast("ready>"));
  }
}

Deno.test("completion: bash offers commands, flags, packages, layouts and images", async () => {
  const { dir, env } = await place();
  await using _ = dir;
  const offer: Offer = async (line) =>
    (await succeed("bash", ["-c", BASH, "bash", line], { cwd: dir.path, env })).trim().split("\n");
  await check(offer, CASES);
  await check(offer, [
    ["kodeno build --oci", "--oci-layout", "--oci-layout-path"],
    ["kodeno gc --dry", "--dry-run"],
    // bash goes on behind the last colon or equals sign.
    ["kodeno inspect out one:", "v1", "latest"],
    ["kodeno tag out one:v", "v1"],
    ["kodeno copy oci:out:one:", "v1"],
    ["kodeno copy o", "oci:"],
    ["kodeno diff oci:out:one:v1 oci:out:one:", "v1"],
    ["kodeno digest out out:one:", "v1", "latest"],
    ["kodeno build --platform=linux/arm6", "linux/arm64"],
    ["kodeno build --base-image oci:o", "out"],
    ["kodeno build --oci-layout b", "bin"],
    ["kodeno build ko://example.com/app/cmd/t", "//example.com/app/cmd/two"],
  ]);
  const complete = await succeed("bash", ["-c", "source ./script.bash; complete -p kodeno"], {
    cwd: dir.path,
    env,
  });
  assert.equal(complete, "complete -F _kodeno kodeno\n");
});

Deno.test({
  name: "completion: fish offers the same",
  ...needs("fish"),
  fn: async () => {
    const { dir, env } = await place();
    await using _ = dir;
    const fish = rootTool("fish") ?? "fish";
    const own = {
      ...env,
      HOME: dir.path,
      XDG_CONFIG_HOME: dir.join("c"),
      XDG_DATA_HOME: dir.join("d"),
    };
    const offer: Offer = async (line) => {
      const script = `source ./script.fish; complete -C ${JSON.stringify(line)}`;
      const lines = await succeed(fish, ["-c", script], { cwd: dir.path, env: own });
      return lines.split("\n").map((one) => one.split("\t")[0] ?? "");
    };
    await check(offer, CASES);
    await check(offer, [
      ["kodeno build --oci", "--oci-layout", "--oci-layout-path"],
      ["kodeno inspect out one:", "one:v1", "one:latest"],
      ["kodeno copy oci:out:one:", "oci:out:one:v1"],
      ["kodeno build --platform=linux/arm6", "--platform=linux/arm64"],
      ["kodeno resolve --filename=script.ba", "--filename=script.bash"],
      ["kodeno build --oci-layout b", "bin/"],
    ]);
  },
});

Deno.test({
  name: "completion: zsh completes on a terminal",
  ...needs("zsh", "tmux"),
  fn: async () => {
    const { dir, env } = await place();
    await using _ = dir;
    await using screen = await terminal(dir, { PATH: env["PATH"] ?? "", ZDOTDIR: dir.path });
    await screen.type("exec zsh -f");
    await screen.type(
      "PS1='ready> '; autoload -Uz compinit && compinit -u -D; source ./script.zsh; clear",
    );
    await until("zsh", async () => (await screen.lines()).at(-1) === "ready>", 60_000);
    const lines: readonly (readonly [typed: string, shown: string])[] = [
      ["kodeno com", "kodeno completion"],
      ["kodeno build ./cmd/t", "kodeno build ./cmd/two"],
      [
        "kodeno build --oci-layout x --platform linux/s3",
        "kodeno build --oci-layout x --platform linux/s390x",
      ],
      ["kodeno build --dis", "kodeno build --disable-optimizations"],
      ["kodeno inspect o", "kodeno inspect out"],
      ["kodeno tag out one:v", "kodeno tag out one:v1"],
      ["kodeno build --compression=n", "kodeno build --compression=none"],
      ["kodeno cache cl", "kodeno cache clean"],
      ["kodeno copy oci:out:one:v", "kodeno copy oci:out:one:v1"],
      ["kodeno copy arch", "kodeno copy archive:"],
      ["kodeno resolve -f script.b", "kodeno resolve -f script.bash"],
      ["kodeno resolve --filename=script.b", "kodeno resolve --filename=script.bash"],
      ["kodeno build --oci-layout b", "kodeno build --oci-layout bin/"],
    ];
    await press(screen, lines);
  },
});

Deno.test({
  name: "completion: bash completes on a terminal, and goes on behind a slash",
  ...needs("tmux"),
  fn: async () => {
    const { dir, env } = await place();
    await using _ = dir;
    await using screen = await terminal(dir, { PATH: env["PATH"] ?? "" });
    await screen.type("exec bash --norc --noprofile");
    await screen.type("PS1='ready> '; source ./script.bash; clear");
    await until("bash", async () => (await screen.lines()).at(-1) === "ready>", 60_000);
    const lines: readonly (readonly [typed: string, shown: string])[] = [
      ["kodeno com", "kodeno completion"],
      ["kodeno build ./c", "kodeno build ./cmd/"],
      ["kodeno build ./cmd/t", "kodeno build ./cmd/two"],
      ["kodeno tag out one:v", "kodeno tag out one:v1"],
      ["kodeno copy oci:out:one:v", "kodeno copy oci:out:one:v1"],
      ["kodeno build --platform=linux/s3", "kodeno build --platform=linux/s390x"],
    ];
    await press(screen, lines);
  },
});

for (const shell of ["zsh", "fish"] as const) {
  Deno.test({
    name: `completion: ${shell} reads the script`,
    ...needs(shell),
    fn: async () => {
      await using dir = await tempDir();
      const script = await dir.write("script", (await kodeno(["completion", shell])).stdout);
      await succeed(rootTool(shell) ?? shell, ["-n", script]);
    },
  });
}

Deno.test("completion: wrong usage, and words that nothing is known of", async () => {
  await using dir = await tempDir();
  await assertFails(dir, ["completion", "tcsh"], { code: 2, message: /tcsh.*bash, zsh, fish/ });
  await assertFails(dir, ["completion"], { code: 2, message: /missing required argument 'shell'/ });
  for (
    const args of [["nonsense", "x"], ["inspect", "none", "x"], ["build", "/none/"], [
      "build",
      "-Bx",
    ]]
  ) {
    const { code, stdout, stderr } = await kodeno(["__complete", "--", ...args], { cwd: dir.path });
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: ":words\n", stderr: "" });
  }
  // Nobody has to know what the scripts ask.
  assert.doesNotMatch((await kodeno(["--help"])).stdout, /__complete/);
});

Deno.test("completion: what scripts ask is answered with descriptions and what the shell has to do", async () => {
  const { dir, env } = await place();
  await using _ = dir;
  const ask = async (...words: readonly string[]) => {
    const { stdout, stderr } = await kodeno(["__complete", "--", ...words], { cwd: dir.path, env });
    assert.equal(stderr, "");
    return stdout.trimEnd().split("\n");
  };
  assert.deepEqual(await ask("bu"), [
    "build\tbuild images of Go main packages into an OCI layout",
    "bundle\tcarry images across a gap in one file",
    ":words",
  ]);
  assert.deepEqual(await ask("bundle", "create", "o"), ["out", ":words"]);
  assert.match((await ask("build", "--oci-layout-"))[0] ?? "", /^--oci-layout-path\t\w/);
  assert.deepEqual(await ask("build", "--compression=no"), ["--compression=none", ":words"]);
  assert.deepEqual(await ask("build", "--oci-layout", "b"), [":folders"]);
  assert.deepEqual(await ask("resolve", "-f", ""), [":files"]);
  assert.deepEqual(await ask("cache", "cl", "x"), [":words"]);
  assert.deepEqual(await ask("tag", "out", "one:v"), ["one:v1", ":words"]);
  assert.deepEqual(await ask("push", "out", "--image", "one:v"), ["one:v1", ":words"]);
  assert.deepEqual(await ask("load", "out", "one:v"), ["one:v1", ":words"]);
  // Flags of the line are none of __complete's own.
  assert.deepEqual(await ask("inspect", "--help", "--json", "ou"), ["out", ":words"]);
  // Older PowerShells cannot hand on an empty word.
  assert.deepEqual(await ask("inspect", '""'), await ask("inspect", ""));
  assert.deepEqual(await ask("inspect", "ou"), ["out", ":words"]);
});

Deno.test("completion: PowerShell's script is one, and registers what asks kodeno", async () => {
  const { stdout } = await kodeno(["completion", "powershell"]);
  assert.match(stdout, /^Register-ArgumentCompleter -Native -CommandName kodeno -ScriptBlock \{$/m);
  assert.match(stdout, /& \$words\[0\] __complete '--' @rest/);
  assert.ok(await isPowerShell(stdout));
  for (const part of [") { $rest", "} else {", "@(&", "::new("]) {
    assert.ok(stdout.includes(part) && !await isPowerShell(stdout.replace(part, "")), part);
  }
});

/** What PowerShell makes of a line with each of its offers. */
const POWERSHELL = `
Get-Content -Raw script.powershell | Invoke-Expression
$found = TabExpansion2 $env:LINE $env:LINE.Length
$found.CompletionMatches | ForEach-Object {
    $env:LINE.Substring(0, $found.ReplacementIndex) + $_.CompletionText
}
`;

// No package registry that CI reaches has PowerShell, so that no run counts as one that lacks it.
if (rootTool("pwsh") !== undefined) {
  Deno.test({
    name: "completion: PowerShell offers commands, flags, packages, layouts and images",
    fn: async () => {
      const { dir, env } = await place();
      await using _ = dir;
      const offer: Offer = async (line) => {
        const args = ["-NoProfile", "-NonInteractive", "-Command", POWERSHELL];
        const told = await succeed("pwsh", args, { cwd: dir.path, env: { ...env, LINE: line } });
        return told.trim().split(/\r?\n/).map((one) => one.replace(/^.* /, ""));
      };
      // Files it completes itself.
      await check(offer, CASES.filter(([line]) => !/ -f /.test(line)));
      await check(offer, [["kodeno build --platform linux/amd64,", "linux/amd64,linux/arm64"]]);
    },
  });
}
