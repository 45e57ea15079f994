/**
 * Bringing the images of several layouts and archives into one layout: blobs first, then all entries
 * at once, so that nobody sees a part of it.
 * @module
 */
import { copy } from "../../content/copy.ts";
import type { Meter } from "../../content/meter.ts";
import type { Source } from "../../content/places.ts";
import { readDocument } from "../../content/read.ts";
import { hasSuccessors, successors } from "../../content/successors.ts";
import { KodenoError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { imageName, refName, withEntry } from "../../oci/entries.ts";
import { parseIndex, parseManifest } from "../../oci/manifest.ts";
import { isManifestType } from "../../oci/media_types.ts";
import type { Layout } from "./layout.ts";

/** A place with a list of images: a layout or an archive. */
export interface MergeSource extends Source {
  /** Its images, as in an `index.json`. */
  entries(): Promise<readonly Descriptor[]>;
}

/** How {@link mergeLayouts} works. */
export interface MergeOptions extends Pick<Meter, "emit"> {
  /** Lets the later one of two images with the same name win. */
  readonly force?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An entry and where it comes from. */
interface Candidate {
  readonly entry: Descriptor;
  readonly from: MergeSource;
}

/**
 * Copies all named entries of layouts and archives into a layout, and the entries without a name that refer
 * to them (signatures, SBOMs).
 *
 * @returns the entries that `out` got
 * @throws {KodenoError} `BAD_OPTION` when one name means different images; `BAD_CONTENT`,
 * `NOT_FOUND`, `IO_FAILED`. `out` then has no new entry
 */
export async function mergeLayouts(
  out: Layout,
  ins: readonly MergeSource[],
  options: MergeOptions = {},
): Promise<readonly Descriptor[]> {
  const { force = false, signal, emit } = options;
  const candidates: Candidate[] = [];
  for (const from of ins) {
    candidates.push(...(await wanted(from)).map((entry) => ({ entry, from })));
  }
  const entries = candidates.map(({ entry }) => entry);
  // Told before anything is copied, and looked at again when nobody else can change the layout.
  combine(await out.entries(), entries, force, out.directory);
  for (const { entry, from } of candidates) {
    await copy(from, entry, out, { signal, emit, image: nameOf(entry) });
  }
  await out.change(async (before) => {
    for (const entry of entries) {
      if (await out.has(entry, { signal })) continue;
      throw new KodenoError(
        "NOT_FOUND",
        `Cannot merge into layout ${out.directory}: ${entry.digest} is not whole any more`,
      );
    }
    return combine(before, entries, force, out.directory);
  });
  // One that was brought twice came in once.
  return [...new Map(entries.map((entry) => [nameOf(entry) ?? entry.digest, entry])).values()];
}

function combine(
  before: readonly Descriptor[],
  added: readonly Descriptor[],
  force: boolean,
  directory: string,
): readonly Descriptor[] {
  let all = before;
  const digests = new Set(before.map(({ digest }) => digest));
  const named = new Map(before.map((entry) => [nameOf(entry), entry]));
  for (const entry of added) {
    const name = nameOf(entry);
    if (name === undefined) {
      if (!digests.has(entry.digest)) all = [...all, entry];
      digests.add(entry.digest);
      continue;
    }
    const other = named.get(name);
    if (!force && other !== undefined && other.digest !== entry.digest) {
      throw new KodenoError(
        "BAD_OPTION",
        `Cannot merge into layout ${directory}: ${name} is ${other.digest} and ${entry.digest}; ` +
          "remove one with kodeno rm, or let the later one win with --force",
      );
    }
    all = withEntry(all, entry);
    digests.add(entry.digest);
    named.set(name, entry);
  }
  return all;
}

/** What no two entries of a layout share: the whole name, or the tag of one that has no more. */
function nameOf(entry: Descriptor): string | undefined {
  return imageName(entry) ?? refName(entry);
}

/** Entries with a name, and those without that lead to one of them by their subject. */
async function wanted(place: MergeSource): Promise<readonly Descriptor[]> {
  const entries = await place.entries();
  const named = entries.filter((entry) => nameOf(entry) !== undefined);
  const unnamed = entries.filter((entry) => nameOf(entry) === undefined && hasSuccessors(entry));
  if (unnamed.length === 0) return named;
  const reachable = new Set<string>();
  const reach = async (roots: readonly Descriptor[]): Promise<void> => {
    const queue = [...roots];
    for (let d = queue.pop(); d !== undefined; d = queue.pop()) {
      if (reachable.has(d.digest)) continue;
      reachable.add(d.digest);
      if (hasSuccessors(d)) queue.push(...successors(d, await readDocument(place, d)));
    }
  };
  await reach(named);
  const found: Descriptor[] = [];
  let open: { readonly entry: Descriptor; readonly subject: string | undefined }[] = [];
  // One after the other: a process may open so many files only.
  for (const entry of unnamed) open.push({ entry, subject: await subjectOf(place, entry) });
  for (let before = -1; before !== open.length;) {
    before = open.length;
    const next = new Set(open.filter(({ subject = "" }) => reachable.has(subject)));
    const more = [...next].map(({ entry }) => entry);
    await reach(more);
    found.push(...more);
    open = open.filter((one) => !next.has(one));
  }
  return [...named, ...found];
}

async function subjectOf(place: MergeSource, entry: Descriptor): Promise<string | undefined> {
  const bytes = await readDocument(place, entry);
  const what = `blob ${entry.digest}`;
  const parse = isManifestType(entry.mediaType) ? parseManifest : parseIndex;
  return parse(bytes, what).subject?.digest;
}
