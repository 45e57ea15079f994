/**
 * Commands as values: what one says of itself, the arguments and flags that it takes, what it does,
 * and how that is shown.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { Argument, type Command } from "../npm/commander.ts";
import { opposite } from "./arguments.ts";
import { type Flags, type Given, hiddenOption, named, optionOf, unbroken } from "./flag.ts";
import { JSON_EVENTS } from "./flags.ts";
import { addHelpParts, type HelpParts } from "./help_text.ts";
import type { JsonLine } from "./json_lines.ts";
import { printJson, writeResultsAs, yieldStdout } from "./output.ts";
import { runWork, type Showing, type Work } from "./progress.ts";
import { signerOf } from "./signer.ts";

/** An argument: its name in the brackets of commander and, behind two blanks, what it is. */
type Word = `${"<" | "["}${string}  ${string}`;
/** What arguments come to. */
type WordValues<Words extends readonly Word[]> = {
  readonly [I in keyof Words]: Words[I] extends `${string}...${"]" | ">"}  ${string}`
    ? readonly string[]
    : Words[I] extends `<${string}` ? string
    : string | undefined;
};

/** Makes a command of one that only has its name. */
type FillCommand = (command: Command) => void;
/** Those of one subject, by name. */
export type Commands = Readonly<Record<string, FillCommand>>;

interface CommandSpec<Words extends readonly Word[], F extends Flags, Result>
  extends Pick<Showing, "view" | "endsAtOnce">, HelpParts {
  /** What its help begins with; a line break is a blank. */
  readonly about: string;
  readonly words?: Words;
  /** What its argument may be; where that can be left out, the first one is the default. */
  readonly choices?: readonly string[];
  readonly flags?: F;
  /** Those that it takes to refuse them; its help does not name them. */
  readonly refused?: Flags;
  /** It has no reason to dial; with `--offline` it gives up the right to. */
  readonly isLocal?: boolean;
  /** Takes any flags as arguments, and has none. */
  readonly takesAny?: boolean;
  /** Its results yield stdout to an output of its flags, or it has none; others refuse that. */
  readonly onStdout?: "yield" | "ignore";
  readonly run: (
    given: Given<F>,
    work: Work & { readonly program: Command },
    ...words: WordValues<Words>
  ) => Promise<Result> | Result;
  /** Its results are events of images, which `--json` tells among the others. */
  readonly toldAsEvents?: boolean;
  /** With `--json`, its result or each of its results is a line of JSON of this type. */
  readonly jsonType?: JsonLine["type"];
  /** Prints what came of it, when the view is gone. */
  readonly print?: (result: Result, given: Given<F>, elapsedMs: number) => Promise<void> | void;
}

const FORMAT = "--format <form>  print as json, yaml, or by a Go template (default: text)" as const;
const OFFLINE = "--offline  use no network";
const VERBOSE = "-v, --verbose  print more, and the stack trace of a failure";

/** Makes a command; all have `--verbose`, and where they do not dial `--offline`. */
export function command<
  const Words extends readonly Word[] = [],
  F extends Flags = Record<never, never>,
  R = void,
