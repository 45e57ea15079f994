/**
 * What a word of the command line can be, while it is typed: main packages, layouts, images,
 * places and platforms. Folders are read for it; nothing is run and nothing is dialled.
 * @module
 */
import { nameOrDigest } from "../oci/whole_name.ts";
import { completePackages, readFolder } from "./complete_packages.ts";
import { openImages } from "../place/open.ts";

const PLATFORMS = [
  ...["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/arm/v6", "linux/386", "linux/ppc64le"],
  ...["linux/riscv64", "linux/s390x", "windows/amd64", "all"],
];
const ARCHIVE = /\.(?:tar|tar\.gz|tgz)$/;

/**
 * Finds what a word can be.
 *
 * @param kind `package`, `layout`, `image`, `place`, `base` or `platform`; another has nothing
 * @param word what was typed
 * @param place for an image, the layout or archive that was typed before
 * @returns whole words, sorted; one that ends in a slash or a colon can go on
 */
export async function complete(
  kind: string,
  word: string,
  place = "",
): Promise<readonly string[]> {
  const found = await candidates(kind, word, place);
  return [...new Set(found)].filter((one) => one.startsWith(word)).sort();
}

async function candidates(
  kind: string,
  word: string,
  place: string,
): Promise<readonly string[]> {
  if (kind === "package") return await completePackages(word);
  if (kind === "layout") return await layouts(word);
  if (kind === "image") return await images(place);
  if (kind === "place") return await places(word, ["oci:", "archive:", "daemon:"]);
  if (kind === "base") {
    return await places(word, ["static", "scratch", "oci:", "archive:", "daemon:"]);
  }
  if (kind === "platform") return platforms(word);
  return [];
}

/** Layouts and archives, and folders on the way to them. */
async function layouts(word: string): Promise<readonly string[]> {
  const folder = word.slice(0, word.lastIndexOf("/") + 1);
  const found: string[] = [];
  for (const { name, isDirectory, isFile } of await readFolder(folder || ".")) {
    if (name.startsWith(".") && !word.slice(folder.length).startsWith(".")) continue;
    const path = folder + name;
    if (isFile && ARCHIVE.test(name)) found.push(path);
    if (!isDirectory) continue;
    const inside = await readFolder(path);
    if (inside.some((one) => one.name === "oci-layout")) found.push(path);
    else if (inside.some((one) => one.isDirectory || ARCHIVE.test(one.name))) {
      found.push(`${path}/`);
    }
  }
  return found;
}

/** Names of the images of a layout or archive. */
async function images(path: string): Promise<readonly string[]> {
  try {
    const entries = await (await openImages(path)).entries();
    return entries.map(nameOrDigest);
  } catch {
    return [];
  }
}

async function places(word: string, starts: readonly string[]): Promise<readonly string[]> {
  const [, scheme, rest = ""] = /^(oci|archive):(.*)$/s.exec(word) ?? [];
  if (scheme === undefined) return starts;
  const [, path, more] = /^([^:]+):(.*)$/s.exec(rest) ?? [];
  if (path !== undefined && more !== undefined) {
    return (await images(path)).map((name) => `${scheme}:${path}:${name}`);
  }
  const isArchive = (name: string): boolean => ARCHIVE.test(name);
  return (await layouts(rest))
    .filter((name) => name.endsWith("/") || isArchive(name) === (scheme === "archive"))
    .map((name) => `${scheme}:${name}`);
}

/** The last of a list with commas between. */
function platforms(word: string): readonly string[] {
  const before = word.slice(0, word.lastIndexOf(",") + 1);
  const said = before.split(",");
  return PLATFORMS.filter((one) => !said.includes(one) && (before === "" || one !== "all"))
    .map((one) => before + one);
}
