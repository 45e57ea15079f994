/**
 * The documentation says what the program does: pages that are made from the code are up to date, and
 * every command that is shown anywhere is one, with flags that it has, and links lead somewhere.
 * @module
 */
import assert from "node:assert/strict";
import { allCommands } from "../src/cli/program.ts";
import { commandPath, manualOf } from "../src/cli/manual.ts";
import type { Command } from "../src/npm/commander.ts";
import { pages } from "../tasks/docs/pages.ts";
import { readPages } from "../tasks/site/build.ts";
import { ROOT } from "./support/kodeno.ts";
import { succeed } from "./support/process.ts";
import { filesBelow } from "./support/temp.ts";

Deno.test('docs: the pages are what "deno task docs" makes', async () => {
  for (const { path, text } of await pages()) {
    const there = await Deno.readTextFile(ROOT + path);
    assert.ok(there === text, `${path} is out of date: run "deno task docs"`);
  }
});

Deno.test("docs: the page of commands has each command and each flag of it", async () => {
  const page = await Deno.readTextFile(`${ROOT}docs/commands.md`);
  for (const command of everyOne(await allCommands())) {
    const name = commandPath(command);
    const section = page.split(/^(?=## )/m).find((one) => one.startsWith(`## ${name}\n`));
    assert.ok(section, name);
    const shown = command.options.filter(({ hidden }) => !hidden);
    for (const { flags } of shown) assert.ok(section.includes(`- \`${flags}\`: `), flags);
  }
});

Deno.test("docs: each command has a summary, a description, examples, and words for each flag", async () => {
  for (const command of everyOne(await allCommands())) {
    const name = commandPath(command);
    if (command.parent?.parent === null) assert.notEqual(command.summary(), "", name);
    assert.notEqual(command.description(), "", name);
    const { blocks } = manualOf(command, 100);
    const examples = blocks.filter(({ title = "" }) => /^Examples?\b.*:$/.test(title));
    assert.equal(examples.length, 1, name);
    assert.match(examples[0]?.text ?? "", new RegExp(`\\bkodeno ${name.split(" ")[1]}\\b`), name);
    for (const { flags, description, hidden } of command.options) {
      assert.ok(hidden || description.length > 4, `${name} ${flags}`);
    }
    for (const argument of command.registeredArguments) {
      assert.ok(argument.description.length > 4, `${name} ${argument.name()}`);
    }
  }
});

Deno.test("docs: each link of a markdown file leads to a file, and to a heading of it", async () => {
  const listed = await succeed("git", ["ls-files", "-z", "--", "*.md"], { cwd: ROOT });
  const sources = listed.split("\0").filter((source) => source !== "");
  assert.ok(sources.length > 15);
  // It ends with what leads nowhere.
  await readPages(sources);
});

Deno.test("docs: commands that are shown are commands, with flags that they have", async () => {
  const program = await allCommands();
  const files = [
    "README.md",
    "CONTRIBUTING.md",
    "ARCHITECTURE.md",
    ...(await filesBelow(`${ROOT}docs`)).map((name) => `docs/${name}`),
    ...(await filesBelow(`${ROOT}examples`)).map((name) => `examples/${name}`),
  ].filter((name) => name.endsWith(".md"));
  let checked = 0;
  const faults: string[] = [];
  for (const file of files) {
    const text = await Deno.readTextFile(ROOT + file);
    for (const [, block = ""] of text.matchAll(/^```sh\n(.*?)^```$/gms)) {
      for (const words of commandsIn(block)) {
        checked++;
        const fault = faultOf(program, words);
        if (fault !== undefined) faults.push(`${file}: kodeno ${words.join(" ")}: ${fault}`);
      }
    }
  }
  assert.deepEqual(faults, []);
  assert.ok(checked > 60, `${checked}`);
});

Deno.test("docs: what is no command or no flag is found", async () => {
  const program = await allCommands();
  const cases: readonly (readonly [line: string, fault: RegExp | undefined])[] = [
    ["kodeno build ./cmd/app --platform linux/amd64", undefined],
    ["A=b kodeno build -B -t v1,latest --push=false", undefined],
    ["kodeno cache info --json > x; kodeno ls out &", undefined],
    ['kodeno build --ldflags "-s -w -X a=b" --flags=-tags=x', undefined],
    ["kodeno apply -f config/ -- --namespace=prod", undefined],
    ["kodeno delete -f config/ --ignore-not-found", undefined],
    ["x && kodeno biuld", /there is no such command/],
    ["kodeno build --platfrom x", /--platfrom/],
    ["kodeno build \\\n  -Q", /-Q/],
    ["kodeno cache inof", /there is no such command/],
    ["kodeno ls out -B", /-B/],
  ];
  for (const [line, fault] of cases) {
    const found = commandsIn(line).map((words) => faultOf(program, words));
    assert.ok(found.length > 0, line);
    const first = found.find((one) => one !== undefined);
    if (fault === undefined) assert.equal(first, undefined, line);
    else assert.match(first ?? "", fault, line);
  }
});

function everyOne(program: Command): readonly Command[] {
  return program.commands.flatMap((one) => [one, ...one.commands]);
}

/** The words behind each "kodeno" of a script, as a shell would take them apart. */
function commandsIn(script: string): readonly (readonly string[])[] {
  const found: string[][] = [];
  for (const line of script.replaceAll(/\\\n\s*/g, " ").split("\n")) {
    const words = line.match(/(?:"[^"]*"|'[^']*'|&&|\|\||[|;&()<>]|[^\s"'|;&()<>])+/g) ?? [];
    let open: string[] | undefined;
    for (const word of line.trim().startsWith("#") ? [] : words) {
      if (word === "kodeno") found.push(open = []);
      else if (/^(?:[|;&()<>]|&&)/.test(word)) open = undefined;
      else open?.push(word.replaceAll(/["']/g, "").replace(/;$/, ""));
      if (/;$/.test(word)) open = undefined;
    }
  }
  return found;
}

function faultOf(program: Command, words: readonly string[]): string | undefined {
  const named = (commands: readonly Command[], name = "") =>
    commands.find((one) => one.name() === name || one.aliases().includes(name));
  if (words[0] === "--version" || words[0] === "--help") return undefined;
  let command = named(program.commands, words[0]);
  if (command === undefined) return "there is no such command";
  let rest = words.slice(1);
  if (command.commands.length > 0) {
    command = named(command.commands, rest[0]);
    if (command === undefined) return "there is no such command";
    rest = rest.slice(1);
  }
  // Its flags are kubectl's.
  if (command.name() === "delete") return undefined;
  const dashes = rest.indexOf("--");
  const own = dashes < 0 ? rest : rest.slice(0, dashes);
  const options = command.createHelp().visibleOptions(command);
  for (let i = 0; i < own.length; i++) {
    const [flag = "", value] = (own[i] ?? "").split(/=(.*)/s);
    if (!/^-./.test(flag)) continue;
    const option = options.find(({ short, long }) => short === flag || long === flag);
    if (option === undefined) return `it has no flag ${flag}`;
    if (value === undefined && (option.required || option.optional)) i++;
  }
  return undefined;
}
