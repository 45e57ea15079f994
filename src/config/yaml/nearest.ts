/**
 * "Did you mean": the word of a list that a mistyped one is nearest to.
 * @module
 */

/** Longer words are no typing mistakes, and comparing them would take long. */
const LONGEST = 64;

/**
 * The candidate that takes the fewest edits, if it is near enough to be what was meant.
 *
 * @example
 * ```ts
 * import { nearest } from "./nearest.ts";
 * if (nearest("platfroms", ["flags", "platforms"]) !== "platforms") throw new Error();
 * ```
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > LONGEST) return undefined;
  let best: string | undefined;
  // A third of the letters may be wrong: "glags" is "flags", "x" is nothing.
  let least = Math.floor(Math.max(word.length, 3) / 3) + 1;
  for (const candidate of candidates) {
    if (candidate.length > LONGEST || Math.abs(candidate.length - word.length) >= least) continue;
    const distance = edits(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** `; did you mean "X"?`, or nothing. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const found = nearest(word, candidates);
  return found === undefined || found === word ? "" : `; did you mean ${JSON.stringify(found)}?`;
}

/** Letters to put in, take out, change, or swap with their neighbour. */
function edits(a: string, b: string): number {
  let older: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, (older[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    [older, previous] = [previous, row];
  }
  return previous[b.length] ?? 0;
}
