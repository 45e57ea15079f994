/**
 * What a word of the command line can be, while it is typed: main packages, layouts, images, places
 * and platforms. Folders are read for it, which is faster than go is, and of use while the sources do
 * not compile; nothing is run and nothing is dialled.
 * @module
 */
import { dirname, join, posix } from "node:path";
import { koPath, PASSED_OVER } from "../config/checks.ts";
import { entriesIn } from "../io/files.ts";
import { ARCHIVE_ENDING, nameOrDigest } from "../oci/entries.ts";

const PLATFORMS = ("linux/amd64 linux/arm64 linux/arm/v7 linux/arm/v6 linux/386 linux/ppc64le " +
  "linux/riscv64 linux/s390x windows/amd64 all").split(" ");
/** How long is looked for packages, in milliseconds, and how many folders are read. */
const MAX_MS = 1000;
const MAX_FOLDERS = 5000;

/** Finds candidates for a word; `place` is the layout or archive that was typed before. */
type Find = (word: string, place: string) => readonly string[] | Promise<readonly string[]>;

const KINDS: Readonly<Record<string, Find>> = {
  package: packages,
  layout: layouts,
  image: (_, place) => images(place),
  place: (word) => places(word, ["oci:", "archive:", "daemon:"]),
  looked: lookedAt,
  base: (word) => places(word, ["static", "scratch", "oci:", "archive:", "daemon:"]),
  platform: platforms,
  format: () => ["json", "yaml"],
  compression:
    () => ["gzip", "gzip:1", "gzip:2", "gzip:6", "gzip:9", "zstd", "zstd:9", "zstd:19", "none"],
};

/**
 * What a word of a kind can be (a key of `KINDS`; another has nothing): whole words, sorted, not all of
 * which start as it does; one that ends in a slash or a colon can go on.
 */
export async function complete(kind: string, word: string, place = ""): Promise<readonly string[]> {
  const found = await KINDS[kind]?.(word, place) ?? [];
  return [...new Set(found)].sort();
}

/** Layouts and archives, and folders on the way to them. */
async function layouts(word: string): Promise<readonly string[]> {
  const folder = word.slice(0, word.lastIndexOf("/") + 1);
  const found: string[] = [];
  for (const { name, isDirectory, isFile } of await entriesIn(folder || ".")) {
    if (name.startsWith(".") && !word.slice(folder.length).startsWith(".")) continue;
    const path = folder + name;
    if (isFile && ARCHIVE_ENDING.test(name)) found.push(path);
    if (!isDirectory) continue;
    const inside = await entriesIn(path);
    if (inside.some((one) => one.name === "oci-layout")) found.push(path);
    else if (inside.some((one) => one.isDirectory || ARCHIVE_ENDING.test(one.name))) {
      found.push(`${path}/`);
    }
  }
  return found;
}

/** Names of the images of a layout or archive. */
async function images(path: string): Promise<readonly string[]> {
  try {
    // Only this needs what reads layouts.
    const { openImages } = await import("../place/open.ts");
    return (await (await openImages(path)).entries()).map(nameOrDigest);
  } catch {
    return [];
  }
}

async function places(word: string, starts: readonly string[]): Promise<readonly string[]> {
  const [, scheme, path = "", more] = /^(oci|archive):([^:]*)(:.*)?$/s.exec(word) ?? [];
  if (scheme === undefined) return starts;
  if (more !== undefined) return (await images(path)).map((name) => `${scheme}:${path}:${name}`);
  return (await layouts(path))
    .filter((name) => name.endsWith("/") || ARCHIVE_ENDING.test(name) === (scheme === "archive"))
    .map((name) => `${scheme}:${name}`);
}

/** What can be looked into: layouts and archives, images behind the path of one, and those of a daemon. */
async function lookedAt(word: string): Promise<readonly string[]> {
  if (/^(?:oci|archive):/.test(word)) return await places(word, []);
  const [, path] = /^([^:]+):/.exec(word) ?? [];
  if (path !== undefined) return (await images(path)).map((name) => `${path}:${name}`);
  return [...await layouts(word), "daemon:"];
}

/** The last of a list with commas between. */
function platforms(word: string): readonly string[] {
  const before = word.slice(0, word.lastIndexOf(",") + 1);
  const given = before.split(",");
  return PLATFORMS.filter((one) => !given.includes(one) && (before === "" || one !== "all"))
    .map((one) => before + one);
}

/** What a package can be called: `./cmd/app`, `example.com/x/cmd/app`, `ko://example.com/x/cmd/app`. */
async function packages(word: string): Promise<readonly string[]> {
  const scheme = koPath(word) === undefined ? "" : "ko://";
  if (/^(?:\.{1,2}\/|\/)/.test(word)) return await folders(word);
  const module = await moduleAbove();
  // Without a word yet, folders are what most people type.
  if (word === "" || (module === undefined && scheme === "")) return await folders("./");
  if (module === undefined) return [];
  const mains = await mainsBelow(module.root, false);
  return [...mains.map((path) => scheme + posix.join(module.name, path)), "./", "../"];
}

/** Folders below the one that was typed so far: those with a main package, and those on the way. */
async function folders(word: string): Promise<readonly string[]> {
  const folder = word.slice(0, word.lastIndexOf("/") + 1);
  return (await mainsBelow(folder, true)).flatMap((path) => {
    if (path === "") return word === folder ? [folder] : [];
    const [first = "", ...others] = path.split("/");
    return [folder + first + (others.length > 0 ? "/" : "")];
  });
}

/** Folders with a main package, relative to one; "" for that itself. */
async function mainsBelow(root: string, otherModules: boolean): Promise<readonly string[]> {
  const found: string[] = [];
  const until = Date.now() + MAX_MS;
  const open = [""];
  // The near ones first: they are what is found when time is short.
  for (let at = 0; at < open.length && at < MAX_FOLDERS && Date.now() < until; at++) {
    const folder = open[at] ?? "";
    const entries = await entriesIn(join(root, folder));
    const isOther = folder !== "" && entries.some(({ name }) => name === "go.mod");
    if (isOther && !otherModules) continue;
    if (await isMain(join(root, folder), entries)) found.push(folder);
    for (const { name, isDirectory } of entries) {
      if (isDirectory && !PASSED_OVER.test(name)) open.push(posix.join(folder, name));
    }
  }
  return found;
}

async function isMain(folder: string, entries: readonly Deno.DirEntry[]): Promise<boolean> {
  for (const { name, isFile } of entries) {
    if (!isFile || !name.endsWith(".go") || name.endsWith("_test.go")) continue;
    // The package clause stands near the start.
    using file = await Deno.open(join(folder, name)).catch(() => undefined);
    const bytes = new Uint8Array(4096);
    const head = new TextDecoder().decode(bytes.subarray(0, await file?.read(bytes) ?? 0));
    // Tools that are run by hand say so.
    if (/^\/\/(?:go:build| \+build) +ignore\b/m.test(head)) continue;
    const clause = /^package\s+(\w+)/m.exec(head.replaceAll(/\/\*[^]*?\*\//g, ""))?.[1];
    if (clause !== undefined) return clause === "main";
  }
  return false;
}

async function moduleAbove(): Promise<
  { readonly root: string; readonly name: string } | undefined
> {
  for (let root = Deno.cwd();; root = dirname(root)) {
    const text = await Deno.readTextFile(join(root, "go.mod")).catch(() => "");
    const [, name] = /^module\s+"?([^"\s]+)/m.exec(text) ?? [];
    if (name !== undefined) return { root, name };
    if (dirname(root) === root) return undefined;
  }
}
