/**
 * The commands that look after a layout: `kodeno ls`, `tag`, `rm`, `gc` and `merge`.
 * @module
 */
import { printable } from "../errors.ts";
import { counted, formatBytes } from "../io/sizes.ts";
import { command, type Commands } from "./command.ts";
import {
  JSON_EVENTS,
  JSON_IMAGES,
  JSON_WHOLE,
  LAYOUT,
  LAYOUT_OR_ARCHIVE,
  NO_REFERRERS,
  RESULT_FLAGS,
  TRANSFER_FLAGS,
  TRUST_FLAGS,
} from "./flags.ts";
import { alignedRows, fitting, printJson, printNote, printResult } from "./output.ts";

const ls = command({
  about:
    `Lists the images of an OCI layout or archive: name, digest, size and platforms, and what is
    wrong with an image that is incomplete or cannot be used. What refers to an image (signatures,
    SBOMs) stands below it.`,
  words: [LAYOUT_OR_ARCHIVE],
  flags: { json: JSON_IMAGES },
  examples: "kodeno ls out\nkodeno ls images.tar --json",
  isLocal: true,
  run: async (_, work, layout) => (await import("../app/ls.ts")).ls(layout, work),
  jsonType: "image",
  print: (images) => {
    const rows = images.map((image) => {
      const { name, digest, size, platforms, complete, problem, attested, missingSubject } = image;
      const { artifact, about } = image;
      const last = [
        printable(platforms.join(",")),
        attested !== undefined && printable(`(attestation of ${attested || "an image"})`),
        !complete && `(${printable(["incomplete", problem].filter(Boolean).join(": "))})`,
        missingSubject && `(refers to ${missingSubject}, which is not there)`,
      ];
      return [
        printable(name ?? (artifact ? `- ${artifact} of ${about}` : "-")),
        printable(digest),
        formatBytes(size),
        last.filter(Boolean).join(" "),
      ];
    });
    const lines = (short: (text: string) => string) =>
      alignedRows(rows.map((cells) => cells.map(short)), "  ", [2]);
    fitting(lines).forEach(printResult);
  },
});

const tag = command({
  about:
    "Adds names to an image of an OCI layout, and prints them. A name that another image has moves.",
  words: [
    LAYOUT,
    "<source>  NAME[:TAG], tag or digest of the image",
    "<names...>  NAME:TAG, or a tag without a name",
  ],
  flags: { json: "--json  print JSON, one name per line" },
  examples: "kodeno tag out app:latest app:v1.2.0 registry.local/app:v1",
  isLocal: true,
  endsAtOnce: true,
  run: async (_, { emit }, layout, source, names) =>
    (await import("../app/tag.ts")).tag(layout, source, names, emit),
  jsonType: "image",
  print: printNamed,
});

const rm = command({
  about: `Removes images from an OCI layout by NAME:TAG, NAME with all its tags, the last part of
    either, a tag without a name, or a digest, and prints them. If one of them is not there, or may be
    several, none is removed. What refers to them alone (signatures, SBOMs) is removed, too. Their
    blobs stay until "kodeno gc".`,
  words: [LAYOUT, "<names...>  images to remove"],
  flags: { json: JSON_IMAGES },
  examples: "kodeno rm out worker app:v1.0.0",
  isLocal: true,
  endsAtOnce: true,
  run: async (_, { emit }, layout, names) => (await import("../app/rm.ts")).rm(layout, names, emit),
  jsonType: "image",
  print: printNamed,
});

const merge = command({
  about:
    `Copies all images of layouts and archives, and images of registries, into a layout, which is
    created if it does not exist, and prints them. They appear all at once, when all of them are copied;
    one that is damaged is left out, unless they have to be complete.`,
  words: [
    "<out>  folder of the layout to write",
    "<in...>  layouts, archives and images of registries to read; - is an archive on stdin",
  ],
  flags: {
    complete:
      `--complete <plan>  refuse to write anything but all of what "kodeno plan --json" has planned:
      names the images that lack, are too much, or differ from part to part (default: none)`,
    force: "--force  if two images have the same name, take the later one",
    referrers: NO_REFERRERS,
    ...RESULT_FLAGS,
    ...TRANSFER_FLAGS,
    ...TRUST_FLAGS,
    json: JSON_EVENTS,
  },
  examples: {
    "several layouts and archives": "kodeno merge all out ../other/out images.tar",
    "the parts of a build, which have to be all of it":
      "kodeno merge whole --complete plan.json part-1 part-2",
  },
  view: true,
  run: async ({ json: _, ...given }, work, out, ins) => {
    const { merge } = await import("../app/merge.ts");
    return await merge(out, ins, { ...given, ...work });
  },
  jsonType: "image",
  print: printNamed,
});

function printNamed(images: readonly { readonly references: readonly string[] }[]): void {
  for (const { references } of images) references.map(printable).forEach(printResult);
}

const gc = command({
  about:
    `Deletes the blobs of an OCI layout that no image in it uses, and prints their digests. Blobs
    of the last hour stay, since another tool may be about to name them. So does what a running
    kodeno needs: gc waits up to 5 seconds for those that work in the layout, and then says what it
    has left. What refers to an image (signatures, SBOMs) stays as long as the image does; what
    refers to something that is not in the layout stays.`,
  words: [LAYOUT],
  flags: {
    dryRun: "--dry-run  print what would be deleted, and delete nothing",
    pruneNow: "--prune-now  delete blobs of the last hour, too",
    json: JSON_WHOLE,
  },
  examples: "kodeno gc out --dry-run",
  isLocal: true,
  run: async ({ dryRun, pruneNow }, { signal, emit }, layout) =>
    (await import("../app/gc.ts")).gc(layout, { dryRun, pruneNow, signal, emit }),
  print: ({ removed, young, future, busy, dropped, used }, { json, dryRun = false }) => {
    if (json) {
      const rest = { dropped, young, future, busy, used: used.length };
      return printJson("gc", { dryRun, removed, removedBytes: sum(removed), ...rest });
    }
    const verb = dryRun ? "Would remove" : "Removed";
    for (const { digest } of removed) printResult(digest);
    printNote(`${verb} ${counted(removed.length, "blob")}, ${formatBytes(sum(removed))}`);
    if (dropped.length > 0) {
      printNote(
        `${verb} ${counted(dropped.length, "entry")} that referred to images that are gone`,
      );
    }
    if (busy.length > 0) {
      const why = "others are at work in the layout; run it again when they are done";
      const kept = `Kept ${counted(busy.length, "blob")} that no image needs, ${
        formatBytes(sum(busy))
      }`;
      printNote(`${kept}: ${why}`);
    }
    if (young.length === 0) return;
    const clock = ` (${future} of them with a time in the future: a clock was wrong)`;
    const kept = `Kept ${counted(young.length, "blob")} of the last hour, ${
      formatBytes(sum(young))
    }`;
    printNote(`${kept}${future > 0 ? clock : ""}; --prune-now removes them`);
  },
});

type Sized = readonly { readonly size: number }[];

function sum(blobs: Sized): number {
  return blobs.reduce((total, { size }) => total + size, 0);
}

export default { ls, tag, rm, gc, merge } satisfies Commands;
