/**
 * Moves a graph between two places: children before parents, the root last, tags after it, so that
 * a target never holds a name whose content is not there. Tells how far each blob is meanwhile.
 * @module
 */
import { hasCode, KodenoError } from "../errors.ts";
import type { Emit } from "../events.ts";
import { DamagedBlob } from "../io/hash.ts";
import { bytesStream, observed } from "../io/streams.ts";
import { Pool } from "../io/concurrency.ts";
import { type Descriptor, isForeign } from "../oci/descriptor.ts";
import { listed } from "../oci/entries.ts";
import { oddity } from "../oci/manifest.ts";
import { fetchBlob, isElsewhere } from "./blobs.ts";
import {
  type Blobs,
  type CallOptions,
  holdPlace,
  type OpenBlob,
  type Source,
  type Target,
} from "./places.ts";
import { hasSuccessors, readGraphDocument, refuseOdd, Walk, whyUnknown } from "./walk.ts";

/** How {@link copy} works. */
export interface CopyOptions extends CallOptions, TransferMeter {
  /** Blobs looked at and moved at once; default 6. */
  readonly concurrency?: number | undefined;
  /** Names the root gets in the target, in this order. */
  readonly tags?: readonly string[] | undefined;
  /**
   * Has the foreign layers that the source lacks; all of them are brought then. Unless given, none is:
   * their licenses keep them where their `urls` say, and an image is whole without them.
   */
  readonly foreign?: Blobs | undefined;
  /** Waited for before the root gets its names; where it fails, it gets none. */
  readonly before?: Promise<unknown> | undefined;
  /** Told of each blob that was moved, or found in the target, which may have got it by itself. */
  readonly onBlob?: ((descriptor: Descriptor, moved: boolean) => void) | undefined;
}

/** How often an image is brought that others take away before it has its name. */
export const MAX_TIMES_BROUGHT = 3;

/**
 * Copies the graph below a root. What the target has is skipped with all below it; what is not
 * there any more when the root gets its name is brought again.
 *
 * @param root a descriptor, or a name that the source resolves
 * @returns the root's descriptor
 * @throws {KodenoError} `BAD_CONTENT` when bytes are not what their descriptor says, or the graph
 * is deeper or larger than any image, `NOT_FOUND` when the source lacks a blob; the target then has
 * no new name
 *
 * @example
 * ```ts
 * import { copy, MemoryStore } from "@kodeno/kodeno";
 * const from = new MemoryStore();
 * const root = await from.add("text/plain", new TextEncoder().encode("hello"));
 * await copy(from, root, new MemoryStore(), { tags: ["greeting:latest"] });
 * ```
 */
