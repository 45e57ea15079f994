/**
 * `kodeno tag`: more names for an image of a layout.
 * @module
 */
import { Command } from "commander";
import { tag } from "../app/tag.ts";
import { printResult } from "./output.ts";

/** The command. */
export function tagCommand(): Command {
  return new Command("tag")
    .summary("give an image of a layout more names")
    .description(
      "Gives an image of an OCI layout more names; one that is taken moves to it. Prints them.",
    )
    .argument("<layout>", "folder of the layout")
    .argument("<source>", "NAME[:TAG], tag or digest of the image")
    .argument("<names...>", "NAME:TAG, or a tag that stands alone")
    .action(async (layout: string, source: string, names: readonly string[]) => {
      const digest = await tag(layout, source, names);
      for (const name of names) printResult(`${name}@${digest}`);
    });
}
