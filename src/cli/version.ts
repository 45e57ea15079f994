/**
 * `kodeno version`: what shapes an image.
 * @module
 */
import { Command } from "commander";
import { formatVersions, versions } from "../app/version.ts";
import { printResult } from "./output.ts";

/** The command. */
export function command(): Command {
  return new Command("version")
    .description("Tells the versions of kodeno, Deno and Go.")
    .addHelpText("after", "\nExample:\n  kodeno version")
    .action(async () => printResult(formatVersions(await versions())));
}
