/**
 * `kodeno push`: the images of a layout or archive into a registry.
 * @module
 */
import { Command } from "commander";
import { push } from "../app/push.ts";
import { appendList } from "./lists.ts";
import { formatBytes, printJson, printNote, printResult } from "./output.ts";
import { watched } from "./progress.ts";
import { addTransferFlags, type TransferFlags, transferOptions } from "./transfer_flags.ts";

interface Flags extends TransferFlags {
  readonly to?: string;
  readonly image?: readonly string[];
  readonly tag?: readonly string[];
  readonly bare?: boolean;
  readonly baseImportPaths?: boolean;
  readonly preserveImportPaths?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  # every image of the layout, below one prefix
  kodeno push out --to registry.local/team

  # what that would send
  kodeno push out --to registry.local/team --dry-run

  # one image of an archive, under other tags
  kodeno push images.tar --to registry.local/team --image app -t v2,stable`;

/** The command with its flags. */
export function command(): Command {
  const push = new Command("push")
    .description("Pushes the images of a layout or archive; what the registry has is not sent.")
    .argument(
      "<layout|archive>",
      "path of a layout folder or an archive file; - is stdin",
    )
    .option("--to <repo>", "prefix of repositories (default: where the names say)")
    .option("--image <name>", "push this image only; may be said again (default: all)", appendList)
    .option("-t, --tag <list>", "tags in the place of the images' own (default: these)", appendList)
    .option("-P, --preserve-import-paths", "name repositories by the whole name, as is the default")
    .option("-B, --base-import-paths", "name repositories by the last element of the name")
    .option("--bare", "push to the repository of --to itself")
    .option("--dry-run", "tell what would go where, and send nothing")
    .option("--json", "print events and results as JSON, one a line");
  return addTransferFlags(push).addHelpText("after", EXAMPLES).action(run);
}

async function run(from: string, flags: Flags): Promise<void> {
  const { to, image: images, tag: tags, bare, dryRun, json, verbose } = flags;
  const naming = {
    to,
    tags,
    bare,
    base: flags.baseImportPaths,
    preserve: flags.preserveImportPaths,
  };
  const pushed = await watched(
    { json, verbose },
    (work) => push({ ...transferOptions(flags), ...naming, from, images, dryRun, ...work }),
  );
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
