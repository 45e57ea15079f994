/**
 * Bringing the images of several layouts into one: blobs first, then all entries at once, so that
 * nobody sees a part of it.
 * @module
 */
import { copy } from "../../content/copy.ts";
import { readDocument } from "../../content/read.ts";
import { hasSuccessors, successors } from "../../content/successors.ts";
import { KodenoError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { imageName, refName, withEntry } from "../../oci/entries.ts";
import { parseIndex, parseManifest } from "../../oci/manifest.ts";
import { isManifestType } from "../../oci/media_types.ts";
import type { Layout } from "./layout.ts";

/** How {@link mergeLayouts} works. */
export interface MergeOptions {
  /** Lets the later one of two images with the same name win. */
  readonly force?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An entry and the layout it comes from. */
interface Candidate {
  readonly entry: Descriptor;
  readonly from: Layout;
}

/**
 * Copies all named entries of layouts into another one, and the entries without a name that refer
 * to them (signatures, SBOMs).
 *
 * @returns the entries that `out` got
 * @throws {KodenoError} `BAD_OPTION` when one name means different images; `BAD_CONTENT`,
 * `NOT_FOUND`, `IO_FAILED`. `out` then has no new entry
 */
export async function mergeLayouts(
  out: Layout,
  ins: readonly Layout[],
  options: MergeOptions = {},
): Promise<readonly Descriptor[]> {
  const { force = false, signal } = options;
  const candidates: Candidate[] = [];
  for (const from of ins) {
    candidates.push(...(await wanted(from)).map((entry) => ({ entry, from })));
  }
  const entries = candidates.map(({ entry }) => entry);
  // Told before anything is copied, and looked at again when nobody else can change the layout.
  combine(await out.entries(), entries, force, out.directory);
  for (const { entry, from } of candidates) await copy(from, entry, out, { signal });
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
  for (const entry of added) {
    const name = nameOf(entry);
    if (name === undefined) {
      if (!all.some(({ digest }) => digest === entry.digest)) all = [...all, entry];
      continue;
    }
    const other = all.find((one) => nameOf(one) === name);
    if (!force && other !== undefined && other.digest !== entry.digest) {
      throw new KodenoError(
        "BAD_OPTION",
        `Cannot merge into layout ${directory}: ${name} is ${other.digest} and ${entry.digest}; ` +
          "remove one with kodeno rm, or let the later one win with --force",
      );
    }
    all = withEntry(all, entry);
  }
  return all;
}

/** What no two entries of a layout share: the whole name, or the tag of one that has no more. */
function nameOf(entry: Descriptor): string | undefined {
  return imageName(entry) ?? refName(entry);
}

/** Entries with a name, and those without that lead to one of them by their subject. */
async function wanted(layout: Layout): Promise<readonly Descriptor[]> {
  const entries = await layout.entries();
  const named = entries.filter((entry) => nameOf(entry) !== undefined);
  const unnamed = entries.filter((entry) => nameOf(entry) === undefined && hasSuccessors(entry));
  if (unnamed.length === 0) return named;
  const reachable = new Set<string>();
  const reach = async (roots: readonly Descriptor[]): Promise<void> => {
    const queue = [...roots];
    for (let d = queue.pop(); d !== undefined; d = queue.pop()) {
      if (reachable.has(d.digest)) continue;
      reachable.add(d.digest);
      if (hasSuccessors(d)) queue.push(...successors(d, await readDocument(layout, d)));
    }
  };
  await reach(named);
  const found: Descriptor[] = [];
  let open = await Promise.all(
    unnamed.map(async (entry) => ({ entry, subject: await subjectOf(layout, entry) })),
  );
  for (let before = -1; before !== open.length;) {
    before = open.length;
    const next = open.filter(({ subject = "" }) => reachable.has(subject));
    await reach(next.map(({ entry }) => entry));
    found.push(...next.map(({ entry }) => entry));
    open = open.filter((one) => !next.includes(one));
  }
  return [...named, ...found];
}

async function subjectOf(layout: Layout, entry: Descriptor): Promise<string | undefined> {
  const bytes = await readDocument(layout, entry);
  const what = `blob ${entry.digest}`;
  const parse = isManifestType(entry.mediaType) ? parseManifest : parseIndex;
  return parse(bytes, what).subject?.digest;
}
