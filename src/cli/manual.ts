/**
 * What commands say of themselves, for who writes pages of it: docs/commands.md, and manual pages.
 * @module
 */
import type { Command } from "../npm/commander.ts";

/** A word, and what it is. */
type Term = readonly [name: string, about: string];

/** What a command says of itself, in the order in which its help does. */
export interface Manual {
  /** From the name of the program on. */
  readonly path: string;
  readonly usage: string;
  readonly about: string;
  readonly aliases: readonly string[];
  readonly words: readonly Term[];
  /** But for `--help`. */
  readonly flags: readonly Term[];
  /** What stands behind the flags: prose, or a title (`Examples:`) and what is below it. */
  readonly blocks: readonly { readonly title?: string; readonly text: string }[];
}

/** Said once for all commands, by whoever writes the pages. */
const SAID = /^Switches are off unless they are given\.$/;

/** What a command says; `columns` is how wide its examples may be. */
export function manualOf(command: Command, columns: number): Manual {
  const help = command.createHelp();
  const flags = help.visibleOptions(command).filter(({ long }) => long !== "--help");
  return {
    path: commandPath(command),
    usage: command.usage(),
    about: command.description(),
    aliases: command.aliases(),
    words: help.visibleArguments(command).map((one) => [one.name(), help.argumentDescription(one)]),
    flags: flags.map((one) => [one.flags, help.optionDescription(one)]),
    blocks: blocksBehind(command, columns),
  };
}

/** The name of a command, behind those that it is below. */
export function commandPath(command: Command): string {
  return [...command.parent === null ? [] : [commandPath(command.parent)], command.name()].join(
    " ",
  );
}

function blocksBehind(command: Command, columns: number): Manual["blocks"] {
  let text = "";
  const { writeOut, ...rest } = command.configureOutput();
  const getOutHelpWidth = (): number => columns;
  command.configureOutput({ ...rest, getOutHelpWidth, writeOut: (part) => text += part });
  command.outputHelp();
  const after = text.slice(command.helpInformation().length).trim();
  command.configureOutput({ ...rest, ...(writeOut ? { writeOut } : {}) });
  // A title starts a block; what is indented below it belongs to it.
  const found = after.split(/\n\n(?=\S)/).filter((block) => block !== "" && !SAID.test(block));
  return found.map((block) => {
    const [title = "", ...lines] = block.split("\n");
    if (!title.endsWith(":") || lines.length === 0) return { text: block };
    return { title, text: lines.map((line) => line.replace(/^ {2}/, "")).join("\n") };
  });
}
