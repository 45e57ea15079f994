/**
 * The command line as a whole: its commands, its help, and what wrong usage does. A command's code
 * is loaded when it is asked for.
 * @module
 */
import { KodenoError, nearest } from "../errors.ts";
import { Command, CommanderError } from "../npm/commander.ts";
import { commandNamed, fromCommand, spelledOut } from "./arguments.ts";
import type { Commands } from "./command.ts";
import { insteadOf, OF_KUBECTL, ownCommand } from "./foreign.ts";
import { printNote, printResult } from "./output.ts";

type Load = () => Promise<{ readonly default: Commands }>;
const BUILDING: Load = () => import("./build.ts");
const CONFIG: Load = () => import("./config.ts");
const KUBERNETES: Load = () => import("./kube.ts");
const PLACES: Load = () => import("./places.ts");
const LAYOUTS: Load = () => import("./layout.ts");
const LOOK: Load = () => import("./look.ts");
const REPORT: Load = () => import("./report.ts");
const BASES: Load = () => import("./bases.ts");
const AIRGAP: Load = () => import("./airgap.ts");
const MIRRORS: Load = () => import("./mirror_config.ts");
const TRUST: Load = () => import("./trust.ts");
const LOCK: Load = () => import("./lock.ts");
const LOGIN: Load = () => import("./login.ts");
const SETUP: Load = () => import("./setup.ts");
const COMPLETION: Load = () => import("./completion.ts");
const MAN: Load = () => import("./man.ts");

/** A command: where it is, and what the list of commands says of it. */
type Listed = readonly [Load, summary: string];

/** All commands in the groups and the order of the help. */
const GROUPS: Readonly<Record<string, Readonly<Record<string, Listed>>>> = {
  "Build images": {
    build: [BUILDING, "build images of Go main packages into an OCI layout"],
    watch: [BUILDING, "build images again when their files change"],
    resolve: [
      KUBERNETES,
      "print Kubernetes objects with image digests in place of ko:// references",
    ],
    apply: [KUBERNETES, 'resolve Kubernetes objects and pass them to "kubectl apply"'],
    create: [KUBERNETES, 'resolve Kubernetes objects and pass them to "kubectl create"'],
    delete: [KUBERNETES, 'run "kubectl delete"'],
    run: [KUBERNETES, "build images and run them in the cluster"],
    skaffold: [BUILDING, "build an image as a custom builder of Skaffold"],
    deps: [BUILDING, "list the files that images are built from"],
    plan: [BUILDING, "say what would be built, and divide it among machines"],
    affected: [BUILDING, "list the images that changes since a commit concern"],
    lock: [LOCK, "write or check kodeno.lock: what images are built from"],
    sync: [CONFIG, "print file sync rules of kodata for skaffold.yaml"],
  },
  "Move images": {
    push: [PLACES, "push the images of a layout or archive to a registry"],
    load: [PLACES, "load images into the Docker daemon"],
    pull: [PLACES, "pull an image from a registry into a layout"],
    rebase: [BASES, "put an image on another base without building it"],
    copy: [PLACES, "copy an image between registries, layouts, archives and daemons"],
    merge: [LAYOUTS, "merge the images of several layouts and archives into one layout"],
    serve: [PLACES, "serve a layout as a read-only registry"],
  },
  "Cross a gap": {
    bundle: [AIRGAP, "carry images across a gap in one file"],
    "mirror-config": [MIRRORS, "print what clients of a registry put in place"],
  },
  "Look at images and tidy layouts": {
    ls: [LAYOUTS, "list the images of a layout or archive"],
    inspect: [LOOK, "show the manifests, layers and configuration of images"],
    digest: [LOOK, "print the digests of images"],
    cat: [LOOK, "print a file of an image"],
    export: [LOOK, "write a tar of the files of an image"],
    report: [REPORT, "write a page on what is in images, for who lets them across"],
    diff: [PLACES, "tell in what two images differ"],
    "check-base": [BASES, "tell whether images stand on the newest base"],
    tag: [LAYOUTS, "add names to an image of a layout"],
    rm: [LAYOUTS, "remove images from a layout"],
    gc: [LAYOUTS, "delete blobs of a layout that no image uses"],
  },
  "Sign images": {
    key: [TRUST, "make keys that sign images"],
    sign: [TRUST, "sign images of a layout, archive or registry"],
    attest: [TRUST, "sign what a file says of images"],
    verify: [TRUST, "check that images are whole, and who has signed them"],
    sbom: [TRUST, "list what images are made of (SPDX, CycloneDX)"],
    rebuild: [TRUST, "build an image again, and say whether it is the same"],
  },
  "Set up": {
    init: [SETUP, "propose a .ko.yaml and a skaffold.yaml for a repository"],
    doctor: [SETUP, "check the setup, and say how to fix what is wrong"],
    config: [CONFIG, "show the settings of a build, and where each comes from"],
    schema: [SETUP, "print the JSON Schema of a configuration file or of --json"],
    login: [LOGIN, "log in to a registry"],
    logout: [LOGIN, "log out of a registry"],
    cache: [SETUP, "show or empty the cache of layers, binaries and base images"],
    completion: [COMPLETION, "print a shell completion script"],
    man: [MAN, "write the manual pages"],
    __complete: [COMPLETION, "complete a word; what the scripts of completion ask"],
    version: [SETUP, "print the versions of kodeno, Deno and Go"],
  },
};
const COMMANDS = Object.fromEntries(
  Object.entries(GROUPS).flatMap(([group, commands]) =>
    Object.entries(commands).map(([name, [load, summary]]) => [name, { group, load, summary }])
  ),
);
const ALIASES: ReadonlyMap<string, string> = new Map([["publish", "build"]]);
const EXAMPLE = "Example:\n  kodeno build ./cmd/app --platform linux/amd64,linux/arm64";
/** No person has to know it. */
const HIDDEN = "__complete";
const SHOWN = Object.keys(COMMANDS).filter((name) => name !== HIDDEN);

