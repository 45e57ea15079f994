/**
 * The main packages that patterns name, each with the entry of `builds` that is for it.
 * @module
 */
import { dirname, join } from "node:path";
import type { BuildEntry } from "../config/config.ts";
import { KodenoError } from "../errors.ts";
import {
  cleanPattern,
  groupPatterns,
  isLocalPattern,
  type ListedPackage,
  listPackages,
  type ListQuery,
  type MainPackage,
  refuseUnreadable,
  selectMains,
} from "../go/list.ts";
import { withSuggestion } from "../go/suggest.ts";
import type { Templates } from "./templates.ts";

/** What `go list` is asked, by a pattern group or for an entry. */
type Listing = Pick<MainPackage, "directory"> & Pick<ListQuery, "flags" | "patterns">;

/** A main package, and the entry of `builds` that is for it, if there is one. */
interface FoundPackage extends MainPackage {
  readonly entry: BuildEntry | undefined;
}

/**
 * Finds the packages; no pattern stands for `.`. Entries are matched as ko does it: by the import path
 * of the package that their folder and main lead to, without which they are `BAD_OPTION`. They are
 * listed beside the patterns, in one run for each folder.
 */
export async function findPackages(
  templates: Templates,
  patterns: readonly string[],
): Promise<readonly FoundPackage[]> {
  try {
    return await find(templates, patterns);
  } catch (error) {
    const { config: { image, workingDirectory }, how } = templates;
    throw await withSuggestion(error, how, () => templates.listFlags(image, workingDirectory));
  }
}

async function find(
  templates: Templates,
  patterns: readonly string[],
): Promise<readonly FoundPackage[]> {
  const { config: { builds, image, workingDirectory }, how } = templates;
  const groups = await groupPatterns(workingDirectory, patterns);
  const ofGroups = await Promise.all(groups.map(async (group): Promise<Listing> => ({
    ...group,
    flags: await templates.listFlags(image, group.directory),
  })));
  const ofEntries = await Promise.all(builds.map(async (entry): Promise<Listing> => ({
    directory: entry.directory,
    patterns: [await patternOf(entry)],
    flags: await templates.listFlags(entry.image, entry.directory),
  })));
  const keyOf = ({ directory, flags }: Listing): string => JSON.stringify([directory, flags]);
  const runs = Map.groupBy([...ofGroups, ...ofEntries], keyOf);
  const listed = new Map(
    await Promise.all([...runs].map(async ([key, listings]) => {
      const [{ directory, flags }] = listings as [Listing];
      const patterns = [...new Set(listings.flatMap((one) => one.patterns))];
      return [key, await listPackages(how, flags, { directory, patterns })] as const;
    })),
  );
  const listedFor = (one: Listing | undefined) => one && listed.get(keyOf(one)) || [];
  const entries = new Map(builds.map((entry, i) => {
    const [pattern = ""] = ofEntries[i]?.patterns ?? [];
    const matched = listedFor(ofEntries[i]).filter((p) => p.Match?.includes(pattern));
    const [found] = matched;
    if (found !== undefined && matched.length === 1) return [found.ImportPath, { entry, found }];
    throw badEntry(entry, `there is no package in ${join(entry.directory, entry.main)}`);
  }));
  // What an entry says of a package, such as tags, may be what makes it one.
  const known = (p: ListedPackage): ListedPackage => {
    const of = entries.get(p.ImportPath)?.found;
    return of === undefined ? p : { ...of, ...(p.Match ? { Match: p.Match } : {}) };
  };
  const packages = groups.flatMap((group, i) => {
    const found = listedFor(ofGroups[i]).map(known);
    refuseUnreadable(group, found);
    return selectMains(group, found).map((main) => {
      const entry = entries.get(main.importPath)?.entry;
      return { ...main, entry, directory: entry?.directory ?? main.directory };
    });
  });
  return [...new Map(packages.map((p) => [p.importPath, p])).values()];
}

/** The pattern of an entry: the folder of its main package, from where go runs. */
async function patternOf(entry: BuildEntry): Promise<string> {
  const path = join(entry.directory, entry.main);
  const info = await Deno.stat(path).catch(() => undefined);
  if (info === undefined) throw badEntry(entry, `there is no ${path}`);
  const folder = info.isFile ? dirname(entry.main) : entry.main;
  const plain = cleanPattern(join(folder).replaceAll("\\", "/"));
  return isLocalPattern(plain) ? plain : `./${plain}`;
}

function badEntry({ id, directory, main }: BuildEntry, why: string): KodenoError {
  return new KodenoError(
    "BAD_OPTION",
    `Cannot use entry ${id} of builds: ${why}; say dir and main of a main package`,
    { directory, pattern: join(directory, main) },
  );
}
