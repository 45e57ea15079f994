/**
 * The command line as a whole: its commands, its help, and what wrong usage does. A command's code
 * is loaded when it is asked for.
 * @module
 */
import { Command, CommanderError } from "commander";
import { KodenoError } from "../errors.ts";
import { printNote, printResult } from "./output.ts";

/** A command, before its code is loaded. */
interface Entry {
  readonly summary: string;
  readonly alias?: string;
  readonly load: () => Promise<Command>;
}

/** All commands, in the order of the help. */
const COMMANDS: Readonly<Record<string, Entry>> = {
  build: {
    summary: "build images of Go main packages into an OCI layout",
    alias: "publish",
    load: async () => (await import("./build.ts")).buildCommand(),
  },
  push: {
    summary: "push the images of a layout or archive to a registry",
    load: async () => (await import("./push.ts")).command(),
  },
  load: {
    summary: "load images into the Docker daemon",
    load: async () => (await import("./load.ts")).command(),
  },
  pull: {
    summary: "pull an image of a registry into a layout",
    load: async () => (await import("./copy.ts")).pullCommand(),
  },
  copy: {
    summary: "copy an image from any place to any place",
    load: async () => (await import("./copy.ts")).command(),
  },
  serve: {
    summary: "serve a layout as a read-only registry",
    load: async () => (await import("./serve.ts")).serveCommand(),
  },
  ls: {
    summary: "list the images of a layout",
    load: async () => (await import("./ls.ts")).lsCommand(),
  },
  inspect: {
    summary: "show what an image is made of",
    load: async () => (await import("./inspect.ts")).inspectCommand(),
  },
  tag: {
    summary: "give an image of a layout more names",
    load: async () => (await import("./tag.ts")).tagCommand(),
  },
  rm: {
    summary: "remove names from a layout",
    load: async () => (await import("./rm.ts")).rmCommand(),
  },
  gc: {
    summary: "remove blobs of a layout that no image needs",
    load: async () => (await import("./gc.ts")).gcCommand(),
  },
  merge: {
    summary: "bring the images of several layouts into one",
    load: async () => (await import("./merge.ts")).mergeCommand(),
  },
  login: {
    summary: "keep credentials for a registry",
    load: async () => (await import("./login.ts")).command(),
  },
  logout: {
    summary: "forget credentials of a registry",
    load: async () => (await import("./login.ts")).logoutCommand(),
  },
  cache: {
    summary: "look at and empty the cache of layers and binaries",
    load: async () => (await import("./cache.ts")).cacheCommand(),
  },
  version: {
    summary: "tell the versions of kodeno, Deno and Go",
    load: () => Promise.resolve(new Command("version")),
  },
};

/**
 * Parses arguments and runs the command they name.
 *
 * @returns the exit code
 * @throws {KodenoError} `BAD_OPTION` for wrong usage, and what the command throws
 */
export async function runCommand(args: readonly string[]): Promise<number> {
  const asked = args[0] === "help" ? args[1] : args[0];
  const program = new Command("kodeno")
    .description("Builds container images from Go main packages and keeps them as an OCI layout.")
    .option("--version", "tell the versions of kodeno, Deno and Go")
    .addHelpText(
      "after",
      "\nExample:\n  kodeno build ./cmd/app --platform linux/amd64,linux/arm64",
    );
  for (const [name, { summary, alias, load }] of Object.entries(COMMANDS)) {
    const loaded = asked === name || asked === alias ? await load() : new Command(name);
    if (alias !== undefined && loaded.alias() === undefined) loaded.alias(alias);
    program.addCommand(loaded.summary(summary));
  }
  for (const command of [program, ...program.commands, ...program.commands.flatMap(subcommands)]) {
    command.exitOverride().showSuggestionAfterError().configureOutput({
      writeOut: (text) => printResult(text.trimEnd()),
      writeErr: (text) => printNote(text.trimEnd()),
      // Said once, by whoever catches it.
      outputError: () => {},
    });
  }
  try {
    await program.parseAsync(switches(program.commands, args), { from: "user" });
    return 0;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    if (error.code === "commander.help") return 2;
    const message = error.message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " ");
    throw new KodenoError("BAD_OPTION", `Cannot read the command line: ${message}`, {}, {
      cause: error,
    });
  }
}

function subcommands(command: Command): readonly Command[] {
  return command.commands;
}

/** `--push=true` and `--push=false`, which ko's command line takes for any switch, in our terms. */
function switches(commands: readonly Command[], args: readonly string[]): string[] {
  const command = commands.find((c) => c.name() === args[0] || c.alias() === args[0]);
  const names = new Set(command?.options.filter((o) => o.isBoolean()).map((o) => o.long));
  return args.flatMap((arg) => {
    const [, name, value] = /^(--[a-z-]+)=(true|false)$/.exec(arg) ?? [];
    if (name === undefined || !names.has(name)) return [arg];
    return value === "true" ? [name] : [];
  });
}
