/**
 * Whether a work tree differs from its commit, and git for others, without the programs that a
 * repository names.
 * @module
 */
import { messageOf } from "../errors.ts";
import { type GitOutput, type GitPlace, runGit } from "./command.ts";
import { type GitSettings, settingsWithoutPrograms, settingVariables } from "./own_programs.ts";

/**
 * Asks git what is changed or not tracked.
 *
 * @param inFolder whether only the folder counts, not the rest of the work tree
 * @returns as `git status --porcelain`
 */
export async function gitChanges(place: GitPlace, inFolder: boolean): Promise<GitOutput> {
  const refused = (why: string): GitOutput => ({ code: 128, stdout: "", stderr: `fatal: ${why}` });
  let settings: GitSettings;
  try {
    settings = await settingsWithoutPrograms(place);
  } catch (error) {
    place.signal?.throwIfAborted();
    return refused(messageOf(error));
  }
  // Git would take the first one for the end of the name.
  const odd = [...settings.keys()].find((key) => key.includes("="));
  if (odd !== undefined) return refused(`its configuration names ${odd}, which cannot be left out`);
  const args = ["status", "--porcelain", ...(inFolder ? ["--", "."] : [])];
  const found = await runGit(place, args, [...settings].map(([key, value]) => `${key}=${value}`));
  // So much is changed that it does not matter what.
  return found.isCut ? { code: 0, stdout: found.stdout, stderr: "" } : found;
}

/**
 * Variables for a program that asks git about a checkout, as go does for what it stamps.
 *
 * @throws {Error} that says why they cannot be told; the signal's reason when aborted
 */
export async function gitVariables(place: GitPlace): Promise<Readonly<Record<string, string>>> {
  const settings = new Map([
    ...await settingsWithoutPrograms(place),
    ["core.fsmonitor", "false"],
    ["core.hooksPath", "/dev/null"],
    ["protocol.ext.allow", "never"],
  ]);
  const variables = settingVariables(settings, place.environment ?? {});
  return { ...variables, GIT_OPTIONAL_LOCKS: "0", GIT_NO_LAZY_FETCH: "1" };
}
