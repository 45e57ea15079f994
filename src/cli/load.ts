/**
 * `kodeno load`: images of a layout or archive into the Docker daemon.
 * @module
 */
import { Command } from "commander";
import { load } from "../app/load.ts";
import { interruptible } from "./interrupt.ts";
import { appendList } from "./lists.ts";
import { printNote, printResult } from "./output.ts";

interface Flags {
  readonly image?: readonly string[];
  readonly platform?: string;
  readonly json?: boolean;
}

/** The command with its flags. */
export function command(): Command {
  return new Command("load")
    .description("Loads images into the Docker daemon; one it has is only named.")
    .argument("<layout|archive>", "path of a layout folder or an archive file")
    .option("--image <name>", "load this image only; may be said again", appendList)
    .option("--platform <platform>", "of several platforms, this one (default the daemon's)")
    .option("--json", "print the results as JSON, one a line")
    .addHelpText("after", "\nExample:\n  kodeno load out --image app:v1")
    .action(run);
}

async function run(from: string, { image, platform, json }: Flags): Promise<void> {
  const loaded = await interruptible((signal) => load({ from, images: image, platform, signal }));
  for (const one of loaded) {
    printResult(json ? JSON.stringify(one) : one.name);
    if (!json) printNote(`  ${one.sent ? "loaded" : "was there"} as ${one.id}`);
  }
}
