/**
 * Whether a work tree differs from its commit, without the programs that its repository names: git
 * would run the filters of `.gitattributes` over files to find out.
 * @module
 */
import { join } from "node:path";
import { type GitOutput, type GitPlace, runGit } from "./command.ts";

/** Submodules lie in submodules, but not for ever. */
const MAX_DEPTH = 10;

/**
 * Asks git what is changed or not tracked.
 *
 * @param inFolder whether only the folder counts, not the rest of the work tree
 * @returns as `git status --porcelain`; of submodules with changes only the first is told
 */
export async function gitChanges(place: GitPlace, inFolder: boolean): Promise<GitOutput> {
  return await changesIn(place, inFolder ? ["--", "."] : [], 0);
}

async function changesIn(
  place: GitPlace,
  more: readonly string[],
  depth: number,
): Promise<GitOutput> {
  const filters = await runGit(place, ["config", "-z", "--show-scope", "--get-regexp", FILTERS]);
  // There are none where it ends with 1.
  if (filters.code > 1 || filters.isCut) return filters;
  const off = withoutOwnFilters(filters.stdout);
  if (typeof off === "string") return { code: 128, stdout: "", stderr: `fatal: ${off}` };
  // Git would look into submodules with the filters that they name.
  const args = ["status", "--porcelain", "--ignore-submodules=dirty", ...more];
  const found = await runGit(place, args, off);
  if (found.isCut) return { code: 0, stdout: found.stdout, stderr: "" };
  if (found.code !== 0 || found.stdout !== "" || depth >= MAX_DEPTH) return found;
  return await submoduleChanges(place, more, depth) ?? found;
}

const FILTERS = "^filter\\.";

/** Settings that leave filters out which the repository's own configuration names, or why not. */
function withoutOwnFilters(listed: string): readonly string[] | string {
  const words = listed.split("\0");
  const wanted = new Map<string, string>();
  for (let i = 0; i + 1 < words.length; i += 2) {
    const [key = "", value = "true"] = splitOnce(words[i + 1] ?? "", "\n");
    const isOwn = words[i] === "local" || words[i] === "worktree";
    if (!isOwn) wanted.set(key, value);
    else if (!wanted.has(key)) wanted.set(key, key.endsWith(".required") ? "false" : "");
  }
  const odd = [...wanted.keys()].find((key) => key.includes("="));
  if (odd !== undefined) return `its configuration names ${odd}, which cannot be left out`;
  return [...wanted].map(([key, value]) => `${key}=${value}`);
}

function splitOnce(text: string, sign: string): readonly string[] {
  const at = text.indexOf(sign);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** The changes of the first submodule that has some; what `.gitmodules` says to ignore is. */
async function submoduleChanges(
  place: GitPlace,
  more: readonly string[],
  depth: number,
): Promise<GitOutput | undefined> {
  const root = await runGit(place, ["rev-parse", "--show-toplevel"]);
  const file = join(root.stdout, ".gitmodules");
  if (root.code !== 0 || await Deno.lstat(file).catch(() => undefined) === undefined) return;
  const args = ["config", "-z", "-f", file, "--get-regexp", "^submodule\\..*\\.(path|ignore)$"];
  const { stdout } = await runGit(place, args);
  const modules = new Map<string, { path?: string; ignore?: string }>();
  for (const [key = "", value = ""] of stdout.split("\0").map((one) => splitOnce(one, "\n"))) {
    const name = key.slice(0, key.lastIndexOf("."));
    const field = key.endsWith(".path") ? { path: value } : { ignore: value };
    modules.set(name, { ...modules.get(name), ...field });
  }
  for (const { path, ignore } of modules.values()) {
    if (path === undefined || ignore === "all" || ignore === "dirty") continue;
    // Only those that git tracks as submodules, and within the folder that is asked about.
    const listing = ["ls-files", "-s", "--full-name", "--", `:(top,literal)${path}`];
    const listed = await runGit(place, listing);
    if (!listed.stdout.startsWith("160000 ") || !await isThere(join(root.stdout, path, ".git"))) {
      continue;
    }
    if (more.length > 0 && !join(root.stdout, path, "/").startsWith(join(await real(place), "/"))) {
      continue;
    }
    const untracked = ignore === "untracked" ? ["-uno"] : [];
    const inside = { ...place, directory: join(root.stdout, path) };
    const found = await changesIn(inside, untracked, depth + 1);
    if (found.code !== 0 || found.stdout !== "") return found;
  }
  return undefined;
}

function isThere(path: string): Promise<boolean> {
  return Deno.lstat(path).then(() => true, () => false);
}

function real({ directory }: GitPlace): Promise<string> {
  return Deno.realPath(directory);
}
