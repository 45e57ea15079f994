/**
 * The commands that carry images across a gap: `kodeno bundle`.
 * @module
 */
import type { ApplyChanges } from "../app/bundle_apply.ts";
import type { BundleSummary } from "../app/bundle_verify.ts";
import { parseSize } from "../config/checks.ts";
import { KodenoError, printable } from "../errors.ts";
import { counted, formatBytes } from "../io/sizes.ts";
import { command, commandGroup, type Commands } from "./command.ts";
import { each, type Given, optionOf, texts } from "./flag.ts";
import {
  askedFile,
  JSON_EVENTS,
  JSON_WHOLE,
  LOCKED,
  NAMING_FLAGS,
  NO_REFERRERS,
  REGISTRY_FLAGS,
  SKAFFOLD_FLAGS,
  UNNAMED_FLAGS,
} from "./flags.ts";
import { formatDuration, printJson, printNote, printResult, yieldStdout } from "./output.ts";
import type { Work } from "./progress.ts";
import { SIGNER_FLAGS, signerOf } from "./signer.ts";

const BUNDLE =
  `<bundle...>  file of "kodeno bundle create", or the parts of one: of these FILE.000 is enough where the
    others are beside it; - is stdin` as const;

// Where images go is said by --output alone.
const { push: _, noPush: __, local: ___, localDomain: ____, ...NAMING } = NAMING_FLAGS;
const {
  ociLayout: _layout,
  ociLayoutPath: _path,
  tarball: _tarball,
  imageRefs: _refs,
  metadataFile: _metadata,
  iidFile: _iid,
  github: _github,
  // The bundle is signed, and what is in it comes with its own signatures.
  sign: _sign,
  signer: _signer,
  ...BUILDING
} = UNNAMED_FLAGS;

const create = command({
  about: `Writes a bundle: one file that carries images across a gap, with all that refers to them
    (signatures, SBOMs), and what they are built from: base images and Go modules, on demand the
    toolchain and the source. It is an OCI layout in a tar, which other tools read, too, and lists each
    of its members with a digest, so that nothing of it is lost or changed on the way unseen. The same
    content gives the same bytes.`,
  words: [
    `[from...]  packages to build, as of "kodeno build", and layouts and archives whose images are
    taken; oci:DIR:NAME is one of them (default: ".")`,
  ],
  flags: {
    output: "-o, --output <file>  the file to write; - is stdout (default: none)",
    imagesOnly: "--images-only  leave out what the images are built from",
    sourcesOnly: "--sources-only  leave out the images of packages, which are not built",
    toolchains: texts(
      "--toolchain <list>  take Go along for these platforms to build on, with commas (default: none)",
    ),
    source:
      `--source  take the source of the commit that is checked out along; where "kodeno bundle apply"
      has brought it, take it as it is now`,
    allowDirty: "--allow-dirty  with --source: leave out what is not committed",
    sign:
      `--sign <key>  private key of kodeno or cosign that signs the bundle; with --signer the public
      one (default: none)`,
    signer: SIGNER_FLAGS.signer,
    since:
      `--since <file>  leave out what is there, as a receipt says ("kodeno bundle receipt"), or a
      bundle that was sent before, which says nothing of whether it has arrived (default: none)`,
    sinceKeys: each(
      `--since-key <file>  public key that must have signed the receipt; may be repeated, and one is
      enough`,
    ),
    site: "--site <name>  what the place is called that the receipt has to be of (default: any)",
    split: {
      text:
        `--split <size>  write parts of this size, as 4GiB or 700MB: FILE.001 and on, and FILE.000,
        which says what they are (default: one file)`,
      read: (value: string) => parseSize("--split", value),
    },
    referrers: NO_REFERRERS,
    ...NAMING,
    ...BUILDING,
    locked: LOCKED,
    ...SKAFFOLD_FLAGS,
    json: JSON_EVENTS,
  },
  examples: {
    "all that is needed to build the images again": "kodeno bundle create -o app.bundle.tar ./...",
    "all images of a layout": "kodeno bundle create -o app.bundle.tar out",
    "signed, so that it can be told from any other":
      "kodeno bundle create -o app.bundle.tar --sign kodeno.key out",
    "what they are built from alone": "kodeno bundle create -o app.bundle.tar --sources-only ./...",
    "what the other side lacks, as it has said":
      "kodeno bundle create -o next.bundle.tar --since receipt.json out",
    "in parts that fit on discs": "kodeno bundle create -o app.bundle.tar --split 4.7GB out",
  },
  view: true,
  run: async (given, work, from) => {
    const { output, sign: key, signer, imagesOnly, sourcesOnly, ...rest } = given;
    const { toolchains, source, allowDirty, referrers, since, sinceKeys, site, ...more } = rest;
    const { split, ...options } = more;
    if (output === undefined) throw bad("say the file with -o FILE");
    if (imagesOnly && sourcesOnly) throw bad("--images-only and --sources-only leave nothing");
    const part: Part | undefined = imagesOnly ? "images" : sourcesOnly ? "sources" : undefined;
    await yieldStdout({ "--output": output });
    const { createBundle } = await import("../app/bundle_create.ts");
    const skaffold = await skaffoldOf(given, work.emit);
    const sent = { since, sinceKeys, site, split, referrers };
    const asked = { from, output, skaffold, toolchains, source, allowDirty, part, ...sent };
    const sign = { key, signer, ...signerOf(key, work.signal) };
    const made = await createBundle({ ...asked, options, sign, ...work });
    return { ...made, path: split === undefined ? output : `${output}.000` };
  },
  print: ({ summary, bytes, parts, path }, { json }, elapsedMs) => {
    if (json) return printJson("bundle", { ...summary, path, bytes, parts });
    printResult(path === "-" ? summary.id : printable(path));
    const size = `${formatBytes(bytes)}${
      parts === undefined ? "" : ` in ${counted(parts, "part")}`
    }`;
    printNote(`${contents(summary)}, ${size} in ${formatDuration(elapsedMs)}`);
    tellOmitted(summary);
  },
});

