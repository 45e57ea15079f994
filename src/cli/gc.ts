/**
 * `kodeno gc`: removing what no image of a layout needs.
 * @module
 */
import { Command } from "commander";
import { gc } from "../app/gc.ts";
import { interruptible } from "./interrupt.ts";
import { formatBytes, printJson, printNote, printResult } from "./output.ts";

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
        "Blobs of the last hour stay, since another kodeno may be about to name them.",
    )
    .argument("<layout>", "folder of the layout")
    .option("--dry-run", "remove nothing, tell what would be removed")
    .option("--prune-now", "remove blobs of the last hour, too")
    .option("--json", "print as JSON")
    .addHelpText("after", "\nExample:\n  kodeno gc out --dry-run")
    .action(async (layout: string, flags: Flags) => {
      const { removed, young, used } = await interruptible((signal) =>
        gc(layout, { dryRun: flags.dryRun, pruneNow: flags.pruneNow, signal })
      );
      const removedBytes = sum(removed);
      if (flags.json) {
        const dryRun = flags.dryRun ?? false;
        return printJson("gc", { dryRun, removed, removedBytes, young, used: used.length });
      }
      for (const { digest } of removed) printResult(digest);
      const verb = flags.dryRun ? "Would remove" : "Removed";
      printNote(`${verb} ${removed.length} blobs, ${formatBytes(removedBytes)}`);
      if (young.length === 0) return;
      printNote(
        `Kept ${young.length} blobs of the last hour, ${formatBytes(sum(young))}; ` +
          "--prune-now removes them",
      );
    });
}

function sum(blobs: readonly { readonly size: number }[]): number {
  return blobs.reduce((total, { size }) => total + size, 0);
}
