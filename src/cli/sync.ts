/**
 * `kodeno sync`: file sync rules of kodata, to be put into a skaffold.yaml.
 * @module
 */
import { Command } from "commander";
import { stringify } from "yaml";
import { syncRules } from "../app/sync.ts";
import { flags, type Given, toggle, withFlags } from "./flag.ts";
import { PATTERNS } from "./flags.ts";
import { printNote, printResult } from "./output.ts";
import { interruptible } from "./progress.ts";

const EXAMPLES = `
Examples:
  # the rules of one image, to be put below its artifact
  kodeno sync ./cmd/app

  # those of all images of the module, as JSON
  kodeno sync --json ./...

A program finds its files by KO_DATA_PATH, which images set to /var/run/ko, and sees new ones when
it reads them again. Skaffold copies with the container's own "tar" as the container's user: the
base image has to have it, and the image has to run as a user who may write there
("--image-user 0"). Files that "kodeno deps" does not list are not synced.`;

const FLAGS = flags({ json: toggle("--json", "print one JSON array") });

/** The command with its flags. */
export function syncCommand(): Command {
  return withFlags(new Command("sync"), FLAGS)
    .description(
      "Prints the rules by which Skaffold copies changed files of kodata into running containers:\n" +
        "YAML for an artifact of skaffold.yaml, one document for each image.",
    )
    .argument(...PATTERNS)
    .addHelpText("after", EXAMPLES).action(run);
}

async function run(patterns: readonly string[], { json }: Given<typeof FLAGS>): Promise<void> {
  const images = await interruptible((signal) => syncRules(patterns, {}, { signal }));
  if (json) {
    const list = images.map(({ importPath, manual }) => ({ importPath, sync: { manual } }));
    return printResult(JSON.stringify(list));
  }
  const documents = images.flatMap(({ importPath, manual }) => {
    if (manual.length > 0) return [`# ${importPath}\n${stringify({ sync: { manual } })}`];
    printNote(`${importPath} has no kodata; there is nothing to sync`);
    return [];
  });
  if (documents.length > 0) printResult(documents.join("---\n").trimEnd());
}
