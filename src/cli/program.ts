/**
 * The command line as a whole: its commands, its help, and what wrong usage does. A command's code
 * is loaded when it is asked for.
 * @module
 */
import { Command, CommanderError, type Option } from "commander";
import { KodenoError } from "../errors.ts";
import { toggle } from "./flag.ts";
import { printNote, printResult } from "./output.ts";

/** All commands, in the order of the help, and what the list of them says. */
const SUMMARIES = {
  build: "build images of Go main packages into an OCI layout",
  resolve: "print Kubernetes objects with ko:// references built to images",
  apply: 'resolve Kubernetes objects and hand them to "kubectl apply"',
  create: 'resolve Kubernetes objects and hand them to "kubectl create"',
  delete: 'the same as "kubectl delete"',
  run: "build images and run them in the cluster",
  watch: "build images again whenever their files change",
  skaffold: "build an image for Skaffold, as its custom builder",
  deps: "list the files that shape images",
  sync: "print file sync rules of kodata for skaffold.yaml",
  push: "push the images of a layout or archive to a registry",
  load: "load images into the Docker daemon",
  pull: "pull an image of a registry into a layout",
  copy: "copy an image from any place to any place",
  serve: "serve a layout as a read-only registry",
  ls: "list the images of a layout or archive",
  inspect: "show what an image is made of",
  tag: "give an image of a layout more names",
  rm: "remove names from a layout",
  gc: "remove blobs of a layout that no image needs",
  merge: "bring the images of several layouts and archives into one layout",
  login: "keep credentials for a registry",
  logout: "forget credentials of a registry",
  init: "propose .ko.yaml and skaffold.yaml for a repository",
  doctor: "look for what is wrong here, and tell how to mend it",
  config: "show what shapes images, and where it comes from",
  schema: "print the JSON Schema of a configuration file",
  cache: "look at and empty the cache of layers and binaries",
  completion: "print a script that completes commands in a shell",
  __complete: "complete a word; what the scripts of completion ask",
  version: "tell the versions of kodeno, Deno and Go",
} as const;
type Name = keyof typeof SUMMARIES;
/** Makes a command; one that tells of others loads them. */
type MakeCommand = (load: (name?: string) => Promise<Command>) => Command;

/** What makes them; each file is loaded when its command is asked for. */
const LOADERS: Readonly<Record<Name, () => Promise<MakeCommand>>> = {
  build: () => import("./build.ts").then((m) => m.buildCommand),
  resolve: () => import("./resolve.ts").then((m) => m.resolveCommand),
  apply: () => import("./kubectl.ts").then((m) => m.applyCommand),
  create: () => import("./kubectl.ts").then((m) => m.createCommand),
  delete: () => import("./kubectl.ts").then((m) => m.deleteCommand),
  run: () => import("./kubectl.ts").then((m) => m.runCommand),
  watch: () => import("./watch.ts").then((m) => m.watchCommand),
  skaffold: () => import("./skaffold.ts").then((m) => m.skaffoldCommand),
  deps: () => import("./deps.ts").then((m) => m.depsCommand),
  sync: () => import("./sync.ts").then((m) => m.syncCommand),
  push: () => import("./push.ts").then((m) => m.pushCommand),
  load: () => import("./load.ts").then((m) => m.loadCommand),
  pull: () => import("./copy.ts").then((m) => m.pullCommand),
  copy: () => import("./copy.ts").then((m) => m.copyCommand),
  serve: () => import("./serve.ts").then((m) => m.serveCommand),
  ls: () => import("./layout.ts").then((m) => m.lsCommand),
  inspect: () => import("./inspect.ts").then((m) => m.inspectCommand),
  tag: () => import("./layout.ts").then((m) => m.tagCommand),
  rm: () => import("./layout.ts").then((m) => m.rmCommand),
  gc: () => import("./layout.ts").then((m) => m.gcCommand),
  merge: () => import("./layout.ts").then((m) => m.mergeCommand),
  login: () => import("./login.ts").then((m) => m.loginCommand),
  logout: () => import("./login.ts").then((m) => m.logoutCommand),
  init: () => import("./init.ts").then((m) => m.initCommand),
  doctor: () => import("./doctor.ts").then((m) => m.doctorCommand),
  config: () => import("./config.ts").then((m) => m.configCommand),
  schema: () => import("./schema.ts").then((m) => m.schemaCommand),
  cache: () => import("./cache.ts").then((m) => m.cacheCommand),
  completion: () => import("./completion.ts").then((m) => m.completionCommand),
  __complete: () => import("./complete.ts").then((m) => m.completeCommand),
  version: () => Promise.resolve(versionCommand),
};
const ALIASES: Readonly<Record<string, Name>> = { publish: "build" };
/** No person has to know it. */
const HIDDEN = "__complete";
/** They have no reason to dial. */
const LOCAL = new Set<Name>([
  "ls",
  "inspect",
  "tag",
  "rm",
  "gc",
  "merge",
  "logout",
  "cache",
  "version",
]);

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
  return await makeProgram(Object.keys(SUMMARIES).filter((name) => name !== HIDDEN));
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
  for (const name of Object.keys(SUMMARIES) as readonly Name[]) {
    const hidden = name === HIDDEN;
    if (hidden && !withHidden) continue;
    const isWanted = wanted.includes(name);
    const command = isWanted ? (await LOADERS[name]())(loadCommand) : new Command(name);
    if (isWanted) addCommonFlags(command, LOCAL.has(name));
    const alias = Object.keys(ALIASES).find((one) => ALIASES[one] === name);
    if (alias !== undefined) command.alias(alias);
    program.addCommand(command.summary(SUMMARIES[name]), { hidden });
  }
  const { commands } = program;
  for (const command of [program, ...commands, ...commands.flatMap((one) => one.commands)]) {
    command.exitOverride().showSuggestionAfterError().configureOutput({
      writeOut: (text) => printResult(text.trimEnd()),
      writeErr: (text) => printNote(text.trimEnd()),
      // Said once, by whoever catches it.
      outputError: () => {},
    });
  }
  return program;
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
