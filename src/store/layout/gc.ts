/**
 * Removing from a layout the blobs that no entry leads to.
 * @module
 */
import { join } from "node:path";
import { readDocument } from "../../content/read.ts";
import { graphKey, hasSuccessors, successors } from "../../content/successors.ts";
import { KodenoError, messageOf } from "../../errors.ts";
import { ioFailure, isNotFound } from "../../io/fail.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { BLOBS } from "./files.ts";
import { checkOwnFolders } from "./folders.ts";
import type { Layout } from "./layout.ts";
import { withoutLeases } from "./lease.ts";

/** How {@link collectGarbage} works. */
export interface GarbageOptions {
  /** Removes nothing, only tells. */
  readonly dryRun?: boolean | undefined;
  /** Blobs written in these last milliseconds stay: another tool may be about to name them. */
  readonly minimumAgeMs: number;
  /** How long to wait for others who are at work in the layout; see {@link Garbage.busy}. */
  readonly waitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A blob file. */
export interface BlobFile {
  readonly digest: Digest;
  readonly size: number;
}

/** What {@link collectGarbage} found. */
export interface Garbage {
  /** Blobs that were removed, or would be; sorted by digest. */
  readonly removed: readonly BlobFile[];
  /** Blobs that no entry leads to, and that are too young. */
  readonly young: readonly BlobFile[];
  /** Blobs that would have gone, but others are at work in the layout and may count on them. */
  readonly busy: readonly BlobFile[];
  /** Blobs in use. */
  readonly used: readonly BlobFile[];
}

/** Most work of others takes less. */
const WAIT_MS = 5000;

/**
 * Removes blobs that cannot be reached from the entries of a layout, under its lock. Files that are
 * not named as blobs stay. What others count on who are at work in it (see `Layout.hold`) is not
 * touched: it waits for them a little, while new ones wait for it, and else leaves all as it is.
 *
 * @param layout lets go of what it found; see `Layout.close`
 * @throws {KodenoError} `BAD_PLACE` when its blobs lie elsewhere; `BAD_CONTENT` when a manifest is damaged, so that nobody can tell what it
 * needs; nothing is removed then. `IO_FAILED`
 */
export async function collectGarbage(layout: Layout, options: GarbageOptions): Promise<Garbage> {
  const { directory } = layout;
  const { waitMs = WAIT_MS, signal } = options;
  layout.close();
  const collect = (dryRun: boolean) => layout.locked(() => sweep(layout, { ...options, dryRun }));
  try {
    await checkOwnFolders(directory, "remove blobs of");
    const seen = await collect(true);
    if (options.dryRun || seen.removed.length === 0) return seen;
    const done = await withoutLeases(directory, waitMs, () => collect(false), signal);
    return done === "busy" ? { ...seen, removed: [], busy: seen.removed } : done;
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw ioFailure(`remove blobs of layout ${directory}`, error);
  }
}

/** Looks at all blobs, and removes those that may go. */
async function sweep(
  layout: Layout,
  { dryRun, minimumAgeMs, signal }: GarbageOptions,
): Promise<Garbage> {
  const folder = join(layout.directory, BLOBS);
  const reachable = await reachableFrom(layout, await layout.entries(), signal);
  const oldest = Date.now() - minimumAgeMs;
  const removed: BlobFile[] = [];
  const young: BlobFile[] = [];
  const used: BlobFile[] = [];
  for (const name of await blobNames(folder)) {
    const digest = `sha256:${name}` as const;
    const { size, mtime } = await Deno.lstat(join(folder, name));
    const isYoung = (mtime?.getTime() ?? 0) > oldest;
    const list = reachable.has(digest) ? used : isYoung ? young : removed;
    list.push({ digest, size });
  }
  for (const { digest } of dryRun ? [] : removed) {
    signal?.throwIfAborted();
    await Deno.remove(join(folder, digest.slice("sha256:".length)));
  }
  return { removed, young, busy: [], used };
}

/** Digests of all that entries lead to, whether or not it is in the layout. */
async function reachableFrom(
  layout: Layout,
  entries: readonly Descriptor[],
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  const read = new Set<string>();
  const queue = [...entries];
  for (let d = queue.pop(); d !== undefined; d = queue.pop()) {
    signal?.throwIfAborted();
    seen.add(d.digest);
    if (!hasSuccessors(d) || read.has(graphKey(d))) continue;
    read.add(graphKey(d));
    queue.push(...await below(layout, d));
  }
  return seen;
}

async function below(layout: Layout, d: Descriptor): Promise<readonly Descriptor[]> {
  try {
    return successors(d, await readDocument(layout, d));
  } catch (error) {
    const code = error instanceof KodenoError ? error.code : "";
    // An index may name platforms that were never fetched.
    if (code === "NOT_FOUND") return [];
    if (code !== "BAD_CONTENT") throw error;
    throw new KodenoError(
      "BAD_CONTENT",
      `Cannot tell which blobs of layout ${layout.directory} are in use: ${messageOf(error)}; ` +
        "remove the image with kodeno rm, or bring it again",
      {},
      { cause: error },
    );
  }
}

async function blobNames(folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(folder)) {
      if (isFile && isDigest(`sha256:${name}`)) names.push(name);
    }
  } catch (error) {
    // A layout without blobs need not have the folder.
    if (!isNotFound(error)) throw error;
  }
  return names.sort();
}
