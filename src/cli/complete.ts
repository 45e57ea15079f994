/**
 * `kodeno __complete`: what the scripts of `kodeno completion` ask while a word is typed.
 * @module
 */
import { Command } from "commander";
import { complete } from "../app/complete.ts";
import { printable } from "../errors.ts";
import { printResult } from "./output.ts";

/** The command. */
export function completeCommand(): Command {
  return new Command("__complete")
    .description("Prints what a word can be, a line each.")
    .argument("<kind>", "what is completed")
    .argument("[word]", "what was typed of it")
    .argument("[place]", "the word before it")
    // What was typed may look like a flag.
    .allowUnknownOption()
    .addHelpText("after", "\nExample:\n  kodeno __complete package ./cmd/")
    .action(async (kind: string, word = "", place = "") => {
      // A name that a terminal would obey is no completion.
      const found = (await complete(kind, word, place)).filter((one) => printable(one) === one);
      if (found.length > 0) printResult(found.join("\n"));
    });
}
