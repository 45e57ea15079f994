/**
 * Names that are too long for the terminal: what a person tells them apart by stays.
 * @module
 */

const CUT = "...";
/** The last element of a name, with the one before where it is a major version. */
const LAST = /(?:[^/]*\/v\d+|[^/]*)$/;
/** No name gets shorter, however narrow the terminal is. */
const LEAST = 12;

/**
 * Names of the same things that are at most so long: without the folders that all of them share, where
 * they do not fit as they are, and without the middle of those that still do not.
 */
export function shortNames(names: readonly string[], length: number): readonly string[] {
  const most = Math.max(length, LEAST);
  if (names.every((name) => name.length <= most)) return names;
  const shared = sharedFolders(names);
  return names.map((name) => withoutMiddle(name.slice(shared), most));
}

/** How many characters the folders have that all names begin with. */
function sharedFolders(names: readonly string[]): number {
  const [first = ""] = names;
  let shared = Math.min(...names.map((name) => name.search(LAST)));
  while (names.some((name) => !name.startsWith(first.slice(0, shared)))) shared--;
  return first.slice(0, shared).lastIndexOf("/") + 1;
}

function withoutMiddle(name: string, most: number): string {
  if (name.length <= most) return name;
  // The end tells more: a command, a tag.
  const end = Math.ceil((most - CUT.length) * 2 / 3);
  return `${name.slice(0, most - CUT.length - end)}${CUT}${name.slice(-end)}`;
}
