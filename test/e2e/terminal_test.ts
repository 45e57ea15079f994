/**
 * The live view on a real terminal, as tmux shows it.
 * @module
 */
import assert from "node:assert/strict";
import { needs } from "../parts/tools.ts";
import { goModule, printer } from "../support/go_module.ts";
import { processesIn, until } from "../support/process.ts";
import { commandLine, shown, terminal } from "../support/terminal.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

async function twoPrograms(): Promise<TempDir> {
  const dir = await tempDir();
  await goModule(dir, "example.com/mod", {
    "api/main.go": printer("api"),
    "worker/main.go": printer("worker"),
  });
  return dir;
}

const ROW = /^\* (example\.com\/mod\/\w+) +(linux\/\w+) +done +\d+(?:\.\d)? [kM]?B +\d+\.\ds$/;

Deno.test({
  name: "terminal: a row for each image and platform stands when all is done, then the references",
  ...needs("tmux"),
  fn: async () => {
    await using dir = await twoPrograms();
    await using screen = await terminal(dir);
    const command = commandLine("build", "./...", "--platform", "linux/amd64,linux/arm64");
    const lines = await shown(screen, command);
    const rows = lines.slice(0, 4).map((line) => ROW.exec(line)?.slice(1) ?? line);
    assert.deepEqual(rows.sort(), [
      ["example.com/mod/api", "linux/amd64"],
      ["example.com/mod/api", "linux/arm64"],
      ["example.com/mod/worker", "linux/amd64"],
      ["example.com/mod/worker", "linux/arm64"],
    ]);
    assert.match(lines[4] ?? "", /^api:latest@sha256:[0-9a-f]{64}$/);
    assert.match(lines[5] ?? "", /^worker:latest@sha256:[0-9a-f]{64}$/);
    assert.equal(lines.length, 6, lines.join("\n"));
  },
});

Deno.test({
  name: "terminal: rows move while the work goes on, and Ctrl-C leaves them and a clear line",
  ...needs("tmux"),
  fn: async () => {
    await using dir = await twoPrograms();
    await dir.write("api/main.go", 'package main\n\nimport _ "net/http"\n\nfunc main() {}\n');
    // An empty cache of go's makes the build last.
    await using screen = await terminal(dir, { GOCACHE: dir.join("gocache") });
    await screen.type(`clear; ${commandLine("build", "./...")}`);
    const row = /^> example\.com\/mod\/api {4}linux\/amd64 +compiling +(\d+\.\d)s$/;
    const seen = new Set<string>();
    const count = /^packages compiled: \d+ for linux\/amd64$/;
    await until(
      "a count of packages",
      async () => (await screen.lines()).some((line) => count.test(line)),
    );
    await until("the time of a row to go on", async () => {
      const line = (await screen.lines()).map((line) => row.exec(line)?.[1]).find(Boolean);
      if (line) seen.add(line);
      return seen.size >= 3;
    });
    await screen.tmux("send-keys", "C-c");
    await until("the end", async () => (await screen.lines()).at(-1) === "ended 130 >");
    const lines = await screen.lines();
    assert.ok(lines.includes("Error: Interrupted; nothing half-made was left"), lines.join("\n"));
    assert.equal(lines.filter((line) => /^> example\.com\/mod\/\w+ +linux/.test(line)).length, 2);
    assert.equal(lines.filter((line) => count.test(line)).length, 0);
    const go = async () => (await processesIn(dir.join("api"))).length;
    await until("go to end", async () => await go() === 0);
    assert.deepEqual(await dir.list("out"), []);
  },
});

Deno.test({
  name: "terminal: compiler's lines stand below the rows",
  ...needs("tmux"),
  fn: async () => {
    await using dir = await twoPrograms();
    await dir.write("api/main.go", "package main\n\nfunc main() { missing() }\n");
    await using screen = await terminal(dir);
    const lines = await shown(screen, commandLine("build", "./..."), 1);
    const error = lines.findIndex((line) => line.startsWith("Error: Cannot build for linux/amd64"));
    assert.ok(error > 0, lines.join("\n"));
    assert.deepEqual(lines.slice(error + 1), [
      "# example.com/mod/api",
      "api/main.go:3:15: undefined: missing",
    ]);
  },
});

