/**
 * Can git tell of the folder?
 * @module
 */
import { messageOf } from "../../errors.ts";
import { reasonOf, runGit } from "../../git/command.ts";
import { type Finding, ok, type Patient, told, warning } from "./check.ts";

/** Finds out about git and the repository of the folder. */
export async function checkGit(patient: Patient): Promise<readonly Finding[]> {
  const { directory, environment, signal } = patient;
  const place = { directory, environment, signal };
  try {
    const version = await runGit(place, ["--version"]);
    const name = version.stdout.replace(/^git version /, "");
    const root = await runGit(place, ["rev-parse", "--show-toplevel"]);
    if (root.code === 0) return [ok("git", `${name}; the repository is ${root.stdout}`)];
    const why = reasonOf(root);
    if (/dubious ownership/.test(root.stderr)) {
      const mend = `run "git config --global --add safe.directory ${directory}"`;
      return [warning("git", `${name}, which refuses this repository: ${why}`, mend)];
    }
    return [
      ok("git", `${name}; ${directory} is in no repository, so that there are no tags by it`),
    ];
  } catch (error) {
    signal?.throwIfAborted();
    return [told("git", "warning", `${messageOf(error)}; templates with .Git and tags need it`)];
  }
}
