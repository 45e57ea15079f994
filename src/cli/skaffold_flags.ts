/**
 * The flags of building what a skaffold.yaml says, named as in Skaffold.
 * @module
 */
import { type Command, Option } from "commander";
import type { SkaffoldOptions } from "../config/skaffold/options.ts";
import { appendList } from "./lists.ts";

/** What `--output` prints unless it says otherwise. */
export const DEFAULT_OUTPUT = "{{json .}}";

/** What the flags say. */
export interface SkaffoldFlags {
  readonly filename?: string;
  readonly buildImage?: readonly string[];
  readonly profile?: readonly string[];
  readonly module?: readonly string[];
  readonly defaultRepo?: string;
  readonly mode?: "dev" | "debug";
}

/** Adds the flags to a command. */
export function addSkaffoldFlags(command: Command): Command {
  const mode = new Option("--mode <mode>", "with -f: debug builds for a debugger (default: dev)");
  return command
    .option("-f, --filename <file>", "build what a skaffold.yaml says (default: none)")
    .option("-b, --build-image <image>", "with -f: only these images (default: all)", appendList)
    .option(
      "-p, --profile <list>",
      "with -f: profiles; -NAME turns one off (default: none)",
      appendList,
    )
    .option("-m, --module <list>", "with -f: configurations by name (default: all)", appendList)
    .option(
      "-d, --default-repo <repo>",
      "with -f: what comes before image names (default: nothing)",
    )
    .addOption(mode.choices(["dev", "debug"]));
}

/** The options that the flags stand for. */
export function skaffoldOptions(
  flags: SkaffoldFlags & {
    readonly tags?: readonly string[];
    readonly platform?: readonly string[];
  },
): SkaffoldOptions {
  return {
    file: flags.filename,
    images: flags.buildImage,
    profiles: flags.profile,
    modules: flags.module,
    defaultRepo: flags.defaultRepo,
    tag: flags.tags?.[0],
    platforms: flags.platform,
    debug: flags.mode === "debug",
  };
}
