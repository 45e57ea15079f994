/**
 * `kodeno gc`: removing what no image of a layout needs.
 * @module
 */
import { Command } from "commander";
import { gc } from "../app/gc.ts";
import { interruptible } from "./interrupt.ts";
import { formatBytes, printJson, printNote, printNotes, printResult } from "./output.ts";

interface Flags {
  readonly dryRun?: boolean;
  readonly pruneNow?: boolean;
  readonly json?: boolean;
}

/** The command with its flags. */
export function gcCommand(): Command {
  return new Command("gc")
    .description(
      "Removes the blobs of an OCI layout that no image in it needs, and prints their digests.\n" +
        "Blobs of the last hour stay, since another tool may be about to name them. What a running\n" +
        "kodeno counts on stays, too: gc waits up to 5 seconds for those at work in the layout, and\n" +
        "then tells what it has left. What refers to an image (signatures, SBOMs) lives as long as\n" +
        "that; what refers to something that is not in the layout at all stays.",
    )
    .argument("<layout>", "folder of the layout")
    .option("--dry-run", "remove nothing, tell what would be removed")
    .option("--prune-now", "remove blobs of the last hour, too")
    .option("--json", "print as JSON")
    .addHelpText("after", "\nExample:\n  kodeno gc out --dry-run")
    .action(async (layout: string, flags: Flags) => {
      const { removed, young, future, busy, dropped, used } = await interruptible((signal) =>
        gc(layout, { dryRun: flags.dryRun, pruneNow: flags.pruneNow, signal, emit: printNotes })
      );
      const removedBytes = sum(removed);
      if (flags.json) {
        const dryRun = flags.dryRun ?? false;
        return printJson("gc", {
          dryRun,
          removed,
          removedBytes,
          dropped,
          young,
          future,
          busy,
          used: used.length,
        });
      }
      for (const { digest } of removed) printResult(digest);
      const verb = flags.dryRun ? "Would remove" : "Removed";
      printNote(`${verb} ${removed.length} blobs, ${formatBytes(removedBytes)}`);
      if (dropped.length > 0) {
        printNote(`${verb} ${dropped.length} entries that referred to images that are gone`);
      }
      if (busy.length > 0) {
        printNote(
          `Kept ${busy.length} blobs that no image needs, ${
            formatBytes(sum(busy))
          }: others are at ` +
            "work in the layout; run it again when they are done",
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
