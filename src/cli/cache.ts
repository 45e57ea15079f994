/**
 * `kodeno cache`: what is kept for the next build, and removing it.
 * @module
 */
import { Command } from "commander";
import { cacheClean, type CacheInfo, cacheInfo } from "../build/cache.ts";
import { formatBytes, printJson, printResult } from "./output.ts";

/** The command with its subcommands. */
export function cacheCommand(): Command {
  const json = ["--json", "print as JSON"] as const;
  return new Command("cache")
    .description(
      "Looks at and empties the cache of layers, binaries and base images (KODENO_CACHE).",
    )
    .addHelpText("after", "\nExamples:\n  kodeno cache info\n  kodeno cache clean")
    .addCommand(
      new Command("info").description("tell what the cache holds").option(...json)
        .addHelpText("after", "\nExample:\n  kodeno cache info --json")
        .action(async (flags: { json?: boolean }) => show(await cacheInfo(), "holds", flags.json)),
    )
    .addCommand(
      new Command("clean").description("empty the cache").option(...json)
        .addHelpText("after", "\nExample:\n  kodeno cache clean")
        .action(async (flags: { json?: boolean }) => show(await cacheClean(), "held", flags.json)),
    );
}

function show(info: CacheInfo, verb: string, json = false): void {
  if (json) return printJson("cache", info);
  const { directory, layers, layerBytes, maxBytes, binaries, binaryBytes } = info;
  printResult(`${directory} ${verb}`);
  printResult(`  ${layers} layers, ${formatBytes(layerBytes)}`);
  printResult(`  ${binaries} binaries, ${formatBytes(binaryBytes)}`);
  printResult(`  at most ${formatBytes(maxBytes)} are kept`);
}
