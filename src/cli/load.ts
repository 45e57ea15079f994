/**
 * `kodeno load`: images of a layout or archive into the Docker daemon.
 * @module
 */
import { Command } from "commander";
import { load } from "../app/load.ts";
import { appendList } from "./lists.ts";
import { printJson, printNote, printResult } from "./output.ts";
import { watched } from "./progress.ts";
import { addOffline } from "./transfer_flags.ts";

interface Flags {
  readonly image?: readonly string[];
  readonly platform?: string;
  readonly localDomain?: string;
  readonly offline?: boolean;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

const EXAMPLES = `
Examples:
  # all images of the layout
  kodeno load out

  # two images of an archive, for another platform than the daemon's own
  kodeno load images.tar --image app:v1 --image worker --platform linux/arm64

  # named dev.local/..., as "build -L --local-domain dev.local" names them
  kodeno load out --local-domain dev.local`;

/** The command with its flags. */
export function command(): Command {
  const load = new Command("load")
    .description(
      "Loads images into the Docker daemon (DOCKER_HOST, or the context in use); one it has is\n" +
        "only named.",
    )
    .argument(
      "<layout|archive>",
      "path of a layout folder or an archive file; - is stdin",
    )
    .option("--image <name>", "load this image only; may be said again (default: all)", appendList)
    .option("--platform <platform>", "of several platforms, this one (default: the daemon's)")
    .option(
      "--local-domain <domain>",
      "prefix of the names there; kind's nodes under kind.local (default: none)",
    )
    .option("--json", "print events and results as JSON, one a line");
  return addOffline(load).addHelpText("after", EXAMPLES).action(run);
}

async function run(from: string, flags: Flags): Promise<void> {
  const { image: images, platform, localDomain, offline, json, verbose } = flags;
  const loaded = await watched(
    { json, verbose },
    (work) => load({ from, images, platform, localDomain, offline, ...work }),
  );
  for (const one of loaded) {
    if (json) printJson("image", one);
    else {
      one.references.forEach(printResult);
      printNote(`  ${one.sent ? "loaded" : "was there"} as ${one.id}`);
    }
  }
}
