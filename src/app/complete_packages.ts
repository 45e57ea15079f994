/**
 * Folders and import paths of main packages, by reading folders: faster than go is, and of use while
 * the sources do not compile.
 * @module
 */
import { dirname, join, posix } from "node:path";

/** How long is looked for packages, in milliseconds, and how many folders are read. */
const PATIENCE_MS = 1000;
const MAX_FOLDERS = 5000;
/** Bytes at the start of a file that the package clause is looked for in. */
const HEAD = 4096;
const PASSED_OVER = new Set(["node_modules", "testdata", "vendor"]);

/**
 * Finds what a package can be called: `./cmd/app`, `example.com/x/cmd/app`, `ko://example.com/x/cmd/app`.
 *
 * @param word what was typed; decides which way they are called
 */
export async function completePackages(word: string): Promise<readonly string[]> {
  const scheme = word.startsWith("ko://") ? "ko://" : "";
  const rest = word.slice(scheme.length);
  if (scheme === "" && /^(?:\.{1,2}\/|\/)/.test(rest)) return await folders(rest);
  const module = await moduleAbove();
  if (module === undefined) return scheme === "" ? await folders("./") : [];
  const mains = await mainsBelow(module.root, false);
  const paths = mains.map((path) => scheme + posix.join(module.name, path));
  // Without a word yet, folders are what most people type.
  if (word === "") return await folders("./");
  const local = ["./", "../"].filter((one) => one.startsWith(word));
  return [...paths, ...local];
}

/** Folders below the one that was typed so far: those with a main package, and those on the way. */
async function folders(word: string): Promise<readonly string[]> {
  const folder = word.slice(0, word.lastIndexOf("/") + 1);
  const found: string[] = [];
  const mains = await mainsBelow(folder, true);
  if (mains.includes("") && word === folder) found.push(folder);
  for (const path of mains.filter((one) => one !== "")) {
    const [first = "", ...others] = path.split("/");
    found.push(folder + first + (others.length > 0 ? "/" : ""));
  }
  return found;
}

/** Folders with a main package, relative to one; "" for that itself. */
async function mainsBelow(root: string, otherModules: boolean): Promise<readonly string[]> {
  const found: string[] = [];
  const until = Date.now() + PATIENCE_MS;
  const open = [""];
  // The near ones first: they are what is found when time is short.
  for (let at = 0; at < open.length && at < MAX_FOLDERS && Date.now() < until; at++) {
    const folder = open[at] ?? "";
    const entries = await readFolder(join(root, folder));
    const isOther = folder !== "" && entries.some(({ name }) => name === "go.mod");
    if (isOther && !otherModules) continue;
    if (await isMain(join(root, folder), entries)) found.push(folder);
    for (const { name, isDirectory } of entries) {
      if (!isDirectory || /^[._]/.test(name) || PASSED_OVER.has(name)) continue;
      open.push(posix.join(folder, name));
    }
  }
  return found;
}

async function isMain(folder: string, entries: readonly Deno.DirEntry[]): Promise<boolean> {
  for (const { name, isFile } of entries) {
    if (!isFile || !name.endsWith(".go") || name.endsWith("_test.go")) continue;
    const head = await readHead(join(folder, name));
    // Tools that are run by hand say so.
    if (/^\/\/(?:go:build| \+build) +ignore\b/m.test(head)) continue;
    const clause = /^package\s+(\w+)/m.exec(head.replaceAll(/\/\*[^]*?\*\//g, ""))?.[1];
    if (clause !== undefined) return clause === "main";
  }
  return false;
}

async function readHead(path: string): Promise<string> {
  try {
    using file = await Deno.open(path);
    const bytes = new Uint8Array(HEAD);
    return new TextDecoder().decode(bytes.subarray(0, await file.read(bytes) ?? 0));
  } catch {
    return "";
  }
}

interface Module {
  readonly root: string;
  readonly name: string;
}

async function moduleAbove(): Promise<Module | undefined> {
  for (let root = Deno.cwd();; root = dirname(root)) {
    const text = await Deno.readTextFile(join(root, "go.mod")).catch(() => "");
    const name = /^module\s+(?:"([^"]+)"|(\S+))/m.exec(text)?.slice(1).find((one) => one);
    if (name !== undefined) return { root, name };
    if (dirname(root) === root) return undefined;
  }
}

/** What is in a folder; nothing where it cannot be read. */
export async function readFolder(path: string): Promise<readonly Deno.DirEntry[]> {
  return await Array.fromAsync(Deno.readDir(path)).catch(() => []);
}
