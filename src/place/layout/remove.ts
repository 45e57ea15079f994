/**
 * Removing entries of a layout by their names. Blobs stay, since others may need them.
 * @module
 */
import { KodenoError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { imageName, listNames, refName } from "../../oci/entries.ts";
import { shortName } from "../../oci/reference.ts";
import type { Layout } from "./layout.ts";

/**
 * Removes entries: all of the names, or none when one of them is not there.
 *
 * @param names `NAME:TAG`, a `NAME` for all its tags, a tag for an entry that has nothing else, or
 * a digest for all entries of it
 * @returns the entries that were removed, and those that went with them: see `Layout.change`
 * @throws {KodenoError} `NOT_FOUND`, `IO_FAILED`
 */
export async function removeEntries(
  layout: Layout,
  names: readonly string[],
): Promise<readonly Descriptor[]> {
  let removed: readonly Descriptor[] = [];
  const more = await layout.change((entries) => {
    const gone = new Set<Descriptor>();
    for (const name of names) {
      const found = entries.filter((entry) => isMeant(entry, name));
      if (found.length === 0) {
        throw new KodenoError(
          "NOT_FOUND",
          `Cannot remove ${JSON.stringify(name)} from layout ${layout.directory}: ` +
            listNames(entries),
        );
      }
      for (const entry of found) gone.add(entry);
    }
    removed = [...gone];
    return Promise.resolve(entries.filter((entry) => !gone.has(entry)));
  });
  return [...removed, ...more];
}

function isMeant(entry: Descriptor, name: string): boolean {
  if (entry.digest === name) return true;
  const whole = imageName(entry);
  if (whole === undefined) return refName(entry) === name;
  return [whole, whole.slice(0, whole.lastIndexOf(":"))].includes(shortName(name));
}
