/**
 * The reference of all commands, from the program itself.
 * @module
 */
import type { Command } from "../../src/npm/commander.ts";

const HEAD = `<!-- made by "deno task docs"; do not edit -->

# Commands

What \`kodeno COMMAND --help\` tells, for all commands. Switches are off unless they are given. A
switch may also be said as \`--push=true\`, \`--push=false\` and \`--no-push\`; the last one counts. A
flag that takes one value may be given once. \`--tag\` and \`--tags\` are the same flag, and \`-v\` may
stand before the command, too. Results go to stdout, everything else to stderr. Exit codes: 0 done,
1 the work failed, 2 the input is wrong, 130 interrupted.
`;

/** Said once, above. */
const SAID = /^Switches are off unless they are given\.$/;

/** Writes the page. */
export function commandsPage(program: Command): string {
  const list = [...Map.groupBy(program.commands, (one) => one.helpGroup())]
    .map(([group, commands]) => [`${group}\n`, ...commands.map(entry), ""].join("\n"));
  const sections = program.commands.flatMap((one) => [section(one), ...one.commands.map(section)]);
  return [HEAD, list.join("\n"), "", sections.join("\n")].join("\n");
}

function entry(command: Command): string {
  return `- [\`${pathOf(command)}\`](#${anchor(command)}): ${command.summary()}`;
}

function pathOf(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) names.unshift(at.name());
  return names.join(" ");
}

function anchor(command: Command): string {
  return pathOf(command).replaceAll(" ", "-");
}

function section(command: Command): string {
  const help = command.createHelp();
  const words = help.visibleArguments(command);
  const flags = help.visibleOptions(command).filter(({ long }) => long !== "--help");
  const aliases = command.aliases();
  return [
    `## ${pathOf(command)}\n`,
    `${command.description()}\n`,
    "```text",
    `${pathOf(command)} ${command.usage()}`,
    "```\n",
    ...(aliases.length > 0
      ? [`Also: ${aliases.map((one) => `\`kodeno ${one}\``).join(", ")}.\n`]
      : []),
    ...listOf("Arguments", words.map((one) => [one.name(), help.argumentDescription(one)])),
    ...listOf("Flags", flags.map((one) => [one.flags, help.optionDescription(one)])),
    ...afterText(command).flatMap(blockOf),
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

/** How wide the page has examples; its prose has the width of all pages. */
const COLUMNS = 100;

/** The paragraphs behind the list of flags. */
export function afterText(command: Command): readonly string[] {
  let text = "";
  const { writeOut, ...rest } = command.configureOutput();
  const getOutHelpWidth = (): number => COLUMNS;
  command.configureOutput({ ...rest, getOutHelpWidth, writeOut: (part) => text += part });
  command.outputHelp();
  const after = text.slice(command.helpInformation().length).trim();
  command.configureOutput({ ...rest, ...(writeOut ? { writeOut } : {}) });
  // A title starts a block; what is indented below it belongs to it.
  return after.split(/\n\n(?=\S)/).filter((block) => block !== "" && !SAID.test(block));
}

function blockOf(block: string): readonly string[] {
  const [title = "", ...lines] = block.split("\n");
  if (!title.endsWith(":") || lines.length === 0) return [`${escaped(block)}\n`];
  const language = /^Examples?:$/.test(title) ? "sh" : /yaml/.test(title) ? "yaml" : "text";
  const text = lines.map((line) => line.replace(/^ {2}/, "")).join("\n");
  return [`${title}\n`, `\`\`\`${language}`, text, "```\n"];
}
