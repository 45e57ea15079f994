/**
 * The commands that look after a layout: `kodeno ls`, `tag`, `rm`, `gc` and `merge`.
 * @module
 */
import { Command } from "commander";
import type { ListedImage } from "../app/ls.ts";
import { printable } from "../errors.ts";
import { flags, type Given, JSON_EVENTS, toggle, withFlags } from "./flag.ts";
import { LAYOUT, LAYOUT_OR_ARCHIVE } from "./flags.ts";
import { formatBytes, printJson, printNote, printNotes, printResult } from "./output.ts";
import { interruptible, watched } from "./progress.ts";

const IMAGE_JSON = flags({ json: toggle("--json", "print as JSON, an image a line") });
const NAME_JSON = flags({ json: toggle("--json", "print as JSON, a name a line") });
const GC_FLAGS = flags({
  dryRun: toggle("--dry-run", "remove nothing, tell what would be removed"),
  pruneNow: toggle("--prune-now", "remove blobs of the last hour, too"),
  json: toggle("--json", "print as JSON"),
});
const MERGE_FLAGS = flags({
  force: toggle("--force", "let the later one of two images with the same name win"),
  json: JSON_EVENTS,
});

/** `kodeno ls`: the images of a layout or archive, one a line. */
export function lsCommand(): Command {
  return withFlags(new Command("ls"), IMAGE_JSON)
    .description("Lists the images of an OCI layout or archive: name, digest, size and platforms.")
    .argument(...LAYOUT_OR_ARCHIVE)
    .addHelpText("after", "\nExamples:\n  kodeno ls out\n  kodeno ls images.tar --json")
    .action(async (layout: string, { json }: Given<typeof IMAGE_JSON>) => {
      const { ls } = await import("../app/ls.ts");
      const images = await interruptible((signal) => ls(layout, { signal, emit: printNotes }));
      if (json) return images.forEach((image) => printJson("image", image));
      const rows = images.map(row);
      const widths = [0, 1, 2].map((i) =>
        Math.max(0, ...rows.map((cells) => cells[i]?.length ?? 0))
      );
      for (const [name = "", digest = "", size = "", platforms = ""] of rows) {
        const columns = [name.padEnd(widths[0] ?? 0), digest, size.padStart(widths[2] ?? 0)];
        printResult(`${columns.join("  ")}  ${platforms}`.trimEnd());
      }
    });
}

function row(image: ListedImage): readonly string[] {
  const { name, digest, size, platforms, complete, missingSubject } = image;
  const state = [
    ...(complete ? [] : ["(incomplete)"]),
    ...(missingSubject === undefined ? [] : [`(refers to ${missingSubject}, which is not there)`]),
  ];
  return [
    printable(name ?? "-"),
    digest,
    formatBytes(size),
    [printable(platforms.join(",")), ...state].join(" ").trim(),
  ];
}

/** `kodeno tag`: more names for an image. */
export function tagCommand(): Command {
  const command = new Command("tag")
    .description(
      "Gives an image of an OCI layout more names; one that is taken moves to it. Prints them.",
    )
    .argument(...LAYOUT)
    .argument("<source>", "NAME[:TAG], tag or digest of the image")
    .argument("<names...>", "NAME:TAG, or a tag that stands alone");
  type Flags = Given<typeof NAME_JSON>;
  return withFlags(command, NAME_JSON)
    .addHelpText(
      "after",
      "\nExample:\n  kodeno tag out app:latest app:v1.2.0 registry.local/app:v1",
    )
    .action(async (layout: string, source: string, names: readonly string[], flags: Flags) => {
      const { tag } = await import("../app/tag.ts");
      for (const { name, digest } of await tag(layout, source, names, printNotes)) {
        if (flags.json) printJson("image", { name, digest });
        else printResult(`${name}@${digest}`);
      }
    });
}

