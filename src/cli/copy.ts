/**
 * `kodeno copy` and `kodeno pull`: one image from place to place.
 * @module
 */
import { Command } from "commander";
import { type CopiedImage, copyImage } from "../app/copy.ts";
import { interruptible } from "./interrupt.ts";
import { formatBytes, printNote, printResult } from "./output.ts";
import { notes } from "./progress.ts";
import { addTransferFlags, type TransferFlags, transferOptions } from "./transfer_flags.ts";

interface Flags extends TransferFlags {
  readonly platform?: string;
  readonly referrers?: boolean;
  readonly json?: boolean;
  readonly ociLayout?: string;
}

const PLACES = `
Places:
  oci:DIR[:NAME]       an OCI layout
  archive:FILE[:NAME]  a tar that "docker load" takes and that is a layout, too
  daemon:NAME          the Docker daemon (DOCKER_HOST, or the context in use)
  REFERENCE            an image in a registry

Example:
  kodeno copy oci:out:app:v1 archive:app.tar`;

/** `kodeno copy` with its flags. */
export function command(): Command {
  const copy = flagsOf(
    new Command("copy")
      .description("Copies one image from a place to a place; what is there is not moved.")
      .argument("<source>").argument("<target>"),
  );
  return addTransferFlags(copy).addHelpText("after", PLACES)
    .action((from: string, to: string, flags: Flags) => run(from, to, flags));
}

/** `kodeno pull` with its flags. */
export function pullCommand(): Command {
  const pull = flagsOf(
    new Command("pull")
      .description("Pulls an image of a registry into a layout.")
      .argument("<reference>"),
  ).option("--oci-layout <dir>", 'folder of the layout (default "out")');
  return addTransferFlags(pull)
    .addHelpText("after", "\nExample:\n  kodeno pull registry.local/team/app:v1 --oci-layout bases")
    .action((from: string, flags: Flags) => run(from, `oci:${flags.ociLayout ?? "out"}`, flags));
}

function flagsOf(command: Command): Command {
  return command
    .option("--platform <platform>", "take the image of one platform alone")
    .option("--referrers", "take what refers to it (signatures, SBOMs) along")
    .option("--json", "print the result as JSON");
}

async function run(from: string, to: string, flags: Flags): Promise<void> {
  const { platform, referrers } = flags;
  const options = { ...transferOptions(flags), from, to, platform, referrers, emit: notes };
  const copied: CopiedImage = await interruptible((signal) => copyImage({ ...options, signal }));
  if (flags.json) return printResult(JSON.stringify(copied));
  printResult(copied.reference);
  printNote(`moved ${copied.blobs} blobs, ${formatBytes(copied.bytes)}`);
}
