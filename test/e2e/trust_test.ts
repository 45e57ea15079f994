/**
 * What a checkout may run: its files name programs in every place there is, and none of them is run
 * by what kodeno does with it.
 * @module
 */
import assert from "node:assert/strict";
import { goMod, printer } from "../support/go_module.ts";
import { kodeno } from "../support/kodeno.ts";
import { run, succeed } from "../support/process.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const BUILD = ["build", "--push=false", "--oci-layout-path", "out", "--base-image", "scratch", "."];
const PATH = Deno.env.get("PATH") ?? "";

/** A module, and beside it a program that leaves a mark. */
async function checkout(koYaml = ""): Promise<TempDir> {
  const dir = await tempDir();
  await dir.write("src/go.mod", goMod("example.test/app"));
  await dir.write("src/main.go", printer("hello"));
  if (koYaml !== "") await dir.write("src/.ko.yaml", koYaml.replaceAll("DIR", dir.path));
  return dir;
}

/** Writes a program that leaves a mark with its name, then does something else. */
async function trap(dir: TempDir, name: string, then = "exit 1"): Promise<string> {
  const path = await dir.write(name, `#!/bin/sh\necho "$0 $*" >>${dir.path}/marks\n${then}\n`);
  await Deno.chmod(path, 0o755);
  return path;
}

async function marks(dir: TempDir): Promise<string> {
  return await Deno.readTextFile(dir.join("marks")).catch(() => "");
}

Deno.test("trust: go is the one on kodeno's own PATH", async () => {
  await using dir = await checkout('defaultEnv: ["PATH=DIR/bin"]\n');
  await trap(dir, "bin/go");
  await trap(dir, "src/go");
  const env = { PATH: `:.:${PATH}` };
  const { code, stderr } = await kodeno(BUILD, { cwd: dir.join("src"), env });
  assert.deepEqual([code, await marks(dir)], [0, ""], stderr);
  const none = await kodeno(BUILD, {
    cwd: dir.join("src"),
    env: { PATH: dir.join("none"), KODENO_CACHE: dir.join("cache") },
  });
  assert.match(none.stderr, /Cannot run "go": there is no such command on PATH; install Go/);
  assert.deepEqual([none.code, await marks(dir)], [1, ""]);
});

Deno.test("trust: -toolexec is refused wherever go would find it", async (t) => {
  const where: readonly (readonly [what: string, koYaml: string, env?: Record<string, string>])[] =
    [
      ["flags", 'defaultFlags: ["-toolexec", "DIR/tool"]\n'],
      ["flags with two dashes", 'defaultFlags: ["--toolexec=DIR/tool"]\n'],
      ["GOFLAGS", 'defaultEnv: ["GOFLAGS=-toolexec=DIR/tool"]\n'],
      ["quoted GOFLAGS", `defaultEnv: ["GOFLAGS='-toolexec=DIR/tool x'"]\n`],
      ["a file of go's", 'defaultEnv: ["GOENV=DIR/env"]\n'],
      ["a file beside", 'defaultEnv: ["GOENV=../env"]\n'],
      ["a file of one build", 'builds: [{id: a, main: ., env: ["GOENV=DIR/env"]}]\n'],
      [
        "a file that the flags of others hide",
        'defaultEnv: ["GOENV=DIR/env", "GOFLAGS=-v"]\n' +
        'builds: [{id: a, main: ., env: ["GOENV=DIR/env"]}]\n',
      ],
      ["a home", 'builds: [{id: a, main: ., env: ["HOME=DIR", "XDG_CONFIG_HOME="]}]\n'],
      ["a folder of settings", 'defaultEnv: ["XDG_CONFIG_HOME=DIR/.config"]\n'],
      ["the environment", "", { GOENV: "DIR/env" }],
    ];
  for (const [what, koYaml, env = {}] of where) {
    await t.step(what, async () => {
      await using dir = await checkout(koYaml);
      const tool = await trap(dir, "tool", '"$@"');
      for (const name of ["env", ".config/go/env"]) {
        await dir.write(name, `GOFLAGS=-toolexec=${tool}\n`);
      }
      const given = Object.entries(env).map((
        [key, value],
      ) => [key, value.replace("DIR", dir.path)]);
      const { code, stderr } = await kodeno(BUILD, {
        cwd: dir.join("src"),
        env: Object.fromEntries(given),
      });
      assert.match(
        stderr,
        /^Error: Cannot use -toolexec in .*: it runs any program in the place of/m,
      );
      assert.deepEqual([code, await marks(dir)], [2, ""]);
    });
  }
});

