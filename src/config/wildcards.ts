/**
 * Matching lists that hold wildcards, in time that grows with both lengths: a regular expression with
 * many of them may take for ever.
 * @module
 */

/** Stands for any number of items. */
export const ANY = Symbol("any");

/**
 * Whether items match a pattern from the first to the last.
 *
 * @param matches whether an item is what an element of the pattern stands for
 */
export function matchesAll<P, T>(
  pattern: readonly (P | typeof ANY)[],
  items: readonly T[],
  matches: (element: P, item: T) => boolean,
): boolean {
  let at = 0;
  let item = 0;
  // Where the last wildcard stands, and what it has taken: only that one may have to take more.
  let wildcard = -1;
  let taken = 0;
  while (item < items.length) {
    const element = pattern[at];
    const next = items[item];
    if (element === ANY) {
      wildcard = at++;
      taken = item;
    } else if (at < pattern.length && matches(element as P, next as T)) {
      at++;
      item++;
    } else if (wildcard >= 0) {
      at = wildcard + 1;
      item = ++taken;
    } else {
      return false;
    }
  }
  while (pattern[at] === ANY) at++;
  return at === pattern.length;
}
