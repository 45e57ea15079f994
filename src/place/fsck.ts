/**
 * What can be wrong with a layout or an archive beside the content of its images: names that mean several,
 * entries that say of manifests what those do not, and blobs that no image has and that are not what their
 * names say, which somebody would count on who brings an image later.
 * @module
 */
import type { ContentCheck } from "../content/check.ts";
import { keptEntry } from "../content/referrers.ts";
import type { ImageStore } from "../content/places.ts";
import { hasCode } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import {
  entryName,
  IMAGE_NAME,
  isNameless,
  listed,
  nameKey,
  refName,
  SUBJECT,
} from "../oci/entries.ts";
import { oddity } from "../oci/manifest.ts";
import { isReference, isTag, parseReference } from "../oci/reference.ts";

/** A blob that no image has, and what is wrong with it. */
interface BlobFault {
  readonly digest: string;
  readonly fault: string;
}

/** What is wrong with entries themselves, by their digests and names; see {@link entryKey}. */
export async function entryFaults(
  store: ImageStore,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const entries = (await store.entries()).filter((entry) => !oddity(entry));
  const found = new Map<string, string[]>();
  const add = (entry: Descriptor, fault: string) => {
    const faults = found.get(entryKey(entry)) ?? [];
    found.set(entryKey(entry), [...faults, fault]);
  };
  for (const [key, named] of Map.groupBy(entries, nameKey)) {
    if (key === undefined) continue;
    const digests = new Set(named.map(({ digest }) => digest));
    for (const entry of digests.size > 1 ? named : []) {
      const others = [...digests].filter((digest) => digest !== entry.digest);
      const next = "remove one of them with kodeno rm and its digest";
      add(entry, `its name ${entryName(entry)} is that of ${listed(others)}, too; ${next}`);
    }
  }
  for (const entry of entries) {
    const [whole, tag] = [entry.annotations?.[IMAGE_NAME], refName(entry)];
    const named = whole && isReference(whole) ? parseReference(whole).tag : undefined;
    if (tag !== undefined && isTag(tag) && named !== undefined && named !== tag) {
      add(entry, `some tools call it ${whole}, and others ${tag}; name it with kodeno tag`);
    }
    if (!isNameless(entry) || entry.annotations?.[SUBJECT] === undefined) continue;
    const own = await keptEntry(store, { ...entry, annotations: {} }).catch((error) => {
      // Its content is another question.
      if (!hasCode(error, "BAD_CONTENT", "NOT_FOUND")) throw error;
    });
    const [said, is] = [entry.annotations[SUBJECT], own?.annotations?.[SUBJECT]];
    if (own === undefined || said === is) continue;
    add(entry, `its entry says that it refers to ${said}, its manifest ${is ?? "to nothing"}`);
  }
  return found;
}

/** Tells entries apart. */
export function entryKey(entry: Pick<Descriptor, "digest" | "annotations">): string {
  return JSON.stringify([entry.digest, entryName(entry as Descriptor)]);
}

/** Reads the blobs that no image has, and gives those that are not what their names say. */
export async function strayFaults(
  store: ImageStore,
  content: ContentCheck,
): Promise<readonly BlobFault[]> {
  const all = await store.allBlobs?.() ?? [];
  const found = await Promise.all(
    all.filter(({ digest }) => !content.hasMet(digest)).map(async (d) => {
      const { failures } = await content.graph([d]);
      // What is not there was removed meanwhile.
      return failures.filter((failure) => hasCode(failure, "BAD_CONTENT"))
        .map(({ message }) => ({ digest: d.digest, fault: message }));
    }),
  );
  return found.flat();
}