type Part = "images" | "sources";

/** What is asked of a skaffold.yaml, if one is said. */
async function skaffoldOf(given: Given<typeof SKAFFOLD_FLAGS>, emit: Work["emit"]) {
  const said = Object.entries(SKAFFOLD_FLAGS)
    .find(([name]) => given[name as keyof typeof SKAFFOLD_FLAGS] !== undefined);
  if (said === undefined) return undefined;
  if (given.file === undefined) {
    throw bad(`${optionOf(...said).long} is said without -f: say -f skaffold.yaml`);
  }
  return await askedFile(given, emit);
}

function bad(why: string): KodenoError {
  return new KodenoError("BAD_OPTION", `Cannot create a bundle: ${why}`);
}

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
  print: (summary) => {
    printSummary(summary);
    tellOmitted(summary);
  },
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
    base:
      `--base <place>  layout or archive that has to have what the bundle leaves out and the caches
      of bases and Go modules here have not (default: none)`,
    json: JSON_WHOLE,
  },
  examples: {
    "whether nothing was lost on the way": "kodeno bundle verify app.bundle.tar",
    "whether what it leaves out is there": "kodeno bundle verify app.bundle.tar --base out",
    "from a pipe, with a key":
      "ssh outside cat app.bundle.tar | kodeno bundle verify - --verify-key kodeno.pub",
  },
  isLocal: true,
  run: async ({ keys, base }, { signal, emit }, bundle) =>
    (await import("../app/bundle_verify.ts"))
      .verifyBundleFile({ bundle, keys, base, signal, emit }),
  jsonType: "bundle",
  print: (summary, { keys, base }) => {
    printSummary(summary);
    tellOmitted(summary);
    if (summary.omitted > 0 && base === undefined) {
      printNote("Whether that is there is not checked; say where with --base PLACE");
    }
    tellUnchecked(summary, keys);
  },
});

