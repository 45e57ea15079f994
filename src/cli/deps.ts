/**
 * `kodeno deps`: the files that shape images, for a file watcher such as Skaffold's.
 * @module
 */
import { Command } from "commander";
import { deps } from "../app/deps.ts";
import { append, appendWords, flags, type Given, text, texts, toggle, withFlags } from "./flag.ts";
import { PATTERNS, PLATFORMS } from "./flags.ts";
import { printNote, printResult } from "./output.ts";
import { interruptible } from "./progress.ts";

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

const FLAGS = flags({
  json: toggle("--json", "print one JSON array, as Skaffold wants it"),
  paths: texts(
    "--paths <glob>",
    "list what this matches instead; may be said again (default: none)",
    append,
  ),
  ignore: texts(
    "--ignore <glob>",
    "leave out what this matches; may be said again (default: none)",
    append,
  ),
  platforms: PLATFORMS,
  flags: texts(
    "--flags <flags>",
    "flags of go build, such as -tags=x (default: none)",
    appendWords,
  ),
  env: texts("--env <name=value>", "environment variable of go build (default: none)", append),
  baseImage: text(
    "--base-image <image>",
    'asked for its platforms where they are "all" (default: static)',
  ),
  offline: toggle("--offline", "fetch nothing"),
});

/** The command with its flags. */
export function depsCommand(): Command {
  return withFlags(new Command("deps"), FLAGS)
    .description(
      "Lists the files that shape the images of Go main packages, relative to the working folder:\n" +
        "Go files of all packages but Go's own and those of the module cache, what they embed,\n" +
        "go.mod and its like, kodata, and .ko.yaml.",
    )
    .argument(...PATTERNS)
    .addHelpText("after", EXAMPLES).action(run);
}

async function run(patterns: readonly string[], given: Given<typeof FLAGS>): Promise<void> {
  const { json, paths, ignore, ...build } = given;
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
