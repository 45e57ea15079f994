/**
 * `kodeno copy` and `kodeno pull`: one image from place to place.
 * @module
 */
import { Command } from "commander";
import { copyImage } from "../app/copy.ts";
import { flags, type Given, JSON_EVENTS, text, toggle, withFlags } from "./flag.ts";
import { TRANSFER_FLAGS } from "./flags.ts";
import {
  formatBytes,
  formatDuration,
  printJson,
  printNote,
  printResult,
  yieldStdout,
} from "./output.ts";
import { watched } from "./progress.ts";

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

const IMAGE_FLAGS = flags({
  platform: text("--platform <platform>", "take the image of one platform alone (default: all)"),
  referrers: toggle("--referrers", "take what refers to it (signatures, SBOMs) along"),
  json: JSON_EVENTS,
});
const COPY_FLAGS = flags({
  ...IMAGE_FLAGS,
  localDomain: text(
    "--local-domain <domain>",
    "prefix of the name in a daemon; kind's nodes under kind.local (default: none)",
  ),
  ...TRANSFER_FLAGS,
});
const PULL_FLAGS = flags({
  ...IMAGE_FLAGS,
  ociLayout: text("--oci-layout <dir>", 'folder of the layout (default: "out")'),
  ...TRANSFER_FLAGS,
});

/** `kodeno copy` with its flags. */
export function copyCommand(): Command {
  return withFlags(new Command("copy"), COPY_FLAGS)
    .description("Copies one image from a place to a place; what is there is not moved.")
    .argument("<source>", "place to read; see below")
    .argument("<target>", "place to write; see below")
    .addHelpText("after", PLACES).action(run);
}

/** `kodeno pull` with its flags. */
export function pullCommand(): Command {
  return withFlags(new Command("pull"), PULL_FLAGS)
    .description("Pulls an image of a registry into a layout.")
    .argument("<reference>", "image in a registry")
    .addHelpText("after", PULL_EXAMPLES)
    .action((from: string, { ociLayout = "out", ...given }: Given<typeof PULL_FLAGS>) =>
      run(from, `oci:${ociLayout}`, given)
    );
}

async function run(from: string, to: string, given: Given<typeof COPY_FLAGS>): Promise<void> {
  await yieldStdout({ [to]: /^archive:([^:@]+)/.exec(to)?.[1] });
  const began = performance.now();
  const copied = await watched(given, (work) => copyImage({ ...given, from, to, ...work }));
  if (given.json) return printJson("image", copied);
  copied.references.forEach(printResult);
  const { blobs, bytes } = copied;
  const took = formatDuration(performance.now() - began);
  printNote(`moved ${blobs} blobs, ${formatBytes(bytes)} in ${took}`);
}