const apply = command({
  about:
    `Brings in what a bundle has. All of it is checked first, as "kodeno bundle verify" does, and
    the sums of its modules: nothing is changed unless all of it holds. Then its images are in the layout
    DIR/out, its source is in DIR/source and its kodeno.lock in DIR; base images go into the cache of
    kodeno, where "kodeno build --offline" finds them by their names and digests, and Go modules into that
    of go, which needs no proxy for them; a toolchain that runs here is unpacked there. What is there
    already is left, so that work that was interrupted goes on.`,
  words: [BUNDLE],
  flags: {
    to: "--to <dir>  folder for images, source and lock; it is made (default: .)",
    verifyKeys: each(
      "--verify-key <file>  public key that must have signed it; may be repeated, and one is enough",
    ),
    policy:
      `--policy <file>  rules that say by names who must have signed which of its images, as of
      "kodeno verify" (default: none)`,
    force:
      `--force  go back to an older bundle, and replace files of source and lock that somebody has
      changed; these are kept in DIR/kept-1 and on`,
    dryRun: "--dry-run  check all and tell what would change; change nothing",
    json: JSON_WHOLE,
  },
  examples: {
    "behind the gap": "kodeno bundle apply app.bundle.tar --to app --verify-key kodeno.pub",
    "what it would change": "kodeno bundle apply app.bundle.tar --to app --dry-run",
    "from a pipe": "kodeno bundle apply - --to app < app.bundle.tar",
  },
  isLocal: true,
  run: async ({ to = ".", verifyKeys, policy, force, dryRun }, { signal }, bundle) =>
    (await import("../app/bundle_apply.ts"))
      .applyBundleFile({ bundle, to, verifyKeys, policy, force, dryRun, signal }),
  jsonType: "bundle",
  print: (summary, { verifyKeys, dryRun }) => {
    printSummary(summary);
    tellUnchecked(summary, verifyKeys);
    if (dryRun) tellChanges(summary.changes);
    if (summary.kept !== undefined) {
      const count = counted(summary.changes.files.own.length, "changed file");
      printNote(`Moved ${count} to ${printable(summary.kept)}`);
    }
    for (const line of summary.next) printNote(`Next step: ${printable(line)}`);
  },
});

/** Tells what a bundle would change. */
function tellChanges({ images, bases, modules, files }: ApplyChanges): void {
  const lines = [
    ...images.map(({ name, digest, before }) =>
      `image ${name ?? ""}@${digest}${before === undefined ? "" : `, which was ${before}`}`
    ),
    ...bases.map(({ name, digest }) => `base ${name ?? ""}@${digest}`),
    ...modules.map(({ path, version }) => `Go module ${path}@${version}`),
    ...files.own.map((path) => `move aside ${path}`),
    ...files.written.map((path) => `write ${path}`),
    ...files.removed.map((path) => `remove ${path}`),
  ];
  for (const line of lines) printNote(`Would change: ${printable(line)}`);
  if (lines.length === 0) printNote("Nothing would change");
}

/** That somebody has signed it says nothing yet. */
function tellUnchecked(
  { signed }: { readonly signed: boolean },
  keys: readonly string[] = [],
): void {
  if (signed && keys.length === 0) {
    printNote("It is signed; say with --verify-key FILE who has to have signed it");
  }
}

function printSummary(summary: BundleSummary): void {
  printResult(summary.id);
  for (const { name, digest } of summary.images) {
    printResult(printable(name === undefined ? digest : `${name}@${digest}`));
  }
  for (const { name, digest } of summary.bases) {
    printResult(printable(`base ${name === undefined ? digest : `${name}@${digest}`}`));
  }
  for (const path of summary.source?.changed ?? []) printResult(printable(`changed ${path}`));
  printNote(`${contents(summary)}, ${formatBytes(summary.blobBytes)}`);
}

/** Tells of what has to be there already. */
function tellOmitted({ omitted, omittedBytes, omittedModules = [], base }: BundleSummary): void {
  if (omitted === 0 && omittedModules.length === 0) return;
  const parts = [
    omitted > 0 && `${counted(omitted, "blob")} of ${formatBytes(omittedBytes)}`,
    omittedModules.length > 0 && counted(omittedModules.length, "Go module"),
  ].filter(Boolean).join(" and ");
  const before = base?.sequence === undefined ? "" : ` since bundle ${base.sequence}`;
  const at = base?.site === undefined ? "" : ` at ${base.site}`;
  printNote(`Left out ${parts}, which have to be there${before}${at}`);
}