/** Runs the command that arguments name; its exit code, or `BAD_OPTION` for wrong usage. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const own = fromCommand(args);
  const words = own[0] === "help" && own.length > 1 ? [...own.slice(1), "--help"] : own;
  const [first = ""] = words;
  // A line that is completed has its command among its words; the manual is of all.
  const needed = first === HIDDEN ? words : first === "man" ? SHOWN : [first];
  const filled = needed.map((name) => ALIASES.get(name) ?? name);
  const known = filled.every((name) => Object.hasOwn(COMMANDS, name));
  // The others matter to the help.
  const program = await makeProgram(known ? filled : Object.keys(COMMANDS), filled);
  try {
    const isWord = words.length > 0 && !first.startsWith("-") && first !== "help";
    if (isWord && filled[0] !== HIDDEN && !known) program.error(unknownCommand(first));
    const all = spelledOut(program, own.length < args.length ? ["-v", ...words] : words);
    await program.parseAsync(all, { from: "user" });
    return 0;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    if (error.code === "commander.help") return 2;
    const text = `Cannot read the command line: ${faultOf(error, program, words)}`;
    const help = program.createHelp();
    const usage = `Usage: ${help.commandUsage(commandNamed(program, words))}`;
    throw new KodenoError("BAD_OPTION", text, { usage }, { cause: error });
  }
}

/** Names the command that was meant, by another tool's word for it or by the nearest name. */
function unknownCommand(name: string): string {
  const own = ownCommand(name);
  const near = own ?? nearest(name, SHOWN);
  const meant = own
    ? `; say "kodeno ${own}", to ${COMMANDS[own]?.summary}`
    : ` (Did you mean ${near}?)`;
  return `unknown command '${name}'${near === undefined ? "" : meant}`;
}

/** What is wrong with a command line, and what may have been meant. */
function faultOf({ message }: CommanderError, program: Command, words: readonly string[]): string {
  const [, flag] = /unknown option '([^'=]+)/.exec(message) ?? [];
  const command = commandNamed(program, words);
  const behind = words.find((word) => Object.hasOwn(COMMANDS, word));
  const isBefore = command === program && behind !== undefined;
  const instead = flag && (isBefore ? `say "kodeno ${behind} ${flag}"` : insteadOf(flag, command));
  if (instead) {
    return `unknown option '${flag}'${isBefore ? " before the command" : ""}; ${instead}`;
  }
  const own = message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " ");
  return flag && OF_KUBECTL.includes(command.name())
    ? `${own}; flags of kubectl stand behind a --`
    : own;
}

/** All commands, their code loaded, for who writes about them; hidden ones are left out. */
export async function allCommands(): Promise<Command> {
  return await makeProgram(SHOWN, SHOWN);
}

/** The program with some commands, and the code of some. */
async function makeProgram(names: readonly string[], filled: readonly string[]): Promise<Command> {
  const program = new Command("kodeno")
    .description(
      "Builds container images from Go main packages, and moves them between OCI layouts, archives, " +
        "registries and the Docker daemon.",
    )
    .option("--version", "print the versions of kodeno, Deno and Go")
    .addHelpText("after", `\n${EXAMPLE}`)
    .commandsGroup(`${Object.keys(GROUPS).at(-1)}:`).helpCommand(true)
    .configureHelp({
      minWidthToWrap: 20,
      subcommandTerm: (one) => [one.name(), ...one.aliases()].join("|"),
    })
    .enablePositionalOptions().exitOverride().showSuggestionAfterError().configureOutput({
      writeOut: (text) => printResult(text.trimEnd()),
      writeErr: (text) => printNote(text.trimEnd()),
      // Said once, by whoever catches it.
      outputError: () => {},
    });
  for (const [name, { group, load, summary }] of Object.entries(COMMANDS)) {
    if (!names.includes(name)) continue;
    const command = program.command(name, { hidden: name === HIDDEN }).summary(summary);
    command.helpGroup(`${group}:`);
    for (const [alias, own] of ALIASES) if (own === name) command.alias(alias);
    if (filled.includes(name)) (await load()).default[name]?.(command);
  }
  return program;
}
