/**
 * Whether a work tree differs from its commit, and git for others, without the programs that the
 * repository's own configuration names to be run: the filters of `.gitattributes`, in it and in its
 * submodules. Those of the user's own configuration stay.
 * @module
 */
import { join } from "node:path";
import { messageOf } from "../errors.ts";
import { exists, findUp } from "../io/fail.ts";
import { type GitOutput, type GitPlace, reasonOf, runGit } from "./command.ts";

/** Submodules lie in submodules, but not for ever. */
const MAX_DEPTH = 10;
/** The exit code of a git that does not know an option. */
const USAGE = 129;

/**
 * Asks git what is changed or not tracked.
 *
 * @param inFolder whether only the folder counts, not the rest of the work tree
 * @returns as `git status --porcelain`
 */
export async function gitChanges(place: GitPlace, inFolder: boolean): Promise<GitOutput> {
  const refused = (why: string): GitOutput => ({ code: 128, stdout: "", stderr: `fatal: ${why}` });
  let settings: ReadonlyMap<string, string>;
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
  const settings = [
    ...await settingsWithoutPrograms(place),
    ["core.fsmonitor", "false"],
    ["core.hooksPath", "/dev/null"],
    ["protocol.ext.allow", "never"],
  ];
  // The environment may hold such variables already.
  const before = Number(place.environment?.["GIT_CONFIG_COUNT"] ?? 0) || 0;
  const entries = settings.flatMap(([key, value], i) => [
    [`GIT_CONFIG_KEY_${before + i}`, key],
    [`GIT_CONFIG_VALUE_${before + i}`, value],
  ]);
  return {
    ...Object.fromEntries(entries),
    GIT_CONFIG_COUNT: String(before + settings.length),
    GIT_OPTIONAL_LOCKS: "0",
    GIT_NO_LAZY_FETCH: "1",
  };
}

/** Settings that leave the programs out; throws an error that says why they cannot be told. */
async function settingsWithoutPrograms(place: GitPlace): Promise<ReadonlyMap<string, string>> {
  // Git goes through submodules with the settings that it was given; only where it is told which
  // they are is it known what these name.
  const settings = new Map([["diff.ignoreSubmodules", "dirty"]]);
  await collect(place, settings, 0);
  return settings;
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
  const { own, others } = byScope(soundList(listed));
  for (const key of own.keys()) {
    if (!key.startsWith("filter.")) continue;
    settings.set(key, others.get(key) ?? (key.endsWith(".required") ? "false" : ""));
  }
  const modules = root === undefined ? "" : join(root, ".gitmodules");
  if (root === undefined || !await exists(modules)) return;
  if (depth >= MAX_DEPTH) throw new Error(`its submodules are over ${MAX_DEPTH} levels deep`);
  const args = ["config", "-z", "-f", modules, "--get-regexp", "^submodule\\."];
  const named = new Map(soundList(await runGit(place, args)).map(keyAndValue));
  for (const [key, path] of named) {
    if (!key.endsWith(".path") || !await exists(join(root, path, ".git"))) continue;
    const ignore = key.replace(/path$/, "ignore");
    settings.set(ignore, own.get(ignore) ?? others.get(ignore) ?? named.get(ignore) ?? "none");
    await collect({ ...place, directory: join(root, path) }, settings, depth + 1);
  }
}

/** What `git config -z` prints, cut; there is nothing where it ends with 1. */
function soundList(listed: GitOutput): readonly string[] {
  if (listed.code > 1 || listed.isCut) throw new Error(reasonOf(listed));
  return listed.stdout.split("\0");
}

/** What the repository itself says, and what is said elsewhere. */
function byScope(words: readonly string[]) {
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
