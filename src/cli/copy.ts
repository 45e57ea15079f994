/**
 * `kodeno copy` and `kodeno pull`: one image from place to place.
 * @module
 */
import { Command } from "commander";
import { copyImage } from "../app/copy.ts";
import { formatBytes, formatDuration, printJson, printNote, printResult } from "./output.ts";
import { watched } from "./progress.ts";
import { yieldStdout } from "./stdout_use.ts";
import { addTransferFlags, type TransferFlags, transferOptions } from "./transfer_flags.ts";

interface Flags extends TransferFlags {
  readonly platform?: string;
  readonly referrers?: boolean;
  readonly localDomain?: string;
  readonly json?: boolean;
  readonly ociLayout?: string;
}

const PLACES = `
Places:
  oci:DIR[:NAME]       an OCI layout
  archive:FILE[:NAME]  a tar that "docker load" takes and that is a layout, too; FILE may be a pipe,
                       and - for stdin or stdout
  daemon:NAME          the Docker daemon (DOCKER_HOST, or the context in use); as a target,
                       "daemon:" takes the image's own name
  REFERENCE            an image in a registry

Examples:
  # one image of a layout as a file
  kodeno copy oci:out:app:v1 archive:app.tar

  # into a daemon elsewhere; what was copied is told on stderr
  kodeno copy oci:out:app:v1 archive:- | ssh host docker load

  # from registry to registry, with its signatures and SBOMs
  kodeno copy registry.local/team/app:v1 mirror.local/app:v1 --referrers`;

const PULL_EXAMPLES = `
Examples:
  # a base image for builds without a network
  kodeno pull registry.local/team/base:v1 --oci-layout bases

  # one platform of it
  kodeno pull registry.local/team/base:v1 --oci-layout bases --platform linux/arm64`;

/** `kodeno copy` with its flags. */
export function command(): Command {
  const copy = flagsOf(
    new Command("copy")
      .description("Copies one image from a place to a place; what is there is not moved.")
      .argument("<source>", "place to read; see below")
      .argument("<target>", "place to write; see below"),
  );
  copy.option(
    "--local-domain <domain>",
    "prefix of the name in a daemon; kind's nodes under kind.local (default: none)",
  );
  return addTransferFlags(copy).addHelpText("after", PLACES)
    .action((from: string, to: string, flags: Flags) => run(from, to, flags));
}

/** `kodeno pull` with its flags. */
export function pullCommand(): Command {
  const pull = flagsOf(
    new Command("pull")
      .description("Pulls an image of a registry into a layout.")
      .argument("<reference>", "image in a registry"),
  ).option("--oci-layout <dir>", 'folder of the layout (default: "out")');
  return addTransferFlags(pull)
    .addHelpText("after", PULL_EXAMPLES)
    .action((from: string, flags: Flags) => run(from, `oci:${flags.ociLayout ?? "out"}`, flags));
}

function flagsOf(command: Command): Command {
  return command
    .option("--platform <platform>", "take the image of one platform alone (default: all)")
    .option("--referrers", "take what refers to it (signatures, SBOMs) along")
    .option("--json", "print events and the result as JSON, one a line");
}

async function run(from: string, to: string, flags: Flags): Promise<void> {
  const { platform, referrers, localDomain, json, verbose } = flags;
  await yieldStdout({ [to]: /^archive:([^:@]+)/.exec(to)?.[1] });
  const request = { ...transferOptions(flags), from, to, platform, referrers, localDomain };
  const began = performance.now();
  const copied = await watched({ json, verbose }, (work) => copyImage({ ...request, ...work }));
  if (json) return printJson("image", copied);
  copied.references.forEach(printResult);
  const { blobs, bytes } = copied;
  const took = formatDuration(performance.now() - began);
  printNote(`moved ${blobs} blobs, ${formatBytes(bytes)} in ${took}`);
}
