/**
 * `kodeno push`: the images of a layout or archive into a registry.
 * @module
 */
import { Command } from "commander";
import { push } from "../app/push.ts";
import { flags, type Given, JSON_EVENTS, text, texts, toggle, withFlags } from "./flag.ts";
import { LAYOUT_OR_ARCHIVE, TRANSFER_FLAGS } from "./flags.ts";
import { formatBytes, printJson, printNote, printResult } from "./output.ts";
import { watched } from "./progress.ts";

const EXAMPLES = `
Examples:
  # every image of the layout, below one prefix
  kodeno push out --to registry.local/team

  # what that would send
  kodeno push out --to registry.local/team --dry-run

  # one image of an archive, under other tags
  kodeno push images.tar --to registry.local/team --image app -t v2,stable`;

const FLAGS = flags({
  to: text("--to <repo>", "prefix of repositories (default: where the names say)"),
  images: texts("--image <name>", "push this image only; may be said again (default: all)"),
  tags: texts("-t, --tag <list>", "tags in the place of the images' own (default: these)"),
  preserve: toggle(
    "-P, --preserve-import-paths",
    "name repositories by the whole name, as is the default",
  ),
  base: toggle("-B, --base-import-paths", "name repositories by the last element of the name"),
  bare: toggle("--bare", "push to the repository of --to itself"),
  dryRun: toggle("--dry-run", "tell what would go where, and send nothing"),
  json: JSON_EVENTS,
  ...TRANSFER_FLAGS,
});

/** The command with its flags. */
export function pushCommand(): Command {
  return withFlags(new Command("push"), FLAGS)
    .description("Pushes the images of a layout or archive; what the registry has is not sent.")
    .argument(...LAYOUT_OR_ARCHIVE)
    .addHelpText("after", EXAMPLES).action(run);
}

async function run(from: string, given: Given<typeof FLAGS>): Promise<void> {
  const { dryRun, json } = given;
  const pushed = await watched(given, (work) => push({ ...given, from, ...work }));
  let total = 0;
  for (const image of pushed) {
    total += image.bytes;
    if (json) printJson("image", image);
    else image.references.forEach(printResult);
    if (dryRun && !json) {
      printNote(`  would send ${image.blobs} blobs, ${formatBytes(image.bytes)}`);
    }
  }
  const verb = dryRun ? "would send" : "sent";
  if (!json) printNote(`${pushed.length} images, ${verb} ${formatBytes(total)}`);
}
