/**
 * `kodeno cache`: what is kept for the next build, and removing it.
 * @module
 */
import { Command } from "commander";
import { cacheClean, type CacheInfo, cacheInfo } from "../app/cache.ts";
import { flags, type Given, toggle, withFlags } from "./flag.ts";
import { formatBytes, printJson, printResult } from "./output.ts";

const FLAGS = flags({ json: toggle("--json", "print as JSON") });

/** The command with its subcommands. */
export function cacheCommand(): Command {
  return new Command("cache")
    .description(
      "Looks at and empties the cache of layers, binaries and base images (KODENO_CACHE).",
    )
    .addHelpText("after", "\nExamples:\n  kodeno cache info\n  kodeno cache clean")
    .addCommand(
      withFlags(new Command("info").description("tell what the cache holds"), FLAGS)
        .addHelpText("after", "\nExample:\n  kodeno cache info --json")
        .action(async (flags: Given<typeof FLAGS>) => show(await cacheInfo(), "holds", flags)),
    )
    .addCommand(
      withFlags(new Command("clean").description("empty the cache"), FLAGS)
        .addHelpText("after", "\nExample:\n  kodeno cache clean")
        .action(async (flags: Given<typeof FLAGS>) => show(await cacheClean(), "held", flags)),
    );
}

function show(info: CacheInfo, verb: string, { json }: Given<typeof FLAGS>): void {
  if (json) return printJson("cache", info);
  const { directory, layers, layerBytes, maxBytes, binaries, binaryBytes } = info;
  printResult(`${directory} ${verb}`);
  printResult(`  ${layers} layers, ${formatBytes(layerBytes)}`);
  printResult(`  ${binaries} binaries, ${formatBytes(binaryBytes)}`);
  printResult(`  at most ${formatBytes(maxBytes)} are kept`);
}