Deno.test({
  name: "terminal: rows of long names keep bytes and time, whatever the width",
  ...needs("tmux"),
  fn: async () => {
    await using dir = await tempDir();
    const module = "github.example.com/an-organization/a-repository-of-services";
    const sink = "cmd/a-command-with-a-name-that-no-terminal-has-room-for-and-then-some";
    await goModule(dir, module, {
      "cmd/api/main.go": printer("api"),
      [`${sink}/main.go`]: printer("sink"),
    });
    const end = / linux\/amd64 +done +\d+(?:\.\d)? [kM]?B +\d+\.\ds$/;
    const short: readonly (readonly [number, string, RegExp])[] = [
      [60, "api", /^\* a-c\S*\.\.\.\S*-some linux/],
      [80, "api", /^\* a-command-\S*\.\.\.\S*-and-then-some linux/],
      [120, "api", RegExp(`^\\* ${sink.slice(4)} linux`)],
      [200, `${module}/cmd/api`, RegExp(`^\\* ${module}/${sink} linux`)],
    ];
    for (const [columns, api, name] of short) {
      await using screen = await terminal(dir, {}, [columns, 20]);
      const lines = await shown(screen, commandLine("build", "./cmd/..."));
      const rows = lines.filter((line) => line.startsWith("* "));
      assert.equal(rows.length, 2, lines.join("\n"));
      assert.ok(rows.some((row) => row.startsWith(`* ${api} `)), rows.join("\n"));
      assert.ok(rows.some((row) => name.test(row)), rows.join("\n"));
      assert.ok(rows.every((row) => end.test(row) && row.length < columns), rows.join("\n"));
    }
  },
});

Deno.test({
  name: "terminal: more rows than a small screen has room for, without a trace of the others",
  ...needs("tmux"),
  fn: async () => {
    await using dir = await tempDir();
    const count = 14;
    const files = Array.from({ length: count }, (_, i) => `p${String(i).padStart(2, "0")}`)
      .map((name) => [`${name}/main.go`, printer(name)] as const);
    await goModule(dir, "example.com/mod", Object.fromEntries(files));
    await using screen = await terminal(dir, {}, [60, 8]);
    const lines = await shown(screen, `${commandLine("build", "./...")} >refs`);
    // The line that was typed has moved out at the top, or was cleared away.
    const rows = lines.filter((line) => /example\.com\/mod\/p\d\d linux\/amd64/.test(line));
    assert.equal(rows.length, count, lines.join("\n"));
    assert.ok(rows.every((line) => line.startsWith("* ") && line.length < 60), rows.join("\n"));
    const refs = await Deno.readTextFile(dir.join("refs"));
    assert.equal(refs.trimEnd().split("\n").length, count);
  },
});

Deno.test({
  name: "terminal: plain lines where CI or TERM=dumb says that nobody looks",
  ...needs("tmux"),
  fn: async () => {
    await using dir = await twoPrograms();
    for (const setting of ["CI=1", "TERM=dumb"]) {
      await using screen = await terminal(dir);
      const lines = await shown(screen, `${setting} ${commandLine("build", "./...")}`);
      assert.deepEqual(lines.slice(0, 2).sort(), [
        "example.com/mod/api linux/amd64: compiling",
        "example.com/mod/worker linux/amd64: compiling",
      ]);
      assert.equal(lines.filter((line) => /: done in \d+\.\ds$/.test(line)).length, 2);
      assert.match(lines[4] ?? "", /^api:latest@sha256:/);
    }
  },
});

Deno.test({
  name: "terminal: what is printed while the rows stand is not drawn over, nor that of kubectl",
  ...needs("tmux"),
  fn: async () => {
    await using dir = await twoPrograms();
    const objects = ["image: ko://example.com/mod/api", "a: 1", "b: 2", "c: 3"];
    await dir.write("pod.yaml", `${objects.join("\n")}\n`);
    await dir.write(
      "bin/kubectl",
      "#!/bin/sh\nfor i in 1 2 3 4; do echo line $i; sleep 0.3; done\n",
    );
    await Deno.chmod(dir.join("bin/kubectl"), 0o755);
    const on = async (command: string, ...args: readonly string[]) => {
      await using screen = await terminal(dir);
      const line = commandLine(command, "--push=false", ...args);
      return await shown(screen, `PATH=bin:$PATH ${line}`);
    };
    const resolved = await on("resolve", "-f", "pod.yaml");
    assert.deepEqual(resolved.slice(1, 4), objects.slice(1), resolved.join("\n"));
    for (const [command, ...args] of [["apply", "-f", "pod.yaml"], ["run", "./api"]] as const) {
      const lines = await on(command, ...args);
      const printed = lines.filter((line) => line.startsWith("line "));
      assert.deepEqual(printed, ["line 1", "line 2", "line 3", "line 4"], lines.join("\n"));
      assert.match(lines.at(-1) ?? "", ROW, lines.join("\n"));
      const told = lines.filter((line) => line.startsWith("kubectl run api "));
      assert.equal(told.length, command === "run" ? 1 : 0, lines.join("\n"));
    }
  },
});
