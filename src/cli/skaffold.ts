/**
 * `kodeno skaffold`: the command of a custom artifact in a skaffold.yaml.
 * @module
 */
import { Command } from "commander";
import { buildForSkaffold } from "../app/skaffold_custom.ts";
import { KodenoError } from "../errors.ts";
import { flags, type Given, JSON_EVENTS, withFlags } from "./flag.ts";
import { BUILD_FLAGS } from "./flags.ts";
import { outputsOf, printResult, yieldStdout } from "./output.ts";
import { watched } from "./progress.ts";

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

const FLAGS = flags({ ...BUILD_FLAGS, json: JSON_EVENTS });

/** Flags that say what Skaffold says. */
const OF_SKAFFOLD = [
  "push",
  "local",
  "localDomain",
  "bare",
  "baseImportPaths",
  "preserveImportPaths",
  "tags",
  "tagOnly",
] as const;

/** The command with its flags. */
export function skaffoldCommand(): Command {
  return withFlags(new Command("skaffold"), FLAGS)
    .description(
      "Builds one Go main package, and pushes it or loads it as Skaffold asks for, under the name that\n" +
        "Skaffold has for it. Prints its reference.",
    )
    .argument("[pattern]", 'import path or folder of the main package (default: ".")')
    .addHelpText("after", EXAMPLES).action(run);
}

async function run(pattern: string | undefined, options: Given<typeof FLAGS>): Promise<void> {
  const found = OF_SKAFFOLD.find((name) => options[name] !== undefined);
  if (found !== undefined) {
    throw new KodenoError(
      "BAD_OPTION",
      `Cannot use ${
        FLAGS[found].long
      } with "kodeno skaffold": Skaffold says where the image goes ` +
        "and what it is called; leave it out",
    );
  }
  await yieldStdout(outputsOf(options));
  const reference = await watched(options, (work) => buildForSkaffold({ pattern, options }, work));
  if (!options.json) printResult(reference);
}