/** `kodeno rm`: removing images. */
export function rmCommand(): Command {
  return withFlags(new Command("rm"), IMAGE_JSON)
    .description(
      "Removes images from an OCI layout: NAME:TAG, a NAME with all its tags, a tag that stands\n" +
        "alone, or a digest. Prints what was removed; when one name is not there, nothing is.\n" +
        "What refers to them alone (signatures, SBOMs) goes with them. Their blobs stay until\n" +
        '"kodeno gc".',
    )
    .argument(...LAYOUT)
    .argument("<names...>", "images to remove")
    .addHelpText("after", "\nExample:\n  kodeno rm out worker app:v1.0.0")
    .action(async (layout: string, names: readonly string[], flags: Given<typeof IMAGE_JSON>) => {
      const { rm } = await import("../app/rm.ts");
      printNamed(await rm(layout, names, printNotes), flags);
    });
}

/** `kodeno merge`: the images of several layouts and archives in one layout. */
export function mergeCommand(): Command {
  return withFlags(new Command("merge"), MERGE_FLAGS)
    .description(
      "Copies all images of layouts and archives into a layout, which is made when it is not\n" +
        "there, and prints them. They appear all at once, when all of them are there.",
    )
    .argument("<out>", "folder of the layout that gets them")
    .argument("<in...>", "layout folders and archive files that have them; - is one from stdin")
    .addHelpText("after", "\nExample:\n  kodeno merge all out ../other/out images.tar")
    .action(async (out: string, ins: readonly string[], flags: Given<typeof MERGE_FLAGS>) => {
      const { merge } = await import("../app/merge.ts");
      const { force } = flags;
      printNamed(await watched(flags, (work) => merge(out, ins, { force, ...work })), flags);
    });
}

/** Prints images by name and digest, or by digest alone. */
function printNamed(
  images: readonly { readonly name?: string | undefined; readonly digest: string }[],
  { json }: Given<typeof IMAGE_JSON>,
): void {
  for (const image of images) {
    const { name, digest } = image;
    if (json) printJson("image", image);
    else printResult(printable(name ? `${name}@${digest}` : digest));
  }
}

/** `kodeno gc`: removing what no image needs. */
export function gcCommand(): Command {
  return withFlags(new Command("gc"), GC_FLAGS)
    .description(
      "Removes the blobs of an OCI layout that no image in it needs, and prints their digests.\n" +
        "Blobs of the last hour stay, since another tool may be about to name them. What a running\n" +
        "kodeno counts on stays, too: gc waits up to 5 seconds for those at work in the layout, and\n" +
        "then tells what it has left. What refers to an image (signatures, SBOMs) lives as long as\n" +
        "that; what refers to something that is not in the layout at all stays.",
    )
    .argument(...LAYOUT)
    .addHelpText("after", "\nExample:\n  kodeno gc out --dry-run")
    .action(async (layout: string, { json, ...options }: Given<typeof GC_FLAGS>) => {
      const { gc } = await import("../app/gc.ts");
      const found = await interruptible((signal) =>
        gc(layout, { ...options, signal, emit: printNotes })
      );
      const { dryRun = false } = options;
      const { removed, young, future, busy, dropped, used } = found;
      const removedBytes = sum(removed);
      if (json) {
        const rest = { dropped, young, future, busy, used: used.length };
        return printJson("gc", { dryRun, removed, removedBytes, ...rest });
      }
      for (const { digest } of removed) printResult(digest);
      const verb = dryRun ? "Would remove" : "Removed";
      printNote(`${verb} ${removed.length} blobs, ${formatBytes(removedBytes)}`);
      if (dropped.length > 0) {
        printNote(`${verb} ${dropped.length} entries that referred to images that are gone`);
      }
      if (busy.length > 0) {
        const size = formatBytes(sum(busy));
        printNote(
          `Kept ${busy.length} blobs that no image needs, ${size}: others are at work in the ` +
            "layout; run it again when they are done",
        );
      }
      if (young.length === 0) return;
      printNote(
        `Kept ${young.length} blobs of the last hour, ${formatBytes(sum(young))}` +
          (future > 0 ? ` (${future} of them with a time in the future: a clock was wrong)` : "") +
          "; --prune-now removes them",
      );
    });
}

function sum(blobs: readonly { readonly size: number }[]): number {
  return blobs.reduce((total, { size }) => total + size, 0);
}
