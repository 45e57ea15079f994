/**
 * The command line as a whole: its commands, its help, and what wrong usage does. A command's code
 * is loaded when it is asked for.
 * @module
 */
import { Command, CommanderError, type Option } from "commander";
import { KodenoError } from "../errors.ts";
import { toggle } from "./flag.ts";
import { printNote, printResult } from "./output.ts";

/** A command, before its code is loaded. */
interface Entry {
  readonly summary: string;
  /** It has no reason to dial. */
  readonly isLocal?: true;
  readonly alias?: string;
  /** No person has to know it. */
  readonly isHidden?: true;
  readonly load: () => Promise<Command>;
}

/** All commands, in the order of the help. */
const COMMANDS: Readonly<Record<string, Entry>> = {
  build: {
    summary: "build images of Go main packages into an OCI layout",
    alias: "publish",
    load: async () => (await import("./build.ts")).buildCommand(),
  },
  resolve: {
    summary: "print Kubernetes objects with ko:// references built to images",
    load: async () => (await import("./resolve.ts")).resolveCommand(),
  },
  apply: {
    summary: 'resolve Kubernetes objects and hand them to "kubectl apply"',
    load: async () => (await import("./kubectl.ts")).applyCommand(),
  },
  create: {
    summary: 'resolve Kubernetes objects and hand them to "kubectl create"',
    load: async () => (await import("./kubectl.ts")).createCommand(),
  },
  delete: {
    summary: 'the same as "kubectl delete"',
    load: async () => (await import("./kubectl.ts")).deleteCommand(),
  },
  run: {
    summary: "build images and run them in the cluster",
    load: async () => (await import("./kubectl.ts")).runCommand(),
  },
  watch: {
    summary: "build images again whenever their files change",
    load: async () => (await import("./watch.ts")).watchCommand(),
  },
  skaffold: {
    summary: "build an image for Skaffold, as its custom builder",
    load: async () => (await import("./skaffold.ts")).skaffoldCommand(),
  },
  deps: {
    summary: "list the files that shape images",
    load: async () => (await import("./deps.ts")).depsCommand(),
  },
  sync: {
    summary: "print file sync rules of kodata for skaffold.yaml",
    load: async () => (await import("./sync.ts")).syncCommand(),
  },
  push: {
    summary: "push the images of a layout or archive to a registry",
    load: async () => (await import("./push.ts")).pushCommand(),
  },
  load: {
    summary: "load images into the Docker daemon",
    load: async () => (await import("./load.ts")).loadCommand(),
  },
  pull: {
    summary: "pull an image of a registry into a layout",
    load: async () => (await import("./copy.ts")).pullCommand(),
  },
  copy: {
    summary: "copy an image from any place to any place",
    load: async () => (await import("./copy.ts")).copyCommand(),
  },
  serve: {
    summary: "serve a layout as a read-only registry",
    load: async () => (await import("./serve.ts")).serveCommand(),
  },
  ls: {
    isLocal: true,
    summary: "list the images of a layout or archive",
    load: async () => (await import("./layout.ts")).lsCommand(),
  },
  inspect: {
    isLocal: true,
    summary: "show what an image is made of",
    load: async () => (await import("./inspect.ts")).inspectCommand(),
  },
  tag: {
    isLocal: true,
    summary: "give an image of a layout more names",
    load: async () => (await import("./layout.ts")).tagCommand(),
  },
  rm: {
    isLocal: true,
    summary: "remove names from a layout",
    load: async () => (await import("./layout.ts")).rmCommand(),
  },
  gc: {
    isLocal: true,
    summary: "remove blobs of a layout that no image needs",
    load: async () => (await import("./layout.ts")).gcCommand(),
  },
  merge: {
    isLocal: true,
    summary: "bring the images of several layouts and archives into one layout",
    load: async () => (await import("./layout.ts")).mergeCommand(),
  },
  login: {
    summary: "keep credentials for a registry",
    load: async () => (await import("./login.ts")).loginCommand(),
  },
  logout: {
    isLocal: true,
    summary: "forget credentials of a registry",
    load: async () => (await import("./login.ts")).logoutCommand(),
  },
  init: {
    summary: "propose .ko.yaml and skaffold.yaml for a repository",
    load: async () => (await import("./init.ts")).initCommand(),
  },
  doctor: {
    summary: "look for what is wrong here, and tell how to mend it",
    load: async () => (await import("./doctor.ts")).doctorCommand(),
  },
  config: {
    summary: "show what shapes images, and where it comes from",
    load: async () => (await import("./config.ts")).configCommand(),
  },
  schema: {
    summary: "print the JSON Schema of a configuration file",
    load: async () => (await import("./schema.ts")).schemaCommand(),
  },
  cache: {
    isLocal: true,
    summary: "look at and empty the cache of layers and binaries",
    load: async () => (await import("./cache.ts")).cacheCommand(),
  },
  completion: {
    summary: "print a script that completes commands in a shell",
    load: async () => (await import("./completion.ts")).completionCommand(),
  },
  __complete: {
    isHidden: true,
    summary: "complete a word; what the scripts of completion ask",
    load: async () => (await import("./complete.ts")).completeCommand(loadCommand),
  },
  version: {
    isLocal: true,
    summary: "tell the versions of kodeno, Deno and Go",
    load: () => Promise.resolve(versionCommand()),
  },
};

