/**
 * `kodeno build`: flags to options, the build, and its references on stdout.
 * @module
 */
import { Command, Option } from "commander";
import { build } from "../app/build.ts";
import { KodenoError } from "../errors.ts";
import { addBuildFlags, type BuildFlags, commandOptions } from "./build_flags.ts";
import { printResult } from "./output.ts";
import { watched } from "./progress.ts";
import { outputsOf, yieldStdout } from "./stdout_use.ts";
import {
  addSkaffoldFlags,
  DEFAULT_OUTPUT,
  type SkaffoldFlags,
  skaffoldOptions,
} from "./skaffold_flags.ts";

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

/** The command with its flags. */
export function buildCommand(): Command {
  const build = new Command("build")
    .alias("publish")
    .summary("build images of Go main packages into an OCI layout")
    .description(
      "Builds Go main packages, makes an image of each, and puts them into an OCI layout.\n" +
        "Prints the reference of each image, one a line.",
    )
    .argument("[patterns...]", 'import paths, folders, or patterns such as "./..." (default: ".")');
  return addSkaffoldFlags(addBuildFlags(build))
    .option("--file-output <file>", "with -f: write the images as JSON (default: no file)")
    .option("-q, --quiet", "with -f: print the images through --output and nothing else")
    .option("-o, --output <template>", `with -f and -q: Go template (default: "${DEFAULT_OUTPUT}")`)
    .option("--dry-run", "with -f: tell names and tags, and build nothing")
    .addOption(
      new Option(
        "--hooks <bool>",
        "with -f: run the commands it has before and after builds (default: true)",
      ).choices(["true", "false"]),
    )
    .option("--json", "print events and results as JSON, one a line")
    .addHelpText("after", EXAMPLES).action(run);
}

interface Flags extends BuildFlags, SkaffoldFlags {
  readonly fileOutput?: string;
  readonly quiet?: boolean;
  readonly output?: string;
  readonly dryRun?: boolean;
  readonly hooks?: "true" | "false";
}

async function run(patterns: readonly string[], flags: Flags): Promise<void> {
  await yieldStdout({ ...outputsOf(flags), "--file-output": flags.fileOutput });
  if (flags.filename !== undefined) return await runSkaffold(patterns, flags);
  const alone =
    (["fileOutput", "quiet", "output", "dryRun", "hooks", "buildImage", "profile"] as const)
      .find((name) => flags[name] !== undefined);
  if (alone !== undefined) {
    const flag = `--${alone.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new KodenoError("BAD_OPTION", `Cannot use ${flag} without -f: say -f skaffold.yaml`);
  }
  const references = await watched(flags, (o) => build(patterns, commandOptions(flags), o));
  // As JSON, each reference was told by its event.
  if (!flags.json) { for (const reference of references.values()) printResult(reference); }
}

async function runSkaffold(patterns: readonly string[], given: Flags): Promise<void> {
  if (patterns.length > 0) {
    const why = `${given.filename} says what is built; choose with -b IMAGE`;
    throw new KodenoError("BAD_OPTION", `Cannot build ${patterns.join(" ")} with -f: ${why}`);
  }
  // A build of packages does not wait for what only these need.
  const skaffold = await import("./skaffold_environment.ts");
  const settings = await skaffold.skaffoldEnvironment();
  const { environment } = settings;
  const flags = skaffold.withOutputVariables(given, environment);
  const request = {
    skaffold: { ...skaffoldOptions(flags), environment },
    // The file's platforms are narrowed down by those of the command line, as in Skaffold.
    options: { ...commandOptions(flags), platforms: undefined },
    dryRun: flags.dryRun,
    hooks: flags.hooks !== "false",
  };
  const { buildSkaffold, renderBuilds, writeBuilds } = await import("../app/skaffold_build.ts");
  const builds = await watched(flags, (o) => {
    const emit = flags.quiet ? undefined : o.emit;
    skaffold.tellNotes(settings, emit);
    return buildSkaffold(request, { ...o, emit });
  });
  if (flags.fileOutput !== undefined) await writeBuilds(flags.fileOutput, builds);
  if (flags.quiet) printResult(renderBuilds(builds, flags.output ?? DEFAULT_OUTPUT));
  else if (!flags.json) builds.forEach(({ tag }) => printResult(tag));
}
