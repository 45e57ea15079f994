/**
 * The flags of commands that read Kubernetes objects, beside those of a build.
 * @module
 */
import type { Command } from "commander";
import type { ManifestQuery } from "../kube/manifest_files.ts";
import type { ResolveRequest } from "../build/resolve.ts";
import { addBuildFlags, type BuildFlags, commandOptions } from "./build_flags.ts";
import { appendList } from "./lists.ts";

/** What the flags say. */
export interface ManifestFlags extends BuildFlags {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly selector?: string;
  readonly watch?: boolean;
}

/** Adds the flags of a build whose images are pushed unless they go elsewhere. */
export function addPushingBuildFlags(command: Command): Command {
  return addBuildFlags(command).option("--no-push", "keep images in a layout instead of pushing");
}

/** Adds the flags to a command. */
export function addManifestFlags(command: Command): Command {
  command
    .option(
      "-f, --filename <list>",
      "files, folders, or - for the standard input, with commas between (default: none)",
      appendList,
    )
    .option("-R, --recursive", "take files of folders within the folders, too")
    .option(
      "-l, --selector <labels>",
      "only objects with these labels: app=web,!canary (default: all)",
    )
    .option("-W, --watch", "do it again when a file changes, until interrupted");
  return addPushingBuildFlags(command);
}

/** What the flags ask for. */
export function resolveRequest(flags: ManifestFlags): ResolveRequest {
  const manifests: ManifestQuery = {
    files: flags.filename ?? [],
    recursive: flags.recursive,
    selector: flags.selector,
    stdin: () => Deno.stdin.readable,
  };
  return { manifests, options: commandOptions(flags) };
}
