/**
 * Who is at work in a layout. Each process that counts on blobs which no entry leads to yet, or which
 * one may cease to lead to, shares a lock; whoever removes blobs holds it alone. The kernel ends it
 * with its process, and it needs no file of its own: it is held on the folder of the blobs.
 * @module
 */
import { join } from "node:path";
import { orAborted } from "../../io/work.ts";
import { openShared, withLock } from "../../io/lock.ts";

/** A process that wants the blobs for itself holds this one first, so that no others come in. */
const GATE = "blobs";
const LEASE = join("blobs", "sha256");

/** What this process holds, by the folder: a second one would wait behind who waits for the first. */
const held = new Map<string, { readonly file: Promise<Deno.FsFile>; holders: number }>();

/** Lets go of what was found in layouts that nobody has any more. */
const forgotten = new FinalizationRegistry<Disposable>((holding) => holding[Symbol.dispose]());

const NOTHING: Disposable = { [Symbol.dispose]: () => {} };

/** What one opened layout holds. */
export class Holder {
  #count = 0;
  #own: Promise<Disposable> | undefined;

  /** @param directory of the layout */
  constructor(readonly directory: string) {}

  /**
   * Takes a lease till it is disposed of; waits while blobs are being removed.
   *
   * @param signal ends the waiting
   */
  async hold(signal?: AbortSignal): Promise<Disposable> {
    const lease = await takeLease(this.directory, signal);
    this.#count++;
    let isOpen = true;
    const close = (): void => {
      if (isOpen) this.#count--;
      isOpen = false;
      lease[Symbol.dispose]();
    };
    return { [Symbol.dispose]: close };
  }

  /** Takes one till {@link letGo}, or till `owner` is no more, unless there is one. */
  async holdOn(owner: WeakKey, signal?: AbortSignal): Promise<void> {
    if (this.#count > 0) return;
    this.#own ??= takeLease(this.directory).then((lease) => {
      forgotten.register(owner, lease, this);
      return lease;
    });
    await orAborted(this.#own, signal);
  }

  /** Ends {@link holdOn}. */
  letGo(): void {
    forgotten.unregister(this);
    this.#own?.then((lease) => lease[Symbol.dispose]());
    this.#own = undefined;
  }
}

/** Where there are no blobs, or the file system has no locks, it is none: age alone protects then. */
async function takeLease(directory: string, signal?: AbortSignal): Promise<Disposable> {
  const folder = await Deno.realPath(join(directory, LEASE)).catch(() => undefined);
  if (folder === undefined) return NOTHING;
  const one = held.get(folder) ?? { file: enter(directory), holders: 0 };
  held.set(folder, one);
  one.holders++;
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    if (--one.holders > 0) return;
    if (held.get(folder) === one) held.delete(folder);
    one.file.then((file) => file.close(), () => {});
  };
  try {
    await orAborted(one.file, signal);
    return { [Symbol.dispose]: close };
  } catch {
    close();
    signal?.throwIfAborted();
    return NOTHING;
  }
}

async function enter(directory: string): Promise<Deno.FsFile> {
  const gate = await openShared(join(directory, GATE));
  try {
    return await openShared(join(directory, LEASE));
  } finally {
    gate.close();
  }
}

/**
 * Runs work while nobody has a lease, in this process neither. New ones wait meanwhile, so that those
 * who come and go all the time do not keep it off for ever.
 *
 * @param waitMs how long to wait for those who have one
 * @param signal ends the waiting
 * @returns `busy` when somebody still had one
 */
export async function withoutLeases<T>(
  directory: string,
  waitMs: number,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T | "busy"> {
  const late = new AbortController();
  const both = signal ? AbortSignal.any([signal, late.signal]) : late.signal;
  const timer = setTimeout(() => late.abort("busy"), waitMs);
  const alone = (): Promise<T> =>
    withLock(join(directory, LEASE), () => {
      clearTimeout(timer);
      return work();
    }, both);
  try {
    return await withLock(join(directory, GATE), alone, both);
  } catch (error) {
    if (error === "busy" && !signal?.aborted) return "busy";
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
