/**
 * What a shell has to know of the commands to complete them, from the program itself.
 * @module
 */
import type { Argument, Command, Option } from "commander";

/**
 * What a word can be: a file, a folder, nothing known, words to choose from, or what `__complete`
 * finds out.
 */
export type Kind =
  | "none"
  | "file"
  | "dir"
  | "package"
  | "layout"
  | "image"
  | "place"
  | "base"
  | "platform"
  | readonly string[];

/** A flag. */
export interface Flag {
  /** Without dashes; "" where there is only the other. */
  readonly short: string;
  readonly long: string;
  readonly about: string;
  /** What its value is; left out for a switch. */
  readonly value?: Kind;
}

/** A word that stands alone. */
export interface Word {
  readonly kind: Kind;
  /** Whether more of it may follow. */
  readonly more: boolean;
}

/** A command. */
export interface Described {
  readonly names: readonly string[];
  readonly about: string;
  readonly flags: readonly Flag[];
  readonly words: readonly Word[];
}

/** What values of flags are, by flag, else by what stands between the angle brackets. */
const VALUES: Readonly<Record<string, Kind>> = {
  "--platform": "platform",
  "--base-image": "base",
  "--compression": ["gzip", "gzip:1", "gzip:2", "gzip:6", "gzip:9", "none"],
  "--filename": "file",
  file: "file",
  dir: "dir",
};

/** What words are, by the name of the argument; `source` and `names` of a layout's images are not. */
const WORDS: Readonly<Record<string, Kind>> = {
  pattern: "package",
  patterns: "package",
  layout: "layout",
  "layout|archive": "layout",
  in: "layout",
  out: "layout",
  name: "image",
  names: "image",
  source: "place",
  target: "place",
  dir: "dir",
};

/** Describes all commands of a program. */
export function describe(program: Command): readonly Described[] {
  return program.commands.map(describeCommand);
}

function describeCommand(command: Command): Described {
  const { commands } = command;
  const all = [command, ...commands];
  const flags = new Map(
    all.flatMap((one) => one.createHelp().visibleOptions(one))
      .filter(({ long }) => long !== undefined).map((option) => [option.long, flagOf(option)]),
  );
  const isInLayout = command.registeredArguments[0]?.name().startsWith("layout") ?? false;
  const own = command.registeredArguments.map((argument) => wordOf(argument, isInLayout));
  const verbs: Word = { kind: commands.map((one) => one.name()), more: false };
  return {
    names: [command.name(), ...command.aliases()],
    about: command.summary(),
    flags: [...flags.values()],
    words: commands.length > 0 ? [verbs] : own,
  };
}

function flagOf(option: Option): Flag {
  const { short = "", long = "", description, argChoices, flags } = option;
  const metavar = /[<[]([^>\]]+?)(?:\.\.\.)?[>\]]/.exec(flags)?.[1];
  const value = metavar === undefined
    ? undefined
    : argChoices ?? VALUES[long] ?? VALUES[metavar] ?? "none";
  return {
    short: short.replace(/^-/, ""),
    long: long.replace(/^--/, ""),
    about: description.split("\n")[0] ?? "",
    ...(value === undefined ? {} : { value }),
  };
}

function wordOf(argument: Argument, isInLayout: boolean): Word {
  const name = argument.name();
  const image = isInLayout && name === "source" ? "image" : undefined;
  return {
    kind: argument.argChoices ?? image ?? WORDS[name] ?? "none",
    more: argument.variadic,
  };
}

/** A kind as the scripts write it: a word, or `=` and what there is to choose from. */
export function kindText(kind: Kind): string {
  return typeof kind === "string" ? kind : `=${kind.join(",")}`;
}

/** Words as the scripts write them; `...` for more of the last. */
export function wordsText(words: readonly Word[]): readonly string[] {
  return words.map(({ kind, more }) => `${kindText(kind)}${more ? "..." : ""}`);
}

/** A text in single quotes, for a shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
