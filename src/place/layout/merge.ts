/**
 * Bringing the images of several layouts and archives into one layout: blobs first, then all entries
 * at once, so that nobody sees a part of it.
 * @module
 */
import { fetchBlob } from "../../content/blobs.ts";
import { copy, type CopyOptions, MAX_TIMES_BROUGHT } from "../../content/copy.ts";
import { Damages } from "../../content/damages.ts";
import { graphKey, hasSuccessors, readGraphDocument } from "../../content/walk.ts";
import { holdPlace, type ImageStore } from "../../content/places.ts";
import { entryAbout, subjectsOf } from "../../content/referrers.ts";
import { hasCode, KodenoError, messageOf } from "../../errors.ts";
import { getOrSet } from "../../io/concurrency.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { cosignSubject, entryName, isNameless, nameOrDigest, withEach } from "../../oci/entries.ts";
import { oddity } from "../../oci/manifest.ts";
import { takingWhole } from "../choose_image.ts";
import type { Layout } from "./layout.ts";

export interface MergeOptions extends Pick<CopyOptions, "emit" | "foreign"> {
  /** Lets the later one of two images with the same name win. */
  readonly force?: boolean | undefined;
  /** Whether what refers to images (signatures, SBOMs) comes in, too; default true. */
  readonly referrers?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Looks at all that comes in before any of it is there; then one that is damaged hinders the others. */
  readonly check?: ((found: readonly MergedImage[]) => Promise<void>) | undefined;
}

/** What comes in, and from where. */
interface MergedImage {
  readonly from: ImageStore;
  readonly entry: Descriptor;
}

/**
 * Copies all entries of layouts and archives into a layout, and tells which came in. What cannot be used,
 * what its place lacks, and what refers to something that is not there is told of, and left out. One that
 * is damaged further down does not hinder the others; it is what fails in the end. After any other
 * failure there is no new entry.
 */
export async function mergeLayouts(
  out: Layout,
  ins: readonly ImageStore[],
  options: MergeOptions = {},
): Promise<readonly Descriptor[]> {
  const { force = false, foreign, signal, emit } = options;
  using _ = await out.hold({ signal });
  const told = new Set<string>();
  const combine = (before: readonly Descriptor[], added: readonly Descriptor[]) => {
    const keys = new Set(before.map(graphKey));
    const named = new Map(before.map((entry) => [entryName(entry), entry]));
    const more: Descriptor[] = [];
    for (const entry of added) {
      const name = entryName(entry);
      const other = name === undefined ? undefined : named.get(name);
      if (!force && other !== undefined && other.digest !== entry.digest) {
        const why = `${name} is ${other.digest} and ${entry.digest}`;
        const next = "remove one with kodeno rm, or let the later one win with --force";
        throw new KodenoError("BAD_OPTION", `Cannot merge into ${out.what}: ${why}; ${next}`);
      }
      if (name !== undefined || !keys.has(graphKey(entry))) more.push(entry);
      keys.add(graphKey(entry));
      named.set(name, entry);
    }
    return withEach(before, more);
  };
  /** One place after the other is held, since a process may open so many files only. */
  const each = async (
    work = (_: ImageStore, entry: Descriptor): Promise<readonly Descriptor[]> =>
      Promise.resolve([entry]),
  ) => {
    const entries: MergedImage[] = [];
    for (const from of ins) {
      using _ = await holdPlace(from, { signal });
      const done = new Map<string, Promise<readonly Descriptor[]>>();
      for (const entry of await entriesToMerge(from, told, options)) {
        const brought = await getOrSet(done, graphKey(entry), () => work(from, entry));
        if (brought.length > 0) entries.push({ from, entry });
      }
    }
    return entries;
  };
  // Told before anything is copied, and looked at again when nobody else can change the layout.
  const all = await each();
  await options.check?.(all);
  combine(await out.entries(), all.map(({ entry }) => entry));
  for (let brought = 1;; brought++) {
    const damages = new Damages();
    const found = await each((from, entry) => {
      const image = entryName(entry);
      const copying = () => copy(from, entry, out, { signal, emit, foreign, image });
      const next = '"kodeno copy --platform"';
      return damages.pass(() => takingWhole(from, entry, copying, next), signal);
    });
    if (options.check !== undefined) {
      damages.end("Merged", [], emit);
      await options.check(found);
    }
    const entries = found.map(({ entry }) => entry);
    let gone: Descriptor | undefined;
    await out.change(async (before) => {
      gone = undefined;
      for (const entry of new Map(entries.map((entry) => [graphKey(entry), entry])).values()) {
        if (await out.isWhole(entry, { signal })) continue;
        gone = entry;
        return before;
      }
      return combine(before, entries);
    });
    if (gone === undefined) {
      // One that was brought twice came in once.
      const merged = new Map(entries.map((one) => [nameOrDigest(one), one]));
      damages.end("Merged", [...merged.keys()], emit);
      return [...merged.values()];
    }
    // Somebody else has removed what was there, and it is brought again.
    if (brought < MAX_TIMES_BROUGHT) continue;
    const why = `${gone.digest} is not whole any more; something else is removing its blobs`;
    throw new KodenoError("NOT_FOUND", `Cannot merge into ${out.what}: ${why}`);
  }
}

/**
 * The entries of a place; one that cannot be used, that is not there, or that refers to something which
 * is not there, is told of once, and left out.
 */
async function entriesToMerge(place: ImageStore, told: Set<string>, options: MergeOptions) {
  const found: Descriptor[] = [];
  const looks = new Map<string, ReturnType<typeof look>>();
  for (const entry of await place.entries()) {
    const odd = oddity(entry);
    const looking = () => look(place, entry, options);
    const { why = odd, merged } = odd ? {} : await getOrSet(looks, entryKey(entry), looking);
    if (merged !== undefined) found.push(merged);
    else if (why !== undefined && !told.has(entryKey(entry))) {
      told.add(entryKey(entry));
      const message = `Left out ${nameOrDigest(entry)}: ${why}`;
      options.emit?.({ type: "note", level: "warning", message });
    }
  }
  return found;
}

const entryKey = (entry: Descriptor): string => `${graphKey(entry)} ${entryName(entry)}`;

/** The entry as it comes in, or why it does not; neither of one that was not asked for. */
async function look(
  place: ImageStore,
  entry: Descriptor,
  options: MergeOptions,
): Promise<{ readonly merged?: Descriptor; readonly why?: string }> {
  try {
    if (options.referrers === false && cosignSubject(entry) !== undefined) return {};
    if (!isNameless(entry) || !hasSuccessors(entry)) {
      await (await fetchBlob(place, entry, options)).cancel();
      return { merged: entry };
    }
    const { missing } = await subjectsOf(place, entry, options);
    if (missing) return { why: `it refers to ${missing.digest}, which is not there` };
    const document = await readGraphDocument(place, entry, options);
    if (document.subject !== undefined && options.referrers === false) return {};
    return { merged: entryAbout(entry, document) };
  } catch (error) {
    if (hasCode(error, "NOT_FOUND", "BAD_CONTENT")) return { why: messageOf(error) };
    throw error;
  }
}
