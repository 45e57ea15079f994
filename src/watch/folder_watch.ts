/**
 * Looking at folders for changes: each one by itself, so that huge trees beside them cost nothing.
 * @module
 */
import { existsSync } from "node:fs";
import { KodenoError, messageOf } from "../errors.ts";
import { isFolder } from "../io/files.ts";

/** Watchers of the system that are open at once before they are made one again. */
const MAX_WATCHERS = 8;

/** How often files are looked at while nothing is told, in milliseconds. */
const LOOK_MS = 3000;

/** How folders are watched. */
interface FolderWatchOptions {
  /** Whether what is in their folders is watched, too; files can then be watched as well. */
  readonly recursive?: boolean;
  /** Whether a change of a path is one; default any. */
  readonly matters?: (path: string) => boolean;
}

/** Folders that are watched. */
export class FolderWatch implements Disposable {
  readonly #folders = new Set<string>();
  /** Those of them that went, or came again: the system's watch may be of what was there before. */
  readonly #stale = new Set<string>();
  readonly #watchers: Deno.FsWatcher[] = [];
  #changed = new Set<string>();
  #lastChange = 0;
  #wake: () => void = () => {};
  #failure: unknown;

  constructor(readonly options: FolderWatchOptions = {}) {}

  /**
   * Watches folders, beside those that are watched already; what is no folder is left out.
   *
   * @param folders absolute
   * @returns those that are new
   * @throws {KodenoError} `IO_FAILED` when the system has no more watches to give
   */
  watch(folders: Iterable<string>): readonly string[] {
    const isFresh = (one: string): boolean => !this.#folders.has(one) || this.#stale.has(one);
    const isThere = this.options.recursive ? existsSync : isFolder;
    const fresh = [...new Set(folders)].filter((one) => isFresh(one) && isThere(one));
    if (fresh.length === 0) return [];
    for (const folder of fresh) {
      this.#folders.add(folder);
      this.#stale.delete(folder);
    }
    if (this.#watchers.length < MAX_WATCHERS) this.#open(fresh);
    else {
      this.#close();
      this.#open([...this.#folders].filter(isThere));
    }
    return fresh;
  }

  /** Says that a file has changed, as if it had been seen. */
  add(path: string): void {
    this.#changed.add(path);
    this.#lastChange = performance.now();
    this.#wake();
  }

  /**
   * The next changes: waits for one, and then till nothing more happens for a while.
   *
   * @param quiet how long, in milliseconds
   * @param look asked now and then, since some file systems tell of no changes and a busy system may
   * lose one: what has changed and was not told of
   * @throws the signal's reason; what a watcher failed with
   */
  async next(
    quiet: number,
    signal?: AbortSignal,
    look: () => Promise<Iterable<string>> = () => Promise.resolve([]),
  ): Promise<ReadonlySet<string>> {
    const wake = (): void => this.#wake();
    signal?.addEventListener("abort", wake, { once: true });
    try {
      for (;;) {
        signal?.throwIfAborted();
        if (this.#failure !== undefined) throw this.#failure;
        const left = this.#lastChange + quiet - performance.now();
        if (this.#changed.size > 0 && left <= 0) break;
        const isQuiet = this.#changed.size === 0;
        const woken = await this.#sleep(isQuiet ? LOOK_MS : left);
        if (!woken && isQuiet) { for (const path of await look()) this.add(path); }
      }
    } finally {
      signal?.removeEventListener("abort", wake);
    }
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  #open(folders: readonly string[]): void {
    const { recursive = false } = this.options;
    let watcher: Deno.FsWatcher;
    try {
      watcher = Deno.watchFs([...folders], { recursive });
    } catch (error) {
      throw new KodenoError(
        "IO_FAILED",
        `Cannot watch ${folders.length} folders: ${messageOf(error)}; on Linux, ` +
          "fs.inotify.max_user_watches and fs.inotify.max_user_instances may have to be greater",
        {},
        { cause: error },
      );
    }
    this.#watchers.push(watcher);
    this.#read(watcher).catch((error) => {
      this.#failure = error;
      this.#wake();
    });
  }

  async #read(watcher: Deno.FsWatcher): Promise<void> {
    for await (const { kind, paths } of watcher) {
      // Reading is no change; builds do it all the time.
      if (kind === "access") continue;
      for (const path of paths) {
        if (this.options.matters?.(path) === false) continue;
        // A folder that comes again is another one.
        if (kind === "remove" || kind === "rename") this.#stale.add(path);
        this.add(path);
      }
    }
  }

  /** Sleeps so long, or till something happens, which it tells. */
  async #sleep(milliseconds: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#wake = () => resolve(true);
    const timer = setTimeout(() => resolve(false), milliseconds);
    const woken = await promise;
    clearTimeout(timer);
    return woken;
  }

  #close(): void {
    for (const watcher of this.#watchers.splice(0)) watcher.close();
  }
}
