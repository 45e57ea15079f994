/**
 * Runs `go build` for one group of packages into a folder that stays, so that go's own check for
 * nothing to do works the next time.
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { BuildGroup } from "../build/plan.ts";
import { buildArguments, buildFlags } from "./arguments.ts";
import { type GoCommand, goFailure, runGo } from "./command.ts";

/**
 * The folder of a group's binaries: the same for the same platform, flags, environment and folder,
 * whatever packages are asked for.
 *
 * @param root folder of all binaries
 */
export function outputDirectory(root: string, group: BuildGroup): string {
  // Only what is said for this build tells folders apart: go itself looks at the whole environment.
  const { platformName, directory, part, go } = group;
  // Users that share a cache do not share these: who may write a binary decides what is in images.
  const key = [Deno.uid(), platformName, directory, part, buildFlags(go), go.env];
  const hash = createHash("sha256").update(JSON.stringify(key)).digest("hex").slice(0, 32);
  return join(root, hash);
}

/** How a group is built. */
export interface GroupRun extends Pick<GoCommand, "command" | "signal" | "niceness"> {
  /** For programs that go runs; they beat the group's own and shape no binary. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

/**
 * Builds the binaries of a group into a folder that exists.
 *
 * @returns what go printed, which is nothing unless flags such as `-v` ask for it
 * @throws {KodenoError} `GO_FAILED` with the compiler's lines
 */
export async function buildGroup(
  { variables, ...how }: GroupRun,
  group: BuildGroup,
  output: string,
): Promise<string> {
  const args = buildArguments(group, output);
  const { directory } = group;
  const environment = { ...group.environment, ...variables };
  const result = await runGo({ ...how, directory, environment }, args);
  if (result.code !== 0) throw goFailure(`build for ${group.platformName}`, result);
  return result.stderr;
}
