/**
 * `kodeno merge`: the images of several layouts and archives in one layout.
 * @module
 */
import { Command } from "commander";
import { merge } from "../app/merge.ts";
import { printable } from "../errors.ts";
import { printJson, printResult } from "./output.ts";
import { watched } from "./progress.ts";

interface Flags {
  readonly force?: boolean;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** The command with its flags. */
export function mergeCommand(): Command {
  return new Command("merge")
    .description(
      "Copies all images of layouts and archives into a layout, which is made when it is not\n" +
        "there, and prints them. They appear all at once, when all of them are there.",
    )
    .argument("<out>", "folder of the layout that gets them")
    .argument("<in...>", "layout folders and archive files that have them; - is one from stdin")
    .option("--force", "let the later one of two images with the same name win")
    .option("--json", "print events and results as JSON, one a line")
    .addHelpText("after", "\nExample:\n  kodeno merge all out ../other/out images.tar")
    .action(
      async (
        out: string,
        ins: readonly string[],
        { force, json, verbose }: Flags,
      ) => {
        const merged = await watched(
          { json, verbose },
          (work) => merge(out, ins, { force, ...work }),
        );
        for (const image of merged) {
          if (json) printJson("image", image);
          else printResult(printable(image.name ? `${image.name}@${image.digest}` : image.digest));
        }
      },
    );
}
