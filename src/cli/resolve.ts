/**
 * `kodeno resolve`: Kubernetes objects with images built and named, on stdout.
 * @module
 */
import { Command } from "commander";
import { resolveObjects } from "../app/resolve.ts";
import { type Given, withFlags } from "./flag.ts";
import { MANIFEST_FLAGS, resolveRequest } from "./flags.ts";
import { outputsOf, printText, refuseStdout } from "./output.ts";
import { watched } from "./progress.ts";

const EXAMPLES = `
Examples:
  # build and push what config/ names, and print the objects with image digests
  KO_DOCKER_REPO=registry.local/team kodeno resolve -f config/ > release.yaml

  # only some objects, images loaded into the Docker daemon
  kodeno resolve -L -f config/ -R -l app=web

  # without a registry: images stay in the layout "out"
  kodeno resolve --push=false -f pod.yaml`;

/** The command with its flags. */
export function resolveCommand(): Command {
  return withFlags(new Command("resolve"), MANIFEST_FLAGS)
    .description(
      "Builds every Go main package that Kubernetes objects name as ko://IMPORTPATH, pushes the\n" +
        "images to KO_DOCKER_REPO, and prints the objects with the images in their stead.",
    )
    .addHelpText("after", EXAMPLES).action(run);
}

async function run(given: Given<typeof MANIFEST_FLAGS>): Promise<void> {
  await refuseStdout(outputsOf(given), "resolve");
  const request = resolveRequest(given);
  const { verbose, watch } = given;
  await watched({ verbose }, async (work) => {
    await resolveObjects(request, (resolved) => {
      for (const { text } of resolved) printText(text);
    }, { ...work, watch });
  });
}
