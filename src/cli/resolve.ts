/**
 * `kodeno resolve`: Kubernetes objects with images built and named, on stdout.
 * @module
 */
import { Command } from "commander";
import { resolve } from "../build/resolve.ts";
import { watchResolved } from "../app/resolve_watch.ts";
import { addManifestFlags, type ManifestFlags, resolveRequest } from "./manifest_flags.ts";
import { printText } from "./output.ts";
import { watched } from "./progress.ts";
import { refuseStdout } from "./stdout_use.ts";

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
  const command = new Command("resolve")
    .summary("print Kubernetes objects with ko:// references built to images")
    .description(
      "Builds every Go main package that Kubernetes objects name as ko://IMPORTPATH, pushes the\n" +
        "images to KO_DOCKER_REPO, and prints the objects with the images in their stead.",
    );
  return addManifestFlags(command).addHelpText("after", EXAMPLES).action(run);
}

async function run(flags: ManifestFlags): Promise<void> {
  await refuseStdout(flags, "resolve");
  const request = resolveRequest(flags);
  await watched({ verbose: flags.verbose }, async (work) => {
    if (flags.watch) {
      await watchResolved(request, (changed) => {
        for (const { text } of changed) printText(text);
        return Promise.resolve();
      }, work);
      return;
    }
    for (const { text } of await resolve(request, work)) printText(text);
  });
}
