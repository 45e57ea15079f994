/**
 * The command line as a whole: its commands, its help, and what wrong usage does.
 * @module
 */
import { Command, CommanderError } from "commander";
import { KodenoError } from "../errors.ts";
import { buildCommand } from "./build.ts";
import { cacheCommand } from "./cache.ts";
import { printNote, printResult } from "./output.ts";

/**
 * Parses arguments and runs the command they name.
 *
 * @returns the exit code
 * @throws {KodenoError} `BAD_OPTION` for wrong usage, and what the command throws
 */
export async function runCommand(args: readonly string[]): Promise<number> {
  const program = new Command("kodeno")
    .description("Builds container images from Go main packages and keeps them as an OCI layout.")
    .option("--version", "tell the versions of kodeno, Deno and Go")
    .addCommand(buildCommand())
    .addCommand(cacheCommand())
    .addCommand(new Command("version").description("tell the versions of kodeno, Deno and Go"))
    .addHelpText(
      "after",
      "\nExample:\n  kodeno build ./cmd/app --platform linux/amd64,linux/arm64",
    );
  for (const command of [program, ...program.commands, ...program.commands.flatMap(subcommands)]) {
    command.exitOverride().showSuggestionAfterError().configureOutput({
      writeOut: (text) => printResult(text.trimEnd()),
      writeErr: (text) => printNote(text.trimEnd()),
      // Said once, by whoever catches it.
      outputError: () => {},
    });
  }
  try {
    await program.parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    if (error.code === "commander.help") return 2;
    const message = error.message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " ");
    throw new KodenoError("BAD_OPTION", `Cannot read the command line: ${message}`, {}, {
      cause: error,
    });
  }
}

function subcommands(command: Command): readonly Command[] {
  return command.commands;
}
