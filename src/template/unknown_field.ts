/**
 * What to say about a field that is not there.
 * @module
 */
import type { GoMap } from "./value.ts";

/** How many names are worth listing. */
const MAX_LISTED = 12;
/** How many letters a name may differ in to be the one that was meant. */
const MAX_EDITS = 2;

/**
 * Why a field cannot be read, with the names there are, and the one that may have been meant.
 *
 * @param path of the map, such as `.Git`; empty for the data itself
 */
export function unknownField(map: GoMap, name: string, path: string): string {
  const names = map.keys();
  const what = path === "" ? `there is no field ${name}` : `${path} has no field ${name}`;
  const has = path === "" ? "there are" : "it has";
  const list = names.length > 0 && names.length <= MAX_LISTED ? `; ${has} ${names.join(", ")}` : "";
  const near = nearest(name, names);
  return `${what}${list}${near === undefined ? "" : `; did you mean ${near}?`}`;
}

/** The name that is most like one, if any is. */
function nearest(name: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.min(MAX_EDITS, name.length - 1) + 1;
  for (const other of names) {
    const edits = name.toLowerCase() === other.toLowerCase() ? 0 : distance(name, other);
    if (edits < least) [best, least] = [other, edits];
  }
  return best;
}

/** How many letters have to be added, taken away or changed. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MAX_EDITS) return MAX_EDITS + 1;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, char] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (b[j - 1] === char ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