export async function copy(
  source: Source,
  root: Descriptor | string,
  target: Target,
  options: CopyOptions = {},
): Promise<Descriptor> {
  const { concurrency = 6, tags = [], foreign, before, onBlob, signal, image } = options;
  const call: CallOptions = { signal };
  const pool = new Pool(concurrency);

  // The root is brought last, so that it may come with its first name.
  const [first] = tags;
  let isNamed = false;
  const left = new Map<string, Descriptor>();
  const bring = async (descriptor: Descriptor): Promise<void> => {
    isNamed = false;
    const walk: Walk = new Walk(async (d, { below }) => {
      refuseOdd(source, d);
      if (isForeign(d) && foreign === undefined) return void left.set(d.digest, d);
      const found = () => {
        tellThere(d, options);
        onBlob?.(d, false);
      };
      // A look takes a file or a connection, too, and a process may open so many of them only.
      const isThere = await pool.run(() => target.has(d, { signal: walk.signal }), Infinity);
      if (isThere && !mayLack(d, target, foreign)) return found();
      if (!hasSuccessors(d)) {
        const { signal } = walk;
        return await move(d, () => fetchBlob(source, d, { foreign, signal }), walk);
      }
      const document = await pool.run(
        () => tellingPlace(source, image, readGraphDocument(source, d, walk)),
        weight(d),
      );
      tellUnknown(options, document.index?.manifests);
      await below(isThere ? document.successors.filter(isForeignOrLeads) : document);
      if (isThere) return found();
      const name = d.digest === descriptor.digest ? first : undefined;
      if (name !== undefined) await before;
      await move(d, () => Promise.resolve(bytesStream(document.bytes)), walk, name);
    }, { parallel: true, signal });
    await walk.from(descriptor);
  };
  const move = async (d: Descriptor, open: OpenBlob, { signal }: Walk, name?: string) => {
    const transfer = beginTransfer(d, open, options);
    // Where a foreign layer came from, if from anywhere, its URLs say.
    const from = isForeign(d) ? undefined : source;
    await pool.run(async () => {
      signal?.throwIfAborted();
      const named = name && target.pushNamed?.(d, transfer.open, name, { signal });
      await tellingPlace(from, image, named || target.push(d, transfer.open, { signal }));
      if (named) isNamed = true;
    }, weight(d));
    const moved = transfer.done();
    onBlob?.(d, moved);
  };

  using _source = await holdPlace(source, call);
  using _target = await holdPlace(target, call);
  const descriptor = typeof root === "string" ? await source.resolve(root, call) : root;
  tellUnknown(options, [descriptor]);
  for (let brought = 1;; brought++) {
    await bring(descriptor);
    await before;
    try {
      for (const tag of isNamed ? tags.slice(1) : tags) await target.tag(descriptor, tag, call);
      tellLeftOut(options, [...left.values()]);
      return descriptor;
    } catch (error) {
      const isGone = hasCode(error, "NOT_FOUND") &&
        brought < MAX_TIMES_BROUGHT && !(await target.has(descriptor, call));
      if (!isGone) throw error;
    }
  }
}

/**
 * Work with blobs of an image; that one is damaged, or not in its layout or archive, is told of that
 * place and of the image, as far as they are known.
 */
export async function tellingPlace<T>(
  source: Blobs | undefined,
  image: string | undefined,
  work: Promise<T>,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (source?.what === undefined) throw error;
    if (error instanceof DamagedBlob) {
      throw new DamagedBlob(error.blob, error.why, source.what, image);
    }
    if (!image || !("entries" in source) || !hasCode(error, "NOT_FOUND")) throw error;
    const message = `${error.message}; image ${image} needs it`;
    throw new KodenoError("NOT_FOUND", message, error.detail);
  }
}

/**
 * What {@link copy} of some roots would move, each blob counted once; nothing is moved, and what the
 * source lacks is `NOT_FOUND`. Blobs whose digests are in `counted` would be there by then; those of
 * this copy come in. What `isMounted` says of the target need not be moved there.
 */
export async function measureCopy(
  source: Source,
  roots: readonly Descriptor[],
  target: Target,
  options: Pick<CopyOptions, "foreign" | "signal"> & TransferMeter & {
    readonly counted?: Set<string>;
    readonly isMounted?: (d: Descriptor) => boolean;
  } = {},
): Promise<{ readonly blobs: number; readonly bytes: number }> {
  const { counted = new Set(), isMounted, foreign, signal, image } = options;
  const { moved, onBlob } = countMoved();
  const left = new Map<string, Descriptor>();
  const walk = new Walk(async (d, { below }) => {
    refuseOdd(source, d);
    if (isForeign(d) && foreign === undefined) return void left.set(d.digest, d);
    const isCounted = counted.has(d.digest);
    const isThere = !isCounted && await target.has(d, { signal });
    if (!isThere) {
      counted.add(d.digest);
      onBlob(d, !isCounted && !isMounted?.(d));
    }
    if (!hasSuccessors(d)) {
      // Nobody is asked for what others have.
      if (!isThere && (foreign === undefined || !isElsewhere(d))) {
        await (await tellingPlace(source, image, fetchBlob(source, d, { signal }))).cancel();
      }
      return;
    }
    if (isThere && !mayLack(d, target, foreign)) return;
    const document = await tellingPlace(source, image, readGraphDocument(source, d, { signal }));
    tellUnknown(options, document.index?.manifests);
    await below(isThere ? document.successors.filter(isForeignOrLeads) : document);
  }, { signal });
  for (const root of roots) await walk.from(root);
  tellLeftOut(options, [...left.values()]);
  return moved;
}

