/**
 * The command line as a whole: its commands, its help, and what wrong usage does. A command's code
 * is loaded when it is asked for.
 * @module
 */
import { Command, CommanderError, type Option } from "commander";
import { KodenoError } from "../errors.ts";
import { toggle } from "./flag.ts";
import { printNote, printResult } from "./output.ts";

/** What a command is made of: what the list of all says of it, and the file that has it. */
type Entry = readonly [summary: string, load: () => Promise<object>];

/** All commands, in the order of the help; `push` is the function `pushCommand` of its file. */
const COMMANDS: Readonly<Record<string, Entry>> = {
  build: ["build images of Go main packages into an OCI layout", () => import("./build.ts")],
  resolve: [
    "print Kubernetes objects with ko:// references built to images",
    () => import("./resolve.ts"),
  ],
  apply: [
    'resolve Kubernetes objects and hand them to "kubectl apply"',
    () => import("./kubectl.ts"),
  ],
  create: [
    'resolve Kubernetes objects and hand them to "kubectl create"',
    () => import("./kubectl.ts"),
  ],
  delete: ['the same as "kubectl delete"', () => import("./kubectl.ts")],
  run: ["build images and run them in the cluster", () => import("./kubectl.ts")],
  watch: ["build images again whenever their files change", () => import("./watch.ts")],
  skaffold: ["build an image for Skaffold, as its custom builder", () => import("./skaffold.ts")],
  deps: ["list the files that shape images", () => import("./deps.ts")],
  sync: ["print file sync rules of kodata for skaffold.yaml", () => import("./sync.ts")],
  push: ["push the images of a layout or archive to a registry", () => import("./push.ts")],
  load: ["load images into the Docker daemon", () => import("./load.ts")],
  pull: ["pull an image of a registry into a layout", () => import("./copy.ts")],
  copy: ["copy an image from any place to any place", () => import("./copy.ts")],
  serve: ["serve a layout as a read-only registry", () => import("./serve.ts")],
  ls: ["list the images of a layout or archive", () => import("./layout.ts")],
  inspect: ["show what an image is made of", () => import("./inspect.ts")],
  tag: ["give an image of a layout more names", () => import("./layout.ts")],
  rm: ["remove names from a layout", () => import("./layout.ts")],
  gc: ["remove blobs of a layout that no image needs", () => import("./layout.ts")],
  merge: [
    "bring the images of several layouts and archives into one layout",
    () => import("./layout.ts"),
  ],
  login: ["keep credentials for a registry", () => import("./login.ts")],
  logout: ["forget credentials of a registry", () => import("./login.ts")],
  init: ["propose .ko.yaml and skaffold.yaml for a repository", () => import("./init.ts")],
  doctor: ["look for what is wrong here, and tell how to mend it", () => import("./doctor.ts")],
  config: ["show what shapes images, and where it comes from", () => import("./config.ts")],
  schema: ["print the JSON Schema of a configuration file", () => import("./schema.ts")],
  cache: ["look at and empty the cache of layers and binaries", () => import("./cache.ts")],
  completion: [
    "print a script that completes commands in a shell",
    () => import("./completion.ts"),
  ],
  __complete: [
    "complete a word; what the scripts of completion ask",
    () => import("./complete.ts"),
  ],
  version: ["tell the versions of kodeno, Deno and Go", () => Promise.resolve({ versionCommand })],
};
const ALIASES: Readonly<Record<string, string>> = { publish: "build" };
/** No person has to know it. */
const HIDDEN = "__complete";
/** They have no reason to dial. */
const LOCAL = new Set(["ls", "inspect", "tag", "rm", "gc", "merge", "logout", "cache", "version"]);
/** Makes a command; one that tells of others loads them. */
type MakeCommand = (load: (name?: string) => Promise<Command>) => Command;

/**
 * Parses arguments and runs the command they name.
 *
 * @returns the exit code
 * @throws {KodenoError} `BAD_OPTION` for wrong usage, and what the command throws
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
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
  return await makeProgram(Object.keys(COMMANDS).filter((name) => name !== HIDDEN));
}

/** All commands, but only the code of the one of this name. */
async function loadCommand(name = ""): Promise<Command> {
  return await makeProgram([ALIASES[name] ?? name], true);
}

async function makeProgram(wanted: readonly string[], withHidden = false): Promise<Command> {
  const program = new Command("kodeno")
    .description("Builds container images from Go main packages and keeps them as an OCI layout.")
    .option("--version", "tell the versions of kodeno, Deno and Go")
    .addHelpText(
      "after",
      "\nExample:\n  kodeno build ./cmd/app --platform linux/amd64,linux/arm64",
    );
  for (const [name, [summary, load]] of Object.entries(COMMANDS)) {
    const hidden = name === HIDDEN;
    if (hidden && !withHidden) continue;
    const made = wanted.includes(name) ? await makeCommand(name, load) : new Command(name);
    const alias = Object.keys(ALIASES).find((one) => ALIASES[one] === name);
    if (alias !== undefined) made.alias(alias);
    program.addCommand(made.summary(summary), { hidden });
  }
  for (
    const command of [
      program,
      ...program.commands,
      ...program.commands.flatMap((c) => c.commands),
    ]
  ) {
    command.exitOverride().showSuggestionAfterError().configureOutput({
      writeOut: (text) => printResult(text.trimEnd()),
      writeErr: (text) => printNote(text.trimEnd()),
      // Said once, by whoever catches it.
      outputError: () => {},
    });
  }
  return program;
}

async function makeCommand(name: string, load: Entry[1]): Promise<Command> {
  const file = await load() as Readonly<Record<string, MakeCommand | undefined>>;
  const command = file[`${name.replace(/^_+/, "")}Command`]?.(loadCommand);
  if (command === undefined) throw new Error(`no file has the command ${name}`);
  addCommonFlags(command, LOCAL.has(name));
  return command;
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
