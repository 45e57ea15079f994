/**
 * The help of every command: an example, what each flag is without it, and the flags that all have.
 * @module
 */
import assert from "node:assert/strict";
import { allCommands } from "../../src/cli/program.ts";
import type { Command } from "../../src/npm/commander.ts";
import { kodeno } from "../support/kodeno.ts";
import { needs } from "../parts/tools.ts";
import { simpleModule } from "../support/go_module.ts";
import { tempDir } from "../support/temp.ts";
import { commandLine, shown, terminal } from "../support/terminal.ts";

async function help(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await kodeno([...args, "--help"]);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** The commands that build images, move them and look at them. */
const COMMANDS = [
  ...[
    "build",
    "push",
    "load",
    "pull",
    "copy",
    "serve",
    "ls",
    "inspect",
    "diff",
    "report",
    "check-base",
    "rebase",
    "tag",
    "rm",
    "gc",
    "merge",
  ],
  ...["login", "logout", "cache", "cache info", "cache clean", "version"],
];

Deno.test("help: each command of images has an example, and each flag says what is without it", async () => {
  for (const name of COMMANDS) {
    const text = await help(...name.split(" "));
    assert.match(text, new RegExp(`^ +(?:[A-Z_]+=\\S+ )*kodeno ${name}\\b`, "m"), name);
    assert.match(text, /^Examples?:$/m, name);
    if (name === "cache") continue;
    assert.match(text, /--offline/, name);
    assert.match(text, /--verbose/, name);
    assert.match(text, /^Switches are off unless they are given\.$/m, name);
    const options = /^Options:\n((?: {2}.*\n)+)/m.exec(text)?.[1] ?? "";
    // A long one goes on below it, further to the right.
    for (const option of options.replaceAll(/\n {20,}/g, " ").trimEnd().split("\n")) {
      if (/<\w[^>]*>/.test(option)) assert.match(option, /\(default: ?.+\)/, `${name}: ${option}`);
    }
  }
});

/** The page of each command as a terminal of a width shows it, by its words. */
async function pagesAt(columns: number): Promise<ReadonlyMap<string, string>> {
  const program = await allCommands();
  const below = (command: Command): readonly Command[] => [
    command,
    ...command.commands.flatMap(below),
  ];
  const pages = below(program).map((command) => {
    let text = "";
    command.configureOutput({
      ...command.configureOutput(),
      getOutHelpWidth: () => columns,
      writeOut: (part) => text += part,
    });
    command.outputHelp();
    const [usage = ""] = text.split("\n");
    return [usage, text] as const;
  });
  return new Map(pages);
}

for (const columns of [60, 80, 120]) {
  Deno.test(`help: each page fits ${columns} columns, and its lines are filled`, async () => {
    const pages = await pagesAt(columns);
    assert.ok(pages.size > 30);
    for (const [usage, page] of pages) {
      const lines = page.split("\n");
      for (const [i, line] of lines.entries()) {
        // What stands before the first flag of a command is not parted.
        const isCommand = columns < 80 && /^ {2}(?:[A-Z_]+=\S+ )*kodeno /.test(line);
        assert.ok(line.length <= columns || isCommand, `${usage}:\n${line}`);
        // Prose stands at the left; no word of it would have had room on the line before.
        const before = lines[i - 1] ?? "";
        const [word = ""] = line.split(" ");
        const isProse = /^\w/.test(before) && /^\S/.test(line) && !before.endsWith(":");
        if (isProse && i > 1) {
          assert.ok(`${before} ${word}`.length > columns - 1, `${before}\n${line}`);
        }
      }
    }
  });
}

Deno.test({
  name: "help: is as wide as the terminal",
  ...needs("tmux"),
  fn: async () => {
    await using dir = await tempDir();
    for (const columns of [80, 120]) {
      await using screen = await terminal(dir, {}, [columns, 90]);
      const page = (await pagesAt(columns)).get("Usage: kodeno deps [options] [patterns...]");
      const lines = await shown(screen, commandLine("deps", "--help"));
      assert.equal(lines.join("\n"), page?.trimEnd().replaceAll(/ +$/gm, ""));
    }
  },
});

Deno.test("help: commands are in groups", async () => {
  const text = await help();
  const groups = [...text.matchAll(/^([A-Z][a-z ]+):\n {2}(\w+)/gm)].map(([, ...found]) => found);
  assert.deepEqual(groups.slice(0, 6), [
    ["Build images", "build"],
    ["Move images", "push"],
    ["Cross a gap", "bundle"],
    ["Look at images and tidy layouts", "ls"],
    ["Sign images", "key"],
    ["Set up", "init"],
  ]);
  assert.match(text, /^ {2}help .*\n\nExample:$/m);
});

Deno.test({
  name: "inspect: in colour on a terminal, and without it where NO_COLOR says so",
  ...needs("tmux"),
  fn: async () => {
    await using dir = await tempDir();
    await simpleModule(dir);
    assert.equal((await kodeno(["build"], { cwd: dir.path })).code, 0);
    const { stdout } = await kodeno(["inspect", "out"], { cwd: dir.path });
    for (const [setting, isColoured] of [["NO_COLOR=", true], ["NO_COLOR=1", false]] as const) {
      await using screen = await terminal(dir, {}, [180, 40]);
      const lines = await shown(screen, `${setting} ${commandLine("inspect", "out")}`);
      assert.deepEqual(lines.join("\n"), stdout.trimEnd());
      const raw = await screen.tmux("capture-pane", "-p", "-e");
      // deno-lint-ignore no-control-regex
      assert.equal(/\x1b\[[0-9;]*m/.test(raw), isColoured, JSON.stringify(raw));
    }
  },
});

Deno.test({
  name: "ls, inspect: digests are short on a terminal that has no room for them",
  ...needs("tmux"),
  fn: async () => {
    await using dir = await tempDir();
    await simpleModule(dir);
    assert.equal((await kodeno(["build"], { cwd: dir.path })).code, 0);
    for (const command of ["ls", "inspect"]) {
      const whole = (await kodeno([command, "out"], { cwd: dir.path })).stdout.trimEnd();
      const short = whole.replaceAll(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/g, "$1");
      const cases = [[80, "", short], [80, " | cat", whole], [180, "", whole]] as const;
      for (const [columns, rest, expected] of cases) {
        await using screen = await terminal(dir, {}, [columns, 40]);
        const lines = await shown(screen, commandLine(command, "out") + rest);
        assert.equal(lines.join("\n"), expected, `${command} ${columns}${rest}`);
      }
    }
  },
});
