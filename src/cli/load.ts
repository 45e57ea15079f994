/**
 * `kodeno load`: images of a layout or archive into the Docker daemon.
 * @module
 */
import { Command } from "commander";
import { load } from "../app/load.ts";
import { flags, type Given, JSON_EVENTS, text, texts, withFlags } from "./flag.ts";
import { LAYOUT_OR_ARCHIVE, OFFLINE } from "./flags.ts";
import { printJson, printNote, printResult } from "./output.ts";
import { watched } from "./progress.ts";

const EXAMPLES = `
Examples:
  # all images of the layout
  kodeno load out

  # two images of an archive, for another platform than the daemon's own
  kodeno load images.tar --image app:v1 --image worker --platform linux/arm64

  # named dev.local/..., as "build -L --local-domain dev.local" names them
  kodeno load out --local-domain dev.local`;

const FLAGS = flags({
  images: texts("--image <name>", "load this image only; may be said again (default: all)"),
  platform: text("--platform <platform>", "of several platforms, this one (default: the daemon's)"),
  localDomain: text(
    "--local-domain <domain>",
    "prefix of the names there; kind's nodes under kind.local (default: none)",
  ),
  json: JSON_EVENTS,
  offline: OFFLINE,
});

/** The command with its flags. */
export function loadCommand(): Command {
  return withFlags(new Command("load"), FLAGS)
    .description(
      "Loads images into the Docker daemon (DOCKER_HOST, or the context in use); one it has is\n" +
        "only named.",
    )
    .argument(...LAYOUT_OR_ARCHIVE)
    .addHelpText("after", EXAMPLES).action(run);
}

async function run(from: string, given: Given<typeof FLAGS>): Promise<void> {
  for (const one of await watched(given, (work) => load({ ...given, from, ...work }))) {
    if (given.json) printJson("image", one);
    else {
      one.references.forEach(printResult);
      printNote(`  ${one.sent ? "loaded" : "was there"} as ${one.id}`);
    }
  }
}
