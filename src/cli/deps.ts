/**
 * `kodeno deps`: the files that shape images, for a file watcher such as Skaffold's.
 * @module
 */
import { Command } from "commander";
import { deps } from "../app/deps.ts";
import type { BuildOptions } from "../config/options.ts";
import { interruptible } from "./interrupt.ts";
import { append, appendList, appendWords } from "./lists.ts";
import { printNote, printResult } from "./output.ts";

interface Flags {
  readonly json?: boolean;
  readonly paths?: readonly string[];
  readonly ignore?: readonly string[];
  readonly platform?: readonly string[];
  readonly flags?: readonly string[];
  readonly env?: readonly string[];
  readonly baseImage?: string;
  readonly offline?: boolean;
}

const EXAMPLES = `
Examples:
  # every file that shapes the image, one a line
  kodeno deps ./cmd/app

  # in skaffold.yaml, below "custom"; Skaffold knows no quotes there
  buildCommand: kodeno skaffold ./cmd/app
  dependencies:
    command: kodeno deps --json ./cmd/app

  # without what code generators write
  kodeno deps --ignore "**/*.pb.go" ./cmd/app

  # what these globs match, as "dependencies.paths" of Skaffold's ko builder
  kodeno deps --paths go.mod --paths "**/*.go"

Globs are Skaffold's: "**" as a whole name stands for any folders, so that "**/*.go" is every Go
file, and "**.go" only those of one folder.`;

/** The command with its flags. */
export function depsCommand(): Command {
  return new Command("deps")
    .summary("list the files that shape images")
    .description(
      "Lists the files that shape the images of Go main packages, relative to the working folder:\n" +
        "Go files of all packages but Go's own and those of the module cache, what they embed,\n" +
        "go.mod and its like, kodata, and .ko.yaml.",
    )
    .argument("[patterns...]", 'import paths, folders, or patterns such as "./..." (default: ".")')
    .option("--json", "print one JSON array, as Skaffold wants it")
    .option(
      "--paths <glob>",
      "list what this matches instead; may be said again (default: none)",
      append,
    )
    .option(
      "--ignore <glob>",
      "leave out what this matches; may be said again (default: none)",
      append,
    )
    .option(
      "--platform <list>",
      "all, or os[/arch[/variant]] with commas between (default: linux/amd64)",
      appendList,
    )
    .option("--flags <flags>", "flags of go build, such as -tags=x (default: none)", appendWords)
    .option("--env <name=value>", "environment variable of go build (default: none)", append)
    .option(
      "--base-image <image>",
      'asked for its platforms where they are "all" (default: static)',
    )
    .option("--offline", "fetch nothing")
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(patterns: readonly string[], flags: Flags): Promise<void> {
  const { json, paths, ignore } = flags;
  const build: BuildOptions = {
    platforms: flags.platform,
    flags: flags.flags,
    env: flags.env,
    baseImage: flags.baseImage,
    offline: flags.offline,
  };
  const files = await interruptible((signal) =>
    deps({ patterns, build, paths, ignore }, {
      signal,
      emit: (event) => {
        if (event.type === "note" && event.level === "warning") printNote(event.message);
      },
    })
  );
  if (json) printResult(JSON.stringify(files));
  // A line of its own each, whatever the name: as JSON writes it.
  else for (const file of files) printResult(file.replaceAll("\n", "\\u000a"));
}
