/**
 * The commands that carry images across a gap: `kodeno bundle`.
 * @module
 */
import type { BundleSummary } from "../app/bundle_verify.ts";
import { KodenoError, printable } from "../errors.ts";
import { command, commandGroup, type Commands } from "./command.ts";
import { each } from "./flag.ts";
import { JSON_EVENTS, JSON_WHOLE, NO_REFERRERS } from "./flags.ts";
import {
  counted,
  formatBytes,
  formatDuration,
  printJson,
  printNote,
  printResult,
  yieldStdout,
} from "./output.ts";

const BUNDLE = '<bundle>  file of "kodeno bundle create"; - is stdin' as const;

const create = command({
  about: `Writes a bundle: one file that carries images across a gap, with all that refers to them
    (signatures, SBOMs). It is an OCI layout in a tar, which other tools read, too, and lists each of
    its members with a digest, so that nothing of it is lost or changed on the way unseen. The same
    images give the same bytes.`,
  words: ["<from...>  layouts and archives; oci:DIR:NAME is one image"],
  flags: {
    output: "-o, --output <file>  the file to write; - is stdout",
    sign: "--sign <key>  private key of kodeno or cosign that signs the bundle (default: none)",
    referrers: NO_REFERRERS,
    json: JSON_EVENTS,
  },
  examples: {
    "all images of a layout": "kodeno bundle create -o app.bundle.tar out",
    "signed, so that it can be told from any other":
      "kodeno bundle create -o app.bundle.tar --sign kodeno.key out",
  },
  isLocal: true,
  view: true,
  run: async ({ output, sign: key, referrers }, work, from) => {
    if (output === undefined) {
      const why = "say the file with -o FILE";
      throw new KodenoError("BAD_OPTION", `Cannot create a bundle: ${why}`);
    }
    await yieldStdout({ "--output": output });
    const askPassword = async () =>
      await (await import("./ask.ts")).askPassword(`of ${key}`, work.signal);
    const { createBundle } = await import("../app/bundle_create.ts");
    const made = await createBundle({ from, output, key, referrers, askPassword, ...work });
    return { ...made, output };
  },
  print: ({ summary, bytes, output }, { json }, elapsedMs) => {
    if (json) return printJson("bundle", { ...summary, path: output, bytes });
    printResult(output === "-" ? summary.id : printable(output));
    printNote(`${contents(summary)}, ${formatBytes(bytes)} in ${formatDuration(elapsedMs)}`);
  },
});

const inspect = command({
  about: `Prints what a bundle says that it holds: images and their digests, and what they are built
    on. Only its beginning is read, and nothing is checked.`,
  words: [BUNDLE],
  flags: { json: JSON_WHOLE },
  examples: "kodeno bundle inspect app.bundle.tar",
  isLocal: true,
  run: async (_, { signal }, bundle) =>
    (await import("../app/bundle_verify.ts")).inspectBundle({ bundle, signal }),
  jsonType: "bundle",
  print: (summary) => printSummary(summary),
});

const verify = command({
  about: `Reads a bundle once, from its beginning to its end, and checks it: each member is there,
    and is what the bundle says, nothing else is in it, and the images are whole. With --verify-key one
    of the keys has to have signed it.`,
  words: [BUNDLE],
  flags: {
    keys: each(
      "--verify-key <file>  public key that must have signed it; may be repeated, and one is enough",
    ),
    json: JSON_WHOLE,
  },
  examples: {
    "whether nothing was lost on the way": "kodeno bundle verify app.bundle.tar",
    "from a pipe, with a key":
      "ssh outside cat app.bundle.tar | kodeno bundle verify - --verify-key kodeno.pub",
  },
  isLocal: true,
  run: async ({ keys }, { signal }, bundle) =>
    (await import("../app/bundle_verify.ts")).verifyBundleFile({ bundle, keys, signal }),
  jsonType: "bundle",
  print: (summary, { keys }) => {
    printSummary(summary);
    const isTrusted = (keys ?? []).length > 0;
    if (summary.signed && !isTrusted) {
      printNote("It is signed; say with --verify-key FILE who has to have signed it");
    }
  },
});

function printSummary(summary: BundleSummary): void {
  printResult(summary.id);
  for (const { name, digest } of summary.images) {
    printResult(printable(name === undefined ? digest : `${name}@${digest}`));
  }
  for (const { name, digest } of summary.bases) {
    printResult(printable(`base ${name === undefined ? digest : `${name}@${digest}`}`));
  }
  printNote(`${contents(summary)}, ${formatBytes(summary.blobBytes)}`);
}

function contents({ images, bases, blobs }: BundleSummary): string {
  const parts = [counted(images.length, "image"), counted(blobs, "blob")];
  if (bases.length > 0) parts.splice(1, 0, counted(bases.length, "base"));
  return parts.join(", ");
}

const bundle = commandGroup(
  "Carries images across a gap in one file.",
  "kodeno bundle create -o app.bundle.tar out\nkodeno bundle verify app.bundle.tar",
  { create, inspect, verify },
);

export default { bundle } satisfies Commands;