/** A checkout whose repository names programs, which git runs when it is asked for changes. */
async function checkoutOfPrograms(koYaml: string) {
  const dir = await checkout(koYaml);
  const cwd = dir.join("src");
  const git = async (...args: readonly string[]): Promise<string> =>
    await succeed("git", ["-c", "user.name=a", "-c", "user.email=a@b.test", ...args], { cwd });
  await dir.write("src/b/main.go", printer("other"));
  await dir.write("src/.gitattributes", "* filter=evil\n");
  await git("init", "-q");
  await git("add", ".");
  await git("commit", "-q", "-m", "one");
  const program = await trap(dir, "mark", "cat");
  await git("config", "core.fsmonitor", program);
  await git("config", "filter.evil.clean", `${program} clean`);
  await git("config", "filter.evil.required", "true");
  await Deno.utime(dir.join("src/main.go"), 1e9, 1e9);
  await dir.write("src/.git/info/exclude", "out\n");
  return { dir, cwd };
}

Deno.test("trust: what a repository names is not run by the git that go runs", async () => {
  const { dir, cwd } = await checkoutOfPrograms('defaultFlags: ["-buildvcs=true"]\n');
  await using _ = dir;
  const { code, stderr } = await kodeno(BUILD, { cwd });
  assert.deepEqual([code, await marks(dir)], [0, ""], stderr);
  // Without that it would be.
  await run("git", ["status", "--porcelain"], { cwd });
  assert.notEqual(await marks(dir), "");
});

Deno.test("trust: nor where another image of the same folder is not stamped", async () => {
  const { dir, cwd } = await checkoutOfPrograms(
    'defaultFlags: ["-buildvcs=true"]\nbuilds: [{id: a, main: ., flags: ["-buildvcs=false"]}]\n',
  );
  await using _ = dir;
  const { code, stderr } = await kodeno([...BUILD, "./b", "--jobs", "1"], { cwd });
  assert.deepEqual([code, await marks(dir)], [0, ""], stderr);
});

Deno.test("trust: commands that only show run no git", async (t) => {
  await using dir = await checkout();
  await trap(dir, "bin/git");
  const header = "apiVersion: skaffold/v4beta13\nkind: Config\n";
  await dir.write("src/skaffold.yaml", `${header}build: {artifacts: [{image: a, ko: {}}]}\n`);
  await dir.write("src/.ko.yaml", 'defaultLdflags: ["-X main.v={{.Git.FullCommit}}"]\n');
  const env = { PATH: `${dir.join("bin")}:${PATH}` };
  const commands = ["config", "config -f skaffold.yaml", "ls out", "help build", "completion bash"];
  for (const command of [...commands, "schema ko", "cache info", "--version"]) {
    await t.step(command, async () => {
      const { stderr } = await kodeno(command.split(" "), { cwd: dir.join("src"), env });
      assert.equal(await marks(dir), "", stderr);
    });
  }
});

Deno.test("trust: a go that prints without end is ended", async () => {
  await using dir = await checkout();
  const go = await dir.write("go", "#!/bin/sh\nexec yes endless\n");
  await Deno.chmod(go, 0o755);
  const { code, stderr } = await kodeno(BUILD, {
    cwd: dir.join("src"),
    env: { KO_GO_PATH: go, KODENO_CACHE: dir.join("cache") },
  });
  assert.equal(code, 1);
  // Who asks it first, of two that ask at once, says it.
  assert.match(
    stderr,
    /^Error: Cannot run go (?:(?:list|env): it prints without end:|list: it prints an object without end)\n/m,
  );
  assert.ok(stderr.length < 3000);
});
