/**
 * `kodeno push`: the images of a layout or archive into a registry.
 * @module
 */
import { Command } from "commander";
import { push } from "../app/push.ts";
import { interruptible } from "./interrupt.ts";
import { appendList } from "./lists.ts";
import { formatBytes, printNote, printResult } from "./output.ts";
import { notes } from "./progress.ts";
import { addTransferFlags, type TransferFlags, transferOptions } from "./transfer_flags.ts";

interface Flags extends TransferFlags {
  readonly to?: string;
  readonly image?: readonly string[];
  readonly tag?: readonly string[];
  readonly bare?: boolean;
  readonly baseImportPaths?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  # every image of the layout, below one prefix
  kodeno push out --to registry.local/team

  # what that would send
  kodeno push out --to registry.local/team --dry-run`;

/** The command with its flags. */
export function command(): Command {
  const push = new Command("push")
    .description("Pushes the images of a layout or archive; what the registry has is not sent.")
    .argument("<layout|archive>", "path of a layout folder or an archive file")
    .option("--to <repo>", "prefix of repositories (default: where the names say)")
    .option("--image <name>", "push this image only; may be said again", appendList)
    .option("-t, --tag <list>", "tags in the place of the images' own", appendList)
    .option("--bare", "push to the repository of --to itself")
    .option("-B, --base-import-paths", "name repositories by the last element of the name")
    .option("--dry-run", "tell what would go where, and send nothing")
    .option("--json", "print the results as JSON, one a line");
  return addTransferFlags(push).addHelpText("after", EXAMPLES).action(run);
}

async function run(from: string, flags: Flags): Promise<void> {
  const { to, image: images, tag: tags, bare, baseImportPaths: base, dryRun } = flags;
  const pushed = await interruptible((signal) =>
    push({
      ...transferOptions(flags),
      from,
      to,
      images,
      tags,
      bare,
      base,
      dryRun,
      signal,
      emit: notes,
    })
  );
  let total = 0;
  for (const image of pushed) {
    total += image.bytes;
    if (flags.json) printResult(JSON.stringify(image));
    else image.references.forEach(printResult);
    if (dryRun && !flags.json) {
      printNote(`  would send ${image.blobs} blobs, ${formatBytes(image.bytes)}`);
    }
  }
  const verb = dryRun ? "would send" : "sent";
  if (!flags.json) printNote(`${pushed.length} images, ${verb} ${formatBytes(total)}`);
}