>(spec: CommandSpec<Words, F, R>): FillCommand {
  const { words = [], choices, isLocal, view, endsAtOnce, onStdout } = spec;
  const flags: Flags = {
    ...withFormat(spec.flags ?? {}),
    ...(isLocal ? { offline: OFFLINE } : {}),
    ...(spec.takesAny ? {} : { verbose: spec.flags?.["verbose"] ?? VERBOSE }),
  };
  return (command) => {
    for (const word of words) {
      const argument = new Argument(...named(word));
      if (choices !== undefined) argument.choices(choices);
      if (choices !== undefined && !argument.required) argument.default(choices[0]);
      command.addArgument(argument);
    }
    const options = Object.entries(flags).map(([name, flag]) => optionOf(name, flag));
    for (const [name, flag] of Object.entries(spec.refused ?? {})) {
      options.push(optionOf(name, flag).hideHelp());
    }
    const isShown = (long: string) => options.some((option) => option.long === long);
    for (const option of options) {
      command.addOption(option);
      const long = option.required ? undefined : opposite(option.long ?? "");
      if (long && !isShown(long)) command.addOption(hiddenOption(long, option.attributeName()));
    }
    // A switch that was turned off again was not said, unless its command has one for that.
    const off = options.filter(({ negate }) => negate).map((option) => option.attributeName());
    addHelpParts(command, spec);
    command.description(unbroken(spec.about))
      .addHelpText("after", "\nSwitches are off unless they are given.")
      .allowUnknownOption(spec.takesAny ?? false)
      .action(async (...all: unknown[]) => {
        const said = Object.entries(command.opts())
          .filter(([name, value]) => value !== false || off.includes(name));
        const given = Object.fromEntries(said) as
          & Given<F>
          & Readonly<Record<string, string | undefined>>;
        if (isLocal && given["offline"]) await Deno.permissions.revoke({ name: "net" });
        const { tarball, imageRefs, metadataFile, iidFile, fileOutput } = given;
        if (onStdout !== "ignore") {
          const outputs = {
            "--tarball": tarball,
            "--image-refs": imageRefs,
            "--metadata-file": metadataFile,
            "--iidfile": iidFile,
            "--file-output": fileOutput,
          };
          await yieldStdout(outputs, onStdout === "yield" ? undefined : command.name());
        }
        const program = command.parent ?? command;
        const format = flags["format"] === FORMAT ? given["format"] : undefined;
        const asked = format === undefined ? given : await formatted(format, given);
        const isJson = Boolean(asked["json"]);
        const began = performance.now();
        const json = isJson && format === undefined && flags["json"] === JSON_EVENTS;
        const result = await runWork({ view, endsAtOnce, json, verbose: given.verbose }, (work) =>
          // Behind the arguments come the flags and the command.
          spec.run(
            { ...asked, ...signing(given["sign"], work) },
            { ...work, ...format && spec.toldAsEvents ? printingImages(work) : {}, program },
            ...all.slice(0, -2) as WordValues<Words>,
          ));
        if (!isJson || spec.jsonType === undefined) {
          return await spec.print?.(result, asked, performance.now() - began);
        }
        for (const one of [result].flat()) printJson(spec.jsonType, one as never);
      });
  };
}

/** Those of a command, with `--format` where it prints results; one of its own stays what it is. */
function withFormat(flags: Flags): Flags {
  if (!("json" in flags) || "format" in flags) return flags;
  const all = Object.entries(flags).flatMap((flag) =>
    flag[0] === "json" ? [flag, ["format", FORMAT] as const] : [flag]
  );
  return Object.fromEntries(all);
}

/** What is said with `--format`: results as for `--json`, written otherwise. Refuses what is no form. */
async function formatted<Options extends Readonly<Record<string, unknown>>>(
  format: string,
  { format: _, ...given }: Options,
): Promise<Options> {
  if (given["json"]) {
    const why = "both say how results are printed; leave one out";
    throw new KodenoError("BAD_OPTION", `Cannot use --json with --format: ${why}`);
  }
  // Only this waits for templates and YAML.
  const { resultFormat } = await import("../config/result_format.ts");
  writeResultsAs(resultFormat(format));
  return { ...given, json: true } as unknown as Options;
}

/** Prints images when it is told of them. */
function printingImages({ emit, tell }: Work): Pick<Work, "emit"> {
  return {
    emit: (event) => {
      const { type, ...image } = event;
      if (type === "image") tell(() => printJson(type, image as never));
      emit(event);
    },
  };
}

/** Who signs with a key that a flag names may be asked for its password. */
function signing(key: string | undefined, { signal }: Work) {
  return key === undefined ? {} : signerOf(key, signal);
}

/** A command that only holds others. */
export function commandGroup(about: string, examples: string, commands: Commands): FillCommand {
  return (command) => {
    command.description(about).helpCommand(false);
    addHelpParts(command, { examples });
    for (const [name, fill] of Object.entries(commands)) fill(command.command(name));
  };
}
