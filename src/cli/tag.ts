/**
 * `kodeno tag`: more names for an image of a layout.
 * @module
 */
import { Command } from "commander";
import { tag } from "../app/tag.ts";
import { printJson, printNotes, printResult } from "./output.ts";

/** The command. */
export function tagCommand(): Command {
  return new Command("tag")
    .description(
      "Gives an image of an OCI layout more names; one that is taken moves to it. Prints them.",
    )
    .argument("<layout>", "folder of the layout")
    .argument("<source>", "NAME[:TAG], tag or digest of the image")
    .argument("<names...>", "NAME:TAG, or a tag that stands alone")
    .option("--json", "print as JSON, a name a line")
    .addHelpText(
      "after",
      "\nExample:\n  kodeno tag out app:latest app:v1.2.0 registry.local/app:v1",
    )
    .action(
      async (
        layout: string,
        source: string,
        names: readonly string[],
        flags: { readonly json?: boolean },
      ) => {
        for (const { name, digest } of await tag(layout, source, names, printNotes)) {
          if (flags.json) printJson("image", { name, digest });
          else printResult(`${name}@${digest}`);
        }
      },
    );
}
