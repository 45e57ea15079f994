/**
 * `kodeno __complete`: what the scripts of `kodeno completion` ask while a word is typed. What there is
 * to choose from, the program itself says: its commands, their flags and arguments.
 * @module
 */
import { Command, type Option } from "commander";
import { complete } from "../app/complete.ts";
import { printable } from "../errors.ts";
import { printResult } from "./output.ts";

/** What a word can be: words to choose from, or a kind of what `complete` or the shell finds out. */
type Kind = string | readonly string[];

/** What values of flags are, by flag, else by what stands between the angle brackets. */
const VALUES: Readonly<Record<string, Kind>> = {
  "--platform": "platform",
  "--base-image": "base",
  "--compression": ["gzip", "gzip:1", "gzip:2", "gzip:6", "gzip:9", "none"],
  "--filename": ":files",
  file: ":files",
  dir: ":folders",
};

/** What words are, by the name of the argument. */
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
  dir: ":folders",
};

/**
 * The command.
 *
 * @param load the program, with the code of one command
 */
export function completeCommand(load: (name: string) => Promise<Command>): Command {
  return new Command("__complete")
    .description(
      "Prints what the last of words can be, a line each, what it is behind a tabulator; then\n" +
        ":words when that is all, or :files or :folders when the shell has to offer these.",
    )
    .argument("[words...]", 'words of the command line behind "kodeno"; put "--" before them')
    .addHelpText("after", "\nExample:\n  kodeno __complete -- build ./cmd/")
    .action(async (words: readonly string[]) => {
      // Some shells cannot hand on an empty word.
      const typed = words.map((word) => word === '""' ? "" : word);
      const { before = "", kind = [], place } = ask(await load(words[0] ?? ""), typed);
      const word = (typed.at(-1) ?? "").slice(before.length);
      const isShells = typeof kind === "string" && kind.startsWith(":");
      const all = typeof kind !== "string"
        ? kind
        : isShells
        ? []
        : await complete(kind, word, place);
      const found = all.filter((one) => one.startsWith(word)).map((one) => before + one);
      // A name that a terminal would obey is no completion.
      const shown = found.map((line) => line.split("\t").map(printable).join("\t"));
      printResult(
        [...shown.filter((line, i) => line === found[i]), isShells ? kind : ":words"].join("\n"),
      );
    });
}

/** What the last word is to be completed with; `before` stays of it: `--flag=`. */
function ask(program: Command, words: readonly string[]) {
  const word = words.at(-1) ?? "";
  let command = program;
  /** Those that stand alone, behind the command. */
  const alone: string[] = [];
  /** A flag that waits for its value. */
  let open: Option | undefined;
  let dashes = false;
  for (const one of words.slice(0, -1)) {
    const below = alone.length === 0 ? command.commands : [];
    const named = below.find((sub) => sub.name() === one || sub.aliases().includes(one));
    if (open !== undefined) open = undefined;
    else if (!dashes && one === "--") dashes = true;
    else if (!dashes && one.startsWith("-")) open = flagWithValue(command, one);
    else if (named !== undefined) command = named;
    else alone.push(one);
  }
  if (open !== undefined) return { kind: kindOf(open) };
  const [before = "", flag = ""] = dashes ? [] : /^(--[^=]+)=/.exec(word) ?? [];
  const given = flagWithValue(command, flag);
  if (given !== undefined) return { kind: kindOf(given), before };
  const help = command.createHelp();
  if (!dashes && word.startsWith("-")) {
    const below = command === program ? [] : command.commands;
    const flags = [command, ...below].flatMap((one) => help.visibleOptions(one));
    const found = flags.flatMap(({ short, long, description }) =>
      [short, long].filter((name) => name !== undefined)
        .map((name) => `${name}\t${description.split("\n")[0]}`)
    );
    return { kind: [...new Set(found)] };
  }
  if (command.commands.length > 0 && alone.length === 0) {
    const found = help.visibleCommands(command).flatMap((one) =>
      [one.name(), ...one.aliases()].map((name) =>
        `${name}\t${help.subcommandDescription(one).split("\n")[0]}`
      )
    );
    return { kind: found };
  }
  const [first] = command.registeredArguments;
  const last = command.registeredArguments.at(-1);
  const argument = command.registeredArguments[alone.length] ?? (last?.variadic ? last : undefined);
  const name = argument?.name() ?? "";
  // The source of a copy is a place, that of a tag an image of the layout before it.
  const isImage = name === "source" && first?.name().startsWith("layout");
  return { kind: argument?.argChoices ?? (isImage ? "image" : WORDS[name]), place: alone[0] };
}

function flagWithValue({ options, commands }: Command, flag: string): Option | undefined {
  const all = [...options, ...commands.flatMap((one) => one.options)];
  return all.find(({ short, long, required, optional }) =>
    (flag === short || flag === long) && (required || optional)
  );
}

function kindOf({ argChoices, long, flags }: Option): Kind | undefined {
  const [, shown = ""] = /[<[]([^>\]]+?)(?:\.\.\.)?[>\]]/.exec(flags) ?? [];
  return argChoices ?? VALUES[long ?? ""] ?? VALUES[shown];
}
