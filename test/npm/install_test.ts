/**
 * `npm install -g` of the packed file, and npx of it, as their user meets them.
 * @module
 */
import assert from "node:assert/strict";
import { basename, dirname } from "node:path";
import denoJson from "../../deno.json" with { type: "json" };
import { needs, rootTool, searchPath } from "../parts/tools.ts";
import { goModule, simpleModule } from "../support/go_module.ts";
import { done } from "../support/kodeno.ts";
import { assertClean } from "../support/layout.ts";
import { processesIn, processesLike, run, runsIn, succeed, until } from "../support/process.ts";
import { filesBelow, tempDir } from "../support/temp.ts";
import { terminal } from "../support/terminal.ts";
import { installed, nodes } from "./installed.ts";

const VERSION_LINE = new RegExp(
  `^kodeno ${denoJson.version.replaceAll(".", "\\.")} \\(deno \\d+\\.\\d+\\.\\d+, go .*\\)\n$`,
);

Deno.test({
  name: "npm: the packed file, installed without scripts in a new home, is kodeno",
  ...needs("npm", "npx", "tmux", "unshare", "root"),
  fn: async (test) => {
    await using machine = await installed("README.md");
    const { dir, env, program, file } = machine;

    await test.step("it says which version it is, and nothing else", async () => {
      const { code, stdout, stderr } = await run(program, ["version"], { env });
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, VERSION_LINE);
    });

    await test.step("npx of the file does, too", async () => {
      const args = ["--yes", `./${basename(file)}`, "version"];
      assert.match(await succeed("npx", args, { cwd: dirname(file), env }), VERSION_LINE);
    });

    await test.step("it builds what the binary builds, with no network and no home", async () => {
      await using work = await tempDir();
      await simpleModule(work);
      const usual = await done(work, ["build", "--oci-layout", "usual"]);
      const cut = { ...env, HOME: "/proc/none", KODENO_CACHE: work.join("own cache") };
      const args = ["--net", program, "build", "--oci-layout", "an out"];
      const how = { cwd: work.path, env: cut };
      const { code, stdout, stderr } = await run(rootTool("unshare") ?? "", args, how);
      assert.equal(code, 0, stderr);
      assert.equal(stdout.trimEnd(), usual);
      assert.deepEqual(
        await filesBelow(work.join("an out"), "blobs"),
        await filesBelow(work.join("usual"), "blobs"),
      );
      await assertClean(work.join("an out"));
    });

    await test.step("stdin and stdout are those of kodeno", async () => {
      const text = `# kept\nitems:\n${"- name: one  # of many\n".repeat(20_000)}`;
      const input = await dir.write("many.yaml", text);
      const line = `cat '${input}' | '${program}' resolve -f - | cat`;
      const printed = await succeed("sh", ["-c", line], { cwd: dir.path, env });
      assert.equal(printed, `${text}---\n`);
    });

    await test.step("exit codes are those of kodeno", async () => {
      await using work = await tempDir();
      await goModule(work, "example.com/broken", {
        "main.go": "package main\n\nfunc main() { x }\n",
      });
      const how = { cwd: work.path, env };
      const failed = await run(program, ["build"], how);
      assert.equal(failed.code, 1, failed.stderr);
      assert.match(failed.stderr, /undefined: x/);
      const wrong = await run(program, ["build", "--no-such-flag"], how);
      assert.equal(wrong.code, 2, wrong.stderr);
    });

    for (const node of await nodes(machine)) {
      const PATH = [node, ...searchPath()].filter(Boolean).join(":");
      const version = await succeed("node", ["--version"], { env: { ...env, PATH } });
      await test.step(`descriptors that are named reach it, with Node ${version.trim()}`, async () => {
        const line = `'${program}' resolve -f <(echo 'kind: List')`;
        const how = { cwd: dir.path, env: { ...env, PATH } };
        assert.equal(await succeed("bash", ["-c", line], how), "kind: List\n---\n");
      });

      await test.step(`it waits for the reader of a pipe, with Node ${version.trim()}`, async () => {
        await using work = await tempDir();
        await simpleModule(work);
        const how = { cwd: work.path, env: { ...env, PATH } };
        const line = `'${program}' build --tarball - | (sleep 1; cat) >got.tar`;
        await succeed("bash", ["-euo", "pipefail", "-c", line], how);
        await succeed(program, ["build", "--tarball", "want.tar"], how);
        await succeed("cmp", ["want.tar", "got.tar"], how);
      });

      await test.step(`signals end it, with all that it runs, with Node ${version.trim()}`, async () => {
        await using work = await tempDir();
        await goModule(work, "example.com/slow", { "main.go": SLOW });
        const how = { cwd: work.path, env: { ...env, PATH, GOCACHE: work.join("gocache") } };
        const isCompiling = () => runsIn(work.path, /\/compile\0/);
        const hasEnded = async () => (await processesIn(work.path)).length === 0;
        for (const signal of ["SIGINT", "SIGTERM"] as const) {
          const child = started(program, ["build"], how);
          await child.stdin.close();
          const ended = child.output();
          await until("go to compile", isCompiling);
          child.kill(signal);
          const { code, stderr } = await ended;
          const said = new TextDecoder().decode(stderr);
          assert.equal(code, 130, `${signal}: ${said}`);
          assert.match(said, /Error: Interrupted; nothing half-made was left\n$/);
          await until(`the end of all after ${signal}`, hasEnded);
        }
        // A terminal tells all programs in front, kodeno and, where it is still there, Node.
        await using screen = await terminal(work, how.env);
        await screen.type(`clear; '${program}' build`);
        await until("go to compile", isCompiling);
        await screen.tmux("send-keys", "C-c");
        await until("the prompt", async () => (await screen.lines()).at(-1) === "ended 130 >");
        assert.ok(!await runsIn(work.path, /^go\0|\/compile\0/));

        // Whoever waits is told what has ended it.
        const waiting = started(program, ["resolve", "-f", "-"], how);
        const own = () => processesLike(work.path, /\/lib\/cli\.js\0resolve\0/);
        await until("kodeno to run", async () => (await own()).length === 1);
        for (const pid of await own()) Deno.kill(pid, "SIGKILL");
        assert.equal((await waiting.status).signal, "SIGKILL");
        await Promise.all([
          waiting.stdin.close(),
          waiting.stdout.cancel(),
          waiting.stderr.cancel(),
        ]);
      });
    }

    await test.step("without the package for the machine it says what is missing", async () => {
      const bare = dir.join("bare");
      await machine.npm("install", "--omit=optional", "--prefix", bare, file);
      const kodeno = `${bare}/node_modules/.bin/kodeno`;
      const { code, stdout, stderr } = await run(kodeno, ["version"], { env });
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /^Error: Cannot start kodeno: .* --omit=optional\n$/);
    });
  },
});

const SLOW = 'package main\n\nimport "net/http"\n\nfunc main() { http.ListenAndServe("", nil) }\n';

function started(
  program: string,
  args: readonly string[],
  how: { readonly cwd: string; readonly env: Record<string, string> },
): Deno.ChildProcess {
  const pipes = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  return new Deno.Command(program, { args: [...args], ...how, clearEnv: true, ...pipes }).spawn();
}
