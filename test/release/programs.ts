/**
 * The compiled binary as the folder of a release, and the task that makes the rest of it.
 * @module
 */
import { dirname } from "node:path";
import { kodenoBinary, ROOT } from "../support/kodeno.ts";
import { type Outcome, run } from "../support/process.ts";
import type { TempDir } from "../support/temp.ts";

/** What the binary is called in a release. */
export const OWN = "kodeno-linux-amd64";

/** Makes the folder `release` with the compiled binary, which has to be there. */
export async function releaseFolder(dir: TempDir): Promise<string> {
  const path = dir.join("release", OWN);
  await Deno.mkdir(dirname(path));
  await Deno.copyFile(kodenoBinary() ?? "", path);
  return dirname(path);
}

/** Runs a step of the release, with more variables. */
export async function releaseStep(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const how = { cwd: ROOT, env: { ...Deno.env.toObject(), NO_COLOR: "1", ...env } };
  return await run(Deno.execPath(), ["task", "--quiet", "release", ...args], how);
}
