/**
 * The reference of all commands, from the program itself.
 * @module
 */
import { commandPath, type Manual, manualOf } from "../../src/cli/manual.ts";
import type { Command } from "../../src/npm/commander.ts";

const HEAD = `<!-- made by "deno task docs"; do not edit -->

# Commands

What \`kodeno COMMAND --help\` tells, for all commands. Switches are off unless they are given. A
switch may also be said as \`--push=true\`, \`--push=false\` and \`--no-push\`; the last one counts. A
flag that takes one value may be given once. \`--tag\` and \`--tags\` are the same flag, and \`-v\` may
stand before the command, too. Results go to stdout, everything else to stderr. Exit codes: 0 done,
1 the work failed, 2 the input is wrong, 130 interrupted.
`;

/** How wide the page has examples; its prose has the width of all pages. */
const COLUMNS = 100;

/** Writes the page. */
export function commandsPage(program: Command): string {
  const list = [...Map.groupBy(program.commands, (one) => one.helpGroup())]
    .map(([group, commands]) => [`${group}\n`, ...commands.map(entry), ""].join("\n"));
  const sections = program.commands.flatMap((one) => [section(one), ...one.commands.map(section)]);
  return [HEAD, list.join("\n"), "", sections.join("\n")].join("\n");
}

function entry(command: Command): string {
  return `- [\`${commandPath(command)}\`](#${anchor(command)}): ${command.summary()}`;
}

function anchor(command: Command): string {
  return commandPath(command).replaceAll(" ", "-");
}

function section(command: Command): string {
  const { path, usage, about, aliases, words, flags, blocks } = manualOf(command, COLUMNS);
  return [
    `## ${path}\n`,
    `${about}\n`,
    "```text",
    `${path} ${usage}`,
    "```\n",
    ...(aliases.length > 0
      ? [`Also: ${aliases.map((one) => `\`kodeno ${one}\``).join(", ")}.\n`]
      : []),
    ...listOf("Arguments", words),
    ...listOf("Flags", flags),
    ...blocks.flatMap(blockOf),
  ].join("\n");
}

function listOf(
  title: string,
  entries: readonly (readonly [name: string, about: string])[],
): readonly string[] {
  if (entries.length === 0) return [];
  return [`${title}:\n`, ...entries.map(([name, about]) => `- \`${name}\`: ${escaped(about)}`), ""];
}

/** Angle brackets and stars are text here. */
function escaped(text: string): string {
  return text.replaceAll(/[<>*_]/g, (char) => `\\${char}`);
}

function blockOf({ title, text }: Manual["blocks"][number]): readonly string[] {
  if (title === undefined) return [`${escaped(text)}\n`];
  const language = /^Examples?:$/.test(title) ? "sh" : /yaml/.test(title) ? "yaml" : "text";
  return [`${title}\n`, `\`\`\`${language}`, text, "```\n"];
}
