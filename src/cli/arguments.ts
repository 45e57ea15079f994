/**
 * Arguments as people write them, in the form that the parser reads: `-v` before the command,
 * switches with a value as ko's command line takes them, `-t=v1`, and `--tag` for `--tags`.
 * @module
 */
import { badValue } from "../config/checks.ts";
import type { Command, Option } from "../npm/commander.ts";

/** Flags that are one, whichever of both a command has. */
const SPELLINGS: Readonly<Record<string, string>> = { "--tag": "--tags", "--tags": "--tag" };
/** What Go takes for a bool. */
const TRUTHS: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "TRUE", "true", "True"].map((word) => [word, true] as const),
  ...["0", "f", "F", "FALSE", "false", "False"].map((word) => [word, false] as const),
]);

/** Whether a word asks to be told more. */
export function isVerbose(word: string): boolean {
  return word === "-v" || word === "--verbose";
}

/** The words from the command on: all commands have `-v`, so it may stand before them, too. */
export function fromCommand(args: readonly string[]): readonly string[] {
  const start = args.findIndex((word) => !isVerbose(word) && word !== "--");
  return start < 0 ? [] : args.slice(start);
}

/** Whether a line asks for JSON, be it one that the parser refuses; those of other programs do not. */
export function asksForJson(args: readonly string[]): boolean {
  const words = fromCommand(args);
  if (words[0] === "delete" || words[0] === "__complete") return false;
  const end = words.indexOf("--");
  const said = words.slice(0, end < 0 ? undefined : end)
    // What the program of an image is told may look like it.
    .filter((_, i) => words[i - 1] !== "--entrypoint-arg")
    .findLast((word) => /^--(?:no-)?json(?:=|$)/.test(word));
  if (said === undefined) return false;
  const [flag, value = ""] = said.split("=");
  return (flag === "--json") === (TRUTHS.get(value) ?? true);
}

/** The flag that turns a switch off; of one that turns something off, the one that leaves it on. */
export function opposite(long: string): string {
  return long.startsWith("--no-") ? long.replace("--no-", "--") : long.replace("--", "--no-");
}

/** The flag that has said a value, be it that of a switch. */
export function saidAs({ long = "", negate }: Option, value: unknown): string {
  return value === negate ? opposite(long) : long;
}

/**
 * The words of a command line as the parser of its command reads them: `-v` stands behind the command.
 *
 * @throws {KodenoError} `BAD_OPTION` for a switch whose value is neither true nor false
 */
export function spelledOut(program: Command, args: readonly string[]): readonly string[] {
  const { command, names, verbose, rest } = parted(program, args);
  // What only holds commands has nothing to tell more of.
  if (command.commands.length > 0) return [...names, ...rest];
  return [...names, ...(verbose ? ["-v"] : []), ...spelled(command, rest)];
}

/** The command that words begin with, or the program. */
export function commandNamed(program: Command, args: readonly string[]): Command {
  return parted(program, args).command;
}

/** All commands have `-v`, so it may stand before their names, too. */
function parted(program: Command, args: readonly string[]) {
  let command = program;
  let verbose = false;
  const names: string[] = [];
  for (const [i, word] of args.entries()) {
    const below = command.commands.find((one) =>
      one.name() === word || one.aliases().includes(word)
    );
    if (below === undefined && !isVerbose(word)) {
      return { command, names, verbose, rest: args.slice(i) };
    }
    if (below === undefined) verbose = true;
    else names.push(word);
    command = below ?? command;
  }
  return { command, names, verbose, rest: [] };
}

function spelled(command: Command, args: readonly string[]): readonly string[] {
  const found: string[] = [];
  const words = args.values();
  for (const arg of words) {
    // What follows the dashes is for another program.
    if (arg === "--") return [...found, arg, ...words];
    const [, flag = arg, value] = /^(--?[a-z][a-z-]*)=(.*)$/is.exec(arg) ?? [];
    // As Go has it; a value that stands right behind a short flag is not as long as a name.
    if (/^-[a-z]{2}[a-z-]{2,}$/.test(flag) && optionCalled(command, `-${flag}`)) {
      throw badValue("flag", flag, `it needs two dashes: -${flag}`);
    }
    const option = optionCalled(command, flag) ?? optionCalled(command, SPELLINGS[flag]);
    const name = option?.long;
    if (!name) found.push(arg);
    else if (value === undefined) {
      found.push(name);
      const next = option.required ? words.next().value : undefined;
      // A value may look like a flag.
      if (next !== undefined) found.push(next);
    } else if (option.required) found.push(`${name}=${value}`);
    else found.push(switched(flag, name, value));
  }
  return found;
}

function switched(flag: string, name: string, value: string): string {
  const isOn = TRUTHS.get(value);
  if (isOn === undefined) throw badValue(flag, value, "it is a switch; say true or false");
  return isOn ? name : opposite(name);
}

function optionCalled({ options }: Command, flag: string | undefined): Option | undefined {
  if (flag === undefined) return undefined;
  return options.find(({ short, long }) => flag === short || flag === long);
}
