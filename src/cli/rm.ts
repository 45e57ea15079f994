/**
 * `kodeno rm`: removing images from a layout.
 * @module
 */
import { Command } from "commander";
import { rm } from "../app/rm.ts";
import { printable } from "../errors.ts";
import { printJson, printNotes, printResult } from "./output.ts";

/** The command with its flags. */
export function rmCommand(): Command {
  return new Command("rm")
    .description(
      "Removes images from an OCI layout: NAME:TAG, a NAME with all its tags, a tag that stands\n" +
        "alone, or a digest. Prints what was removed; when one name is not there, nothing is.\n" +
        "What refers to them alone (signatures, SBOMs) goes with them. Their blobs stay until\n" +
        '"kodeno gc".',
    )
    .argument("<layout>", "folder of the layout")
    .argument("<names...>", "images to remove")
    .option("--json", "print as JSON, an image a line")
    .addHelpText("after", "\nExample:\n  kodeno rm out worker app:v1.0.0")
    .action(async (layout: string, names: readonly string[], flags: { json?: boolean }) => {
      const removed = await rm(layout, names, printNotes);
      if (flags.json) return removed.forEach((image) => printJson("image", image));
      for (const { name, digest } of removed) {
        printResult(printable(name ? `${name}@${digest}` : digest));
      }
    });
}
