/**
 * `kodeno merge`: the images of several layouts in one.
 * @module
 */
import { Command } from "commander";
import { merge } from "../app/merge.ts";
import { interruptible } from "./interrupt.ts";
import { printResult } from "./output.ts";

/** The command with its flags. */
export function mergeCommand(): Command {
  return new Command("merge")
    .summary("bring the images of several layouts into one")
    .description(
      "Copies all images of layouts into another one, which is made when it is not there, and\n" +
        "prints them. They appear all at once, when all of them are there.",
    )
    .argument("<out>", "folder of the layout that gets them")
    .argument("<in...>", "folders of the layouts that have them")
    .option("--force", "let the later one of two images with the same name win")
    .option("--json", "print as JSON")
    .action(
      async (
        out: string,
        ins: readonly string[],
        flags: { readonly force?: boolean; readonly json?: boolean },
      ) => {
        const merged = await interruptible((signal) =>
          merge(out, ins, { force: flags.force, signal })
        );
        if (flags.json) return printResult(JSON.stringify(merged));
        for (const { name, digest } of merged) printResult(name ? `${name}@${digest}` : digest);
      },
    );
}
