/**
 * `kodeno skaffold`: the command of a custom artifact in a skaffold.yaml.
 * @module
 */
import { Command } from "commander";
import { buildForSkaffold } from "../app/skaffold_custom.ts";
import { KodenoError } from "../errors.ts";
import { addBuildFlags, type BuildFlags, commandOptions } from "./build_flags.ts";
import { printResult } from "./output.ts";
import { watched } from "./progress.ts";
import { outputsOf, yieldStdout } from "./stdout_use.ts";

const EXAMPLES = `
Example, in skaffold.yaml:
  build:
    artifacts:
      - image: app
        custom:
          buildCommand: kodeno skaffold ./cmd/app
          dependencies:
            command: kodeno deps --json ./cmd/app

Skaffold says by variables what is wanted: IMAGE (the name and tag the image gets), PUSH_IMAGE (true:
push it; false: load it into the local daemon), PLATFORMS and BUILD_CONTEXT. What .ko.yaml and KO_*
say of the image itself counts as usual; KO_DOCKER_REPO and names do not.`;

/** Flags that say what Skaffold says. */
const SAID: Readonly<Record<string, keyof BuildFlags>> = {
  "--push": "push",
  "--local": "local",
  "--local-domain": "localDomain",
  "--bare": "bare",
  "--base-import-paths": "baseImportPaths",
  "--preserve-import-paths": "preserveImportPaths",
  "--tags": "tags",
  "--tag-only": "tagOnly",
};

/** The command with its flags. */
export function skaffoldCommand(): Command {
  const command = new Command("skaffold")
    .summary("build an image for Skaffold, as its custom builder")
    .description(
      "Builds one Go main package, and pushes it or loads it as Skaffold asks for, under the name that\n" +
        "Skaffold has for it. Prints its reference.",
    )
    .argument("[pattern]", 'import path or folder of the main package (default: ".")');
  return addBuildFlags(command)
    .option("--json", "print events and results as JSON, one a line")
    .addHelpText("after", EXAMPLES).action(run);
}

async function run(pattern: string | undefined, flags: BuildFlags): Promise<void> {
  const said = Object.entries(SAID).find(([, name]) => flags[name] !== undefined)?.[0];
  if (said !== undefined) {
    throw new KodenoError(
      "BAD_OPTION",
      `Cannot use ${said} with "kodeno skaffold": Skaffold says where the image goes and what it ` +
        "is called; leave it out",
    );
  }
  const { json, verbose } = flags;
  await yieldStdout(outputsOf(flags));
  const reference = await watched(
    { json, verbose },
    (work) =>
      buildForSkaffold(
        { pattern, options: commandOptions(flags) },
        work,
      ),
  );
  if (!json) printResult(reference);
}
