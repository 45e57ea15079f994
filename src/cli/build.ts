/**
 * `kodeno build`: flags to options, the build, and its references on stdout.
 * @module
 */
import { Command } from "commander";
import { build } from "../app/build.ts";
import { KodenoError } from "../errors.ts";
import { choice, flags, type Given, JSON_EVENTS, text, toggle, withFlags } from "./flag.ts";
import { BUILD_FLAGS, PATTERNS, SKAFFOLD_FLAGS, skaffoldOptions } from "./flags.ts";
import { outputsOf, printResult, yieldStdout } from "./output.ts";
import { watched } from "./progress.ts";

const EXAMPLES = `
Examples:
  # one image for the default platform, into the layout "out"
  kodeno build ./cmd/app

  # every main package of the module, for two platforms
  kodeno build ./... --platform linux/amd64,linux/arm64

  # named for the registry it will be pushed to later
  KO_DOCKER_REPO=registry.local/team kodeno build -B -t v1.2.0 ./cmd/app

  # on a base image that is a layout, too
  kodeno build --base-image oci:./bases:debian12 ./cmd/app

  # what a skaffold.yaml says, under a registry's name
  kodeno build -f skaffold.yaml -d registry.local/team`;

/** What `--output` prints unless it says otherwise. */
const DEFAULT_OUTPUT = "{{json .}}";

/** What only a skaffold.yaml gives a meaning to. */
const WITH_FILE = flags({
  ...SKAFFOLD_FLAGS,
  fileOutput: text("--file-output <file>", "with -f: write the images as JSON (default: no file)"),
  quiet: toggle("-q, --quiet", "with -f: print the images through --output and nothing else"),
  output: text(
    "-o, --output <template>",
    `with -f and -q: Go template (default: "${DEFAULT_OUTPUT}")`,
  ),
  dryRun: toggle("--dry-run", "with -f: tell names and tags, and build nothing"),
  hooks: choice(
    "--hooks <bool>",
    "with -f: run the commands it has before and after builds (default: true)",
    ["true", "false"],
  ),
});
const FLAGS = flags({ ...BUILD_FLAGS, ...WITH_FILE, json: JSON_EVENTS });
type BuildCommandFlags = Given<typeof FLAGS>;

/** The command with its flags. */
export function buildCommand(): Command {
  return withFlags(new Command("build"), FLAGS)
    .description(
      "Builds Go main packages, makes an image of each, and puts them into an OCI layout.\n" +
        "Prints the reference of each image, one a line.",
    )
    .argument(...PATTERNS)
    .addHelpText("after", EXAMPLES).action(run);
}

async function run(patterns: readonly string[], given: BuildCommandFlags): Promise<void> {
  await yieldStdout({ ...outputsOf(given), "--file-output": given.fileOutput });
  if (given.file !== undefined) return await runSkaffold(patterns, given);
  const alone =
    (["fileOutput", "quiet", "output", "dryRun", "hooks", "images", "profiles"] as const)
      .find((name) => given[name] !== undefined);
  if (alone !== undefined) {
    const { long } = WITH_FILE[alone];
    throw new KodenoError("BAD_OPTION", `Cannot use ${long} without -f: say -f skaffold.yaml`);
  }
  const references = await watched(given, (o) => build(patterns, given, o));
  // As JSON, each reference was told by its event.
  if (!given.json) { for (const reference of references.values()) printResult(reference); }
}

async function runSkaffold(patterns: readonly string[], asked: BuildCommandFlags): Promise<void> {
  if (patterns.length > 0) {
    const why = `${asked.file} says what is built; choose with -b IMAGE`;
    throw new KodenoError("BAD_OPTION", `Cannot build ${patterns.join(" ")} with -f: ${why}`);
  }
  // A build of packages does not wait for what only these need.
  const { withOutputVariables } = await import("../config/skaffold/options.ts");
  const { readSkaffoldEnvironment } = await import("../config/skaffold/env_file.ts");
  const { environment, notes } = await readSkaffoldEnvironment();
  const given = withOutputVariables(asked, environment);
  const request = {
    skaffold: { ...skaffoldOptions(given), environment },
    // The file's platforms are narrowed down by those of the command line, as in Skaffold.
    options: { ...given, platforms: undefined },
    dryRun: given.dryRun,
    hooks: given.hooks !== "false",
  };
  const { buildSkaffold, renderBuilds, writeBuilds } = await import("../app/skaffold_build.ts");
  const builds = await watched(given, (o) => {
    const emit = given.quiet ? undefined : o.emit;
    for (const message of notes) emit?.({ type: "note", level: "warning", message });
    return buildSkaffold(request, { ...o, emit });
  });
  if (given.fileOutput !== undefined) await writeBuilds(given.fileOutput, builds);
  if (given.quiet) printResult(renderBuilds(builds, given.output ?? DEFAULT_OUTPUT));
  else if (!given.json) builds.forEach(({ tag }) => printResult(tag));
}