/** Whether what is there may still lack foreign layers that are to be brought. */
function mayLack(d: Descriptor, { hasWholeImages }: Target, foreign: Blobs | undefined): boolean {
  return foreign !== undefined && !hasWholeImages && hasSuccessors(d);
}

const isForeignOrLeads = (d: Descriptor): boolean => isForeign(d) || hasSuccessors(d);

/** Documents first: they lead to more blobs, or make an image whole. */
function weight(d: Descriptor): number {
  return hasSuccessors(d) ? Infinity : d.size;
}

/** Milliseconds between two events of one blob. */
const EVERY_MS = 250;

/** Who is told of a transfer, and for which image. */
export interface TransferMeter {
  /** Takes the events; nothing is counted without it. */
  readonly emit?: Emit | undefined;
  /** Name of the image, for its events; "" unless given. */
  readonly image?: string | undefined;
}

/** Counts what is moved, of which `onBlob` of a copy tells. */
export function countMoved() {
  const moved = { blobs: 0, bytes: 0 };
  const onBlob = ({ size }: Descriptor, isMoved: boolean): void => {
    moved.blobs += isMoved ? 1 : 0;
    moved.bytes += isMoved ? size : 0;
  };
  return { moved, onBlob };
}

/** Tells that a blob need not be moved. */
function tellThere({ digest, size }: Descriptor, { emit, image = "" }: TransferMeter): void {
  emit?.({ type: "transfer", image, digest, bytes: 0, total: size, state: "there" });
}

/** Says which foreign layers were left behind, and where they are. */
export function tellLeftOut({ emit, image }: TransferMeter, left: readonly Descriptor[]): void {
  if (left.length === 0) return;
  const layers = listed(left.map(({ digest }) => digest));
  const urls = left.flatMap(({ urls }) => urls ?? []);
  const hosts = new Set(urls.map((url) => URL.parse(url)?.host).filter((host) => host));
  const why = hosts.size === 0
    ? "its license says so, and its manifest does not say where to get it"
    : `who runs it gets that from ${listed([...hosts].map(String))}, since its license says so`;
  const what = `foreign ${left.length === 1 ? "layer" : "layers"} ${layers}`;
  const of = image ? ` of ${image}` : "";
  const message = `Left out ${what}${of}: ${why}; take it along with --foreign`;
  emit?.({ type: "note", level: "warning", message });
}

/** Says that of what nobody here can read only the blob itself is moved. */
function tellUnknown({ emit }: TransferMeter, all: readonly Descriptor[] = []): void {
  for (const d of all.filter((d) => !hasSuccessors(d) && !oddity(d))) {
    const why = `${whyUnknown(d)}, so nobody can tell what else belongs to it`;
    const message = `Took ${d.digest} as a blob alone: ${why}`;
    emit?.({ type: "note", level: "warning", message });
  }
}

interface Transfer {
  /** Opens the blob for the place it goes to; its bytes are counted as they are read. */
  readonly open: OpenBlob;
  /** Tells the end of it, and whether its bytes were asked for at all. */
  done(): boolean;
}

/** Counts the bytes of a blob as they are taken. */
export function beginTransfer(d: Descriptor, open: OpenBlob, meter: TransferMeter): Transfer {
  const { emit, image = "" } = meter;
  const { digest, size: total } = d;
  let opened = false;
  let counted = 0;
  let toldAt = 0;
  const tell = (state: "moving" | "done"): void => {
    toldAt = performance.now();
    emit?.({ type: "transfer", image, digest, bytes: Math.min(counted, total), total, state });
  };
  return {
    open: async () => {
      opened = true;
      const stream = await open();
      if (emit === undefined) return stream;
      counted = 0;
      tell("moving");
      // The first bytes are worth an event: then it is known to move.
      toldAt = -EVERY_MS;
      return observed(stream, (chunk) => {
        counted += chunk.length;
        if (performance.now() - toldAt >= EVERY_MS) tell("moving");
      });
    },
    done: () => {
      // A registry that mounts it asks for nothing, nor does a place that has just got it.
      if (opened) tell("done");
      else tellThere(d, meter);
      return opened;
    },
  };
}
