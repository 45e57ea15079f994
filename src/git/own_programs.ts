/**
 * Settings that leave out what a repository's own configuration names to be run when git looks for
 * changes: the filters of `.gitattributes`, in the repository and in its submodules. Those of the
 * user's own configuration stay.
 * @module
 */
import { join } from "node:path";
import { exists, findUp } from "../io/fail.ts";
import { type GitPlace, reasonOf, runGit } from "./command.ts";

/** A name and a value each. */
export type GitSettings = ReadonlyMap<string, string>;

/** Submodules lie in submodules, but not for ever. */
const MAX_DEPTH = 10;
/** The exit code of a git that does not know an option. */
const USAGE = 129;

/**
 * Finds the settings.
 *
 * @throws {Error} that says why they cannot be told
 */
export async function settingsWithoutPrograms(place: GitPlace): Promise<GitSettings> {
  // Git goes through submodules with the settings that it was given; only where it is told which
  // they are is it known what these name.
  const settings = new Map([["diff.ignoreSubmodules", "dirty"]]);
  await collect(place, settings, 0);
  return settings;
}

/**
 * The settings as variables, for programs that run git themselves.
 *
 * @param environment may hold such variables already
 */
export function settingVariables(
  settings: GitSettings,
  environment: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const before = Number(environment["GIT_CONFIG_COUNT"] ?? 0) || 0;
  const entries = [...settings].flatMap(([key, value], i) => [
    [`GIT_CONFIG_KEY_${before + i}`, key],
    [`GIT_CONFIG_VALUE_${before + i}`, value],
  ]);
  return { ...Object.fromEntries(entries), GIT_CONFIG_COUNT: String(before + settings.size) };
}

async function collect(
  place: GitPlace,
  settings: Map<string, string>,
  depth: number,
): Promise<void> {
  const [listed, root] = await Promise.all([
    runGit(place, ["config", "-z", "--show-scope", "--get-regexp", "^(filter|submodule)\\."]),
    findUp(place.directory, ".git"),
  ]);
  if (listed.code === USAGE) throw new Error("git 2.26 or newer is needed to look for changes");
  // There are none where it ends with 1.
  if (listed.code > 1 || listed.isCut) throw new Error(reasonOf(listed));
  const { own, others } = byScope(listed.stdout);
  for (const key of own.keys()) {
    if (!key.startsWith("filter.")) continue;
    settings.set(key, others.get(key) ?? (key.endsWith(".required") ? "false" : ""));
  }
  if (root === undefined || !await exists(join(root, ".gitmodules"))) return;
  if (depth >= MAX_DEPTH) throw new Error(`its submodules are over ${MAX_DEPTH} levels deep`);
  const modules = await runGit(place, [
    ...["config", "-z", "-f", join(root, ".gitmodules"), "--get-regexp", "^submodule\\."],
  ]);
  if (modules.code > 1 || modules.isCut) throw new Error(reasonOf(modules));
  const said = new Map(modules.stdout.split("\0").map(keyAndValue));
  for (const [key, path] of said) {
    if (!key.endsWith(".path") || !await exists(join(root, path, ".git"))) continue;
    const ignore = key.replace(/path$/, "ignore");
    settings.set(ignore, own.get(ignore) ?? others.get(ignore) ?? said.get(ignore) ?? "none");
    await collect({ ...place, directory: join(root, path) }, settings, depth + 1);
  }
}

/** What the repository itself says, and what is said elsewhere. */
function byScope(listed: string) {
  const words = listed.split("\0");
  const own = new Map<string, string>();
  const others = new Map<string, string>();
  for (let i = 0; i + 1 < words.length; i += 2) {
    const isOwn = words[i] === "local" || words[i] === "worktree";
    (isOwn ? own : others).set(...keyAndValue(words[i + 1] ?? ""));
  }
  return { own, others };
}

function keyAndValue(text: string): [key: string, value: string] {
  const at = text.indexOf("\n");
  return at < 0 ? [text, "true"] : [text.slice(0, at), text.slice(at + 1)];
}