/**
 * Parses arguments and runs the command they name.
 *
 * @returns the exit code
 * @throws {KodenoError} `BAD_OPTION` for wrong usage, and what the command throws
 */
export async function runCommand(args: readonly string[]): Promise<number> {
  const program = await loadCommand(args[0] === "help" ? args[1] : args[0]);
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

/** All commands, their code loaded, for who writes about them; hidden ones are left out. */
export async function allCommands(): Promise<Command> {
  return await makeProgram(() => true, false);
}

/** All commands, but only the code of the one of this name. */
async function loadCommand(name: string | undefined): Promise<Command> {
  return await makeProgram((names) => name !== undefined && names.includes(name));
}

async function makeProgram(
  isWanted: (names: readonly string[]) => boolean,
  withHidden = true,
): Promise<Command> {
  const program = new Command("kodeno")
    .description("Builds container images from Go main packages and keeps them as an OCI layout.")
    .option("--version", "tell the versions of kodeno, Deno and Go")
    .addHelpText(
      "after",
      "\nExample:\n  kodeno build ./cmd/app --platform linux/amd64,linux/arm64",
    );
  for (const [name, entry] of Object.entries(COMMANDS)) {
    const { summary, alias, load, isLocal = false, isHidden = false } = entry;
    if (isHidden && !withHidden) continue;
    const isAsked = isWanted(alias === undefined ? [name] : [name, alias]);
    const loaded = isAsked ? await load() : new Command(name);
    if (isAsked) addCommonFlags(loaded, isLocal);
    if (alias !== undefined && loaded.alias() === undefined) loaded.alias(alias);
    program.addCommand(loaded.summary(summary), { hidden: isHidden });
  }
  for (const command of [program, ...program.commands, ...program.commands.flatMap(subcommands)]) {
    command.exitOverride().showSuggestionAfterError().configureOutput({
      writeOut: (text) => printResult(text.trimEnd()),
      writeErr: (text) => printNote(text.trimEnd()),
      // Said once, by whoever catches it.
      outputError: () => {},
    });
  }
  return program;
}

function subcommands(command: Command): readonly Command[] {
  return command.commands;
}

/** `--push=true` and `--push=false`, which ko's command line takes for any switch, in our terms. */
function switches(commands: readonly Command[], args: readonly string[]): string[] {
  const command = commands.find((c) => c.name() === args[0] || c.alias() === args[0]);
  const names = new Set(command?.options.filter((o) => o.isBoolean()).map((o) => o.long));
  const negations = new Set(command?.options.filter((o) => o.negate).map((o) => o.long));
  const dashes = args.indexOf("--");
  return args.flatMap((arg, i) => {
    // What follows the dashes is for another program.
    if (dashes >= 0 && i > dashes) return [arg];
    const [, name, value] = /^(--[a-z-]+)=(true|false)$/.exec(arg) ?? [];
    if (name === undefined || !names.has(name)) return [arg];
    if (value === "true") return [name];
    const negation = name.replace(/^--/, "--no-");
    return negations.has(negation) ? [negation] : [];
  });
}

const LOCAL_OFFLINE = toggle("--offline", "give up the right to use the network");
const VERBOSE = toggle("-v, --verbose", "tell more, and where a failure came from");

/**
 * Adds to a command and its subcommands what they lack of the flags that all have.
 *
 * @param isLocal whether it has no reason to dial; with `--offline` it then gives up the right to
 */
function addCommonFlags(command: Command, isLocal: boolean): void {
  if (command.commands.length > 0) {
    for (const one of command.commands) addCommonFlags(one, isLocal);
    return;
  }
  const lacks = ({ long }: Option) => !command.options.some((option) => option.long === long);
  if (isLocal && lacks(LOCAL_OFFLINE)) {
    command.addOption(LOCAL_OFFLINE).hook("preAction", async () => {
      if (command.opts()["offline"]) await Deno.permissions.revoke({ name: "net" });
    });
  }
  if (lacks(VERBOSE)) command.addOption(VERBOSE);
  command.addHelpText("after", "\nSwitches are off unless they are given.");
}

function versionCommand(): Command {
  return new Command("version")
    .description("Tells the versions of kodeno, Deno and Go.")
    .addHelpText("after", "\nExample:\n  kodeno version")
    .action(async () => {
      const { formatVersions, versions } = await import("../app/version.ts");
      printResult(formatVersions(await versions()));
    });
}
