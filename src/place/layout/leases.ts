/**
 * Who is at work in a layout: each process that counts on blobs which no entry leads to yet, or which one
 * may cease to lead to, shares a lock (a lease); whoever removes blobs holds it alone. The kernel ends it
 * with its process, and it needs no file of its own: it is held on the folder of the blobs.
 * @module
 */
import { join } from "node:path";
import { openShared, withLock } from "../../io/lock.ts";
import { abortable, getOrSet, orAborted } from "../../io/concurrency.ts";
import { BLOBS } from "./files.ts";

/**
 * A process that wants the blobs for itself holds this one first, so that no others come in; the lease
 * itself is held on the folder of the blobs.
 */
const GATE = "blobs";

/** What this process holds, by the folder: a second one would wait behind who waits for the first. */
const held = new Map<string, { readonly file: Promise<Deno.FsFile>; holders: number }>();

/**
 * Waits while blobs are being removed. Where there are none, or the file system has no locks, it holds
 * nothing: age alone protects then.
 */
export async function takeLease(directory: string, signal?: AbortSignal): Promise<Disposable> {
  let folder: string;
  try {
    folder = Deno.realPathSync(join(directory, BLOBS));
  } catch {
    return new globalThis.DisposableStack();
  }
  const enter = async (): Promise<Deno.FsFile> => {
    using _gate = await openShared(join(directory, GATE));
    return await openShared(join(directory, BLOBS));
  };
  const one = getOrSet(held, folder, () => ({ file: enter(), holders: 0 }));
  one.holders++;
  const lease = new globalThis.DisposableStack();
  lease.defer(() => {
    if (--one.holders > 0) return;
    if (held.get(folder) === one) held.delete(folder);
    one.file.then((file) => file.close(), () => {});
  });
  try {
    await orAborted(one.file, signal);
  } catch {
    lease.dispose();
    signal?.throwIfAborted();
  }
  return lease;
}

/**
 * Runs work while nobody has a lease: `busy` when somebody still has one after some milliseconds, of which
 * none waits as long as it takes. New ones wait meanwhile, so that those who come and go all the time do not
 * keep it off for ever.
 */
export async function withoutLeases<T>(
  directory: string,
  waitMs: number | undefined,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T | "busy"> {
  const late = abortable(signal);
  const timer = waitMs === undefined ? undefined : setTimeout(() => late.abort("busy"), waitMs);
  const alone = (): Promise<T> =>
    withLock(join(directory, BLOBS), () => {
      clearTimeout(timer);
      return work();
    }, late.signal);
  try {
    return await withLock(join(directory, GATE), alone, late.signal);
  } catch (error) {
    if (error === "busy" && !signal?.aborted) return "busy";
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
