/**
 * Removing from a layout the blobs that no entry leads to.
 * @module
 */
import { join } from "node:path";
import { hasCode, KodenoError } from "../../errors.ts";
import { makeFolder } from "../../io/atomic.ts";
import { ioFailure } from "../../io/files.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import {
  blobDigests,
  blobPathIn,
  BLOBS,
  checkOwnFolders,
  readIndexFile,
  withEntries,
  writeIndexFile,
} from "./files.ts";
import type { Layout } from "./layout.ts";
import { withoutLeases } from "./leases.ts";
import { Living } from "./living.ts";

interface GarbageOptions {
  readonly dryRun?: boolean | undefined;
  /** Blobs written in these last milliseconds stay: another tool may be about to name them. */
  readonly minimumAgeMs: number;
  /** How long to wait for others who are at work in the layout; see {@link Garbage.busy}. */
  readonly waitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

type StoredBlob = Pick<Descriptor, "digest" | "size">;

export interface Garbage {
  /** Blobs that were removed, or would be; sorted by digest. */
  readonly removed: readonly StoredBlob[];
  /** Blobs that no entry leads to, and that are too young. */
  readonly young: readonly StoredBlob[];
  /** How many of the young ones are of a time that is yet to come: somebody's clock is wrong. */
  readonly future: number;
  /** Blobs that would have gone, but others are at work in the layout and may count on them. */
  readonly busy: readonly StoredBlob[];
  /** Digests of entries that went with what they referred to, or would; see `Living`. */
  readonly dropped: readonly string[];
  readonly used: readonly StoredBlob[];
}

/** Most work of others takes less. */
const WAIT_MS = 5000;
/** What clocks of machines that share a file system may differ by. */
const CLOCK_MS = 60_000;

/**
 * Removes blobs that no living entry leads to, and entries that refer to what has no name any more; files
 * that are not named as blobs stay. Others who are at work in the layout (see `Layout.hold`) are waited
 * for a little, while new ones wait for gc; when that is not enough, all is left as it is.
 *
 * @throws {KodenoError} `BAD_PLACE` when its blobs lie elsewhere, `BAD_CONTENT` when a manifest is damaged:
 * nobody can tell what that needs, and nothing is removed
 */
export async function collectGarbage(layout: Layout, options: GarbageOptions): Promise<Garbage> {
  const { directory } = layout;
  const { waitMs = WAIT_MS, signal } = options;
  await layout.close();
  const collect = (dryRun: boolean) => layout.locked(() => sweep(layout, { ...options, dryRun }));
  try {
    await checkOwnFolders(directory, "remove blobs of");
    // Mostly there is nothing to remove, and then nobody has to wait for anybody.
    const seen = await collect(true);
    if (options.dryRun || seen.removed.length === 0) return seen;
    // Locks are held on it, also where others have made blobs of another algorithm alone.
    await makeFolder(join(directory, BLOBS));
    const done = await withoutLeases(directory, waitMs, () => collect(false), signal);
    return done === "busy" ? { ...seen, removed: [], busy: seen.removed, dropped: [] } : done;
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw ioFailure(`remove blobs of layout ${directory}`, error);
  }
}

/** Looks at all blobs, and removes those that may go, with the entries of them. */
async function sweep(layout: Layout, options: GarbageOptions): Promise<Garbage> {
  const { directory } = layout;
  const { dryRun, minimumAgeMs, signal } = options;
  const now = Date.now();
  const timeOf = ({ mtime }: Deno.FileInfo) => mtime?.getTime() ?? 0;
  const isYoung = (info: Deno.FileInfo) => timeOf(info) > now - minimumAgeMs;
  const file = await readIndexFile(directory);
  const entries = file.index.manifests;
  const spares = (d: Descriptor) => Deno.lstat(blobPathIn(directory, d)).then(isYoung, () => false);
  const { reachable, dead } = await new Living(layout, signal).look(entries, spares)
    .catch((error) => {
      if (!hasCode(error, "BAD_CONTENT")) throw error;
      const why = `Cannot tell which blobs of layout ${directory} are in use: ${error.message}`;
      const next = "remove the image with kodeno rm, or bring it again";
      throw new KodenoError("BAD_CONTENT", `${why}; ${next}`, {}, { cause: error });
    });
  const removed: StoredBlob[] = [];
  const young: StoredBlob[] = [];
  const used: StoredBlob[] = [];
  let future = 0;
  for (const digest of await blobDigests(directory)) {
    const info = await Deno.lstat(blobPathIn(directory, { digest }));
    const list = reachable.has(digest) ? used : isYoung(info) ? young : removed;
    list.push({ digest, size: info.size });
    if (list === young && timeOf(info) > now + CLOCK_MS) future++;
  }
  if (!dryRun) {
    // Before what they lead to, so that none is left that is not whole.
    const next = withEntries(directory, file, entries.filter((entry) => !dead.has(entry)));
    if (next !== undefined) await writeIndexFile(directory, next);
    for (const blob of removed) {
      signal?.throwIfAborted();
      await Deno.remove(blobPathIn(directory, blob));
    }
  }
  return { removed, young, future, busy: [], used, dropped: [...dead].map((d) => d.digest) };
}