function contents(summary: BundleSummary): string {
  const { images, bases, blobs, modules = [], toolchains = [], source } = summary;
  return [
    counted(images.length, "image"),
    bases.length > 0 && counted(bases.length, "base"),
    counted(blobs, "blob"),
    modules.length > 0 && counted(modules.length, "Go module"),
    toolchains.length > 0 && toolchains.join(" and "),
    source && `source of ${source.commit.slice(0, 12)}`,
    source?.changed && `${counted(source.changed.length, "file")} of it changed`,
  ].filter(Boolean).join(", ");
}

const join = command({
  about: `Joins the parts of a bundle (kodeno bundle create --split) into one file. Each of them is
    checked; those that are missing or damaged are named, and have to be brought again, and no others.`,
  words: ["<parts...>  FILE.000, and those of the parts that are not beside it"],
  flags: {
    output: "-o, --output <file>  the file to write; - is stdout (default: none)",
    json: JSON_WHOLE,
  },
  examples: "kodeno bundle join parts.bundle.tar.000 -o app.bundle.tar",
  isLocal: true,
  run: async ({ output }, { signal }, parts) => {
    if (output === undefined) {
      throw new KodenoError("BAD_OPTION", "Cannot join a bundle: say the file with -o FILE");
    }
    await yieldStdout({ "--output": output });
    return await (await import("../app/bundle_join.ts")).joinBundle({ parts, output, signal });
  },
  jsonType: "joined",
  print: ({ path, id, bytes, parts }) => {
    printResult(path === "-" ? id : printable(path));
    printNote(`${counted(parts, "part")}, ${formatBytes(bytes)}`);
  },
});

const receipt = command({
  about:
    `Makes a receipt of what is at a place, which whoever makes the next bundle for it leaves out
    ("kodeno bundle create --since"): the digests of blobs that are there, the Go modules of bundles, and
    which of these came last. With --text it is short lines that can be printed, read and typed.`,
  words: [
    "<from...>  layouts, archives, bundles, and images in registries, all of which are there",
  ],
  flags: {
    output: "-o, --output <file>  the file to write; - is stdout (default: -)",
    site: "--site <name>  what the place is called (default: none)",
    text: "--text  write lines to print and type, each with a check",
    sign:
      `--sign <key>  private key of kodeno or cosign that signs the receipt; with --signer the public
      one (default: none)`,
    signer: SIGNER_FLAGS.signer,
    json: JSON_WHOLE,
    ...REGISTRY_FLAGS,
  },
  examples: {
    "of what came so far": "kodeno bundle receipt out -o receipt.json --site plant",
    "on paper": "kodeno bundle receipt out --text",
  },
  onStdout: "ignore",
  run: async (given, work, from) => {
    const { output = "-", sign: key, signer, json, ...rest } = given;
    if (json && output === "-") {
      const why = "the receipt itself goes to stdout; say a file with -o FILE";
      throw new KodenoError("BAD_OPTION", `Cannot use --json: ${why}`);
    }
    await yieldStdout({ "--output": output });
    const { makeReceipt } = await import("../app/bundle_receipt.ts");
    const sign = { key, signer, ...signerOf(key, work.signal) };
    return await makeReceipt({ ...rest, from, output, sign, ...work });
  },
  jsonType: "receipt",
  print: ({ path, blobs, modules, sequence }) => {
    if (path !== "-") printResult(printable(path));
    const last = sequence === undefined ? "" : `, bundle ${sequence} was the last`;
    const more = modules > 0 ? `, ${counted(modules, "Go module")}` : "";
    printNote(`${counted(blobs, "blob")}${more}${last}`);
  },
});

const bundle = commandGroup(
  "Carries images across a gap in one file.",
  "kodeno bundle create -o app.bundle.tar out\nkodeno bundle apply app.bundle.tar --to app",
  { create, inspect, verify, join, apply, receipt },
);

export default { bundle } satisfies Commands;
