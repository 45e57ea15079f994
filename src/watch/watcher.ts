/**
 * Images that are built, and built again whenever a file of theirs changes: which of them a change
 * touches, and what has to be looked at anew.
 * @module
 */
import { join, resolve } from "node:path";
import { buildImages } from "../build/build_images.ts";
import { planNames } from "../build/names.ts";
import { tellKept } from "../build/publisher.ts";
import { KO_FILES, resolveConfig } from "../config/config.ts";
import type { CommandOptions } from "../config/options.ts";
import { KodenoError } from "../errors.ts";
import { ROUND_FAILED, type WorkOptions } from "../events.ts";
import { isOwn } from "../go/sources.ts";
import { entriesIn } from "../io/files.ts";
import { FolderWatch, mayMatter, type WatchedFolders, watchedFolders } from "./folders.ts";
import { findFiles, type ImageFiles } from "./image_files.ts";

/** How long nothing has to happen before a change counts as complete, in milliseconds. */
const QUIET_MS = 100;

/** What was asked for. */
export interface WatchRequest {
  readonly patterns: readonly string[];
  readonly options: CommandOptions;
}

/** What {@link watchImages} tells. */
export interface WatchListener {
  /** An image was built, so many milliseconds after the change was seen. */
  readonly built: (image: { importPath: string; reference: string; elapsedMs: number }) => void;
  /** A build failed; the next change is awaited. */
  readonly failed: (error: KodenoError) => void;
  /** All is built for now. */
  readonly waiting: (what: { images: number; folders: number }) => void;
}

/**
 * Builds, and builds again what a change touches, until the signal is aborted. Input that is wrong from
 * the start, and what is no failure of a build, end it, too.
 */
export async function watchImages(
  request: WatchRequest,
  listener: WatchListener,
  work: WorkOptions,
): Promise<never> {
  using folders = new FolderWatch();
  const watcher = new Watcher(request, listener, work, folders);
  await watcher.begin();
  const look = () => watcher.untold();
  for (;;) await watcher.round(await folders.next(QUIET_MS, work.signal, look));
}

class Watcher {
  readonly #root: string;
  #images: readonly ImageFiles[] = [];
  #watched: WatchedFolders = { folders: new Set(), data: new Set(), open: new Set(), missing: [] };
  /** Whether it was said that images are only kept in the layout. */
  #isTold = false;
  /** Import paths of what has to be built. */
  readonly #pending = new Set<string>();
  /** What tells changed files apart from other states of them, as they were built. */
  readonly #handled = new Map<string, string>();
  /** States of files when they were looked at last. */
  #seen: ReadonlyMap<string, string> = new Map();
  /** Whether the images could not be looked at the last time. */
  #unsure = false;

  constructor(
    readonly request: WatchRequest,
    readonly listener: WatchListener,
    readonly work: WorkOptions,
    readonly folders: FolderWatch,
  ) {
    this.#root = resolve(request.options.workingDirectory ?? ".");
  }

  async begin(): Promise<void> {
    const began = Date.now();
    this.#images = await this.#look();
    await this.untold();
    await this.#watch(began);
    this.#touchAll();
    await this.#build(began);
  }

  /** Files of the images that are others than when this was asked before. */
  async untold(): Promise<readonly string[]> {
    const states = await statesOf(this.#files());
    const changed = [...states].filter(([path, state]) => {
      const before = this.#seen.get(path);
      return before !== undefined && before !== state && this.#handled.get(path) !== state;
    });
    this.#seen = states;
    return changed.map(([path]) => path);
  }

  async round(paths: ReadonlySet<string>): Promise<void> {
    const began = Date.now();
    const states = await statesOf(paths);
    // On a busy machine a change may be told again after it was built.
    const changed = [...paths].filter((path) => {
      const state = states.get(path);
      return state === undefined || this.#handled.get(path) !== state;
    });
    const known = this.#files();
    const isNews = changed.some((path) =>
      !known.has(path) && mayMatter(path, this.#images, this.#watched)
    );
    if (!isNews && !changed.some((path) => known.has(path))) return;
    this.#touch(changed);
    try {
      // What is known tells whose it is; what is new has to be looked for first.
      if (isNews || this.#unsure) {
        const others = await this.#lookAgain(changed, began);
        // These are about to be built, though their changes may not have been told yet.
        for (const [path, state] of await statesOf(others)) states.set(path, state);
      }
      if (!await this.#build(began)) return;
      for (const [path, state] of states) this.#handled.set(path, state);
      // The change may have been an import.
      if (!isNews) await this.#lookAgain([], began);
    } catch (error) {
      this.#fail(error);
      // Whose change it was is not known now; when it is mended, all can be seen to be so.
      this.#unsure = true;
      this.#touchAll();
      await this.#watch(began);
    }
  }

  #files(): ReadonlySet<string> {
    return new Set(this.#images.flatMap(({ files }) => files));
  }

  async #look(): Promise<readonly ImageFiles[]> {
    const { build } = await resolveConfig(this.request.options, this.work);
    const images = await findFiles(build, this.request.patterns, this.work);
    if (build.koFile !== undefined) return images;
    // The first to come is seen, too.
    const files = KO_FILES.map((name) => join(this.#root, name));
    return images.map((image) => ({ ...image, absent: [...image.absent, ...files] }));
  }

  /**
   * Looks at the images anew; those whose files are others now, or that are new, are to be built. Gives
   * files that came or went.
   */
  async #lookAgain(changed: readonly string[], began: number): Promise<ReadonlySet<string>> {
    const before = new Map(this.#images.map(({ importPath, files }) => [importPath, files]));
    this.#images = await this.#look();
    this.#unsure = false;
    this.#touch(changed);
    const others = new Set<string>();
    for (const { importPath, files } of this.#images) {
      const different = new Set(files).symmetricDifference(new Set(before.get(importPath)));
      if (changed.length > 0 && different.size > 0) this.#pending.add(importPath);
      for (const path of different) others.add(path);
    }
    await this.#watch(began);
    return others;
  }

  /** Images that have one of the changed files are to be built. */
  #touch(changed: readonly string[]): void {
    for (const { importPath, packageDirectory, files } of this.#images) {
      const own = new Set(files);
      // Of kodata, folders are in the image, too.
      const kodata = `${join(packageDirectory, "kodata")}/`;
      if (changed.some((path) => own.has(path) || `${path}/`.startsWith(kodata))) {
        this.#pending.add(importPath);
      }
    }
  }

  #touchAll(): void {
    for (const { importPath } of this.#images) this.#pending.add(importPath);
  }

  async #watch(began: number): Promise<void> {
    this.#watched = await watchedFolders(this.#images, this.#root, this.request.patterns);
    // What changed after it was looked at and before it was watched.
    await Promise.all(
      this.folders.watch(this.#watched.folders).map(async (folder) => {
        for (const { name } of await entriesIn(folder)) {
          const path = join(folder, name);
          const info = await Deno.stat(path).catch(() => undefined);
          if ((info?.mtime?.getTime() ?? 0) > began) this.folders.add(path);
        }
      }),
    );
  }

  /** Builds what is pending; it stays pending when that fails. */
  async #build(began: number): Promise<boolean> {
    const pending = this.#images.filter(({ importPath }) => this.#pending.has(importPath));
    try {
      if (pending.length > 0) {
        const patterns = pending.map(patternOf);
        const config = await resolveConfig(this.request.options, this.work);
        // Named as if all were built at once, whichever of them are.
        const all = this.#images.map(({ importPath }) => importPath);
        const names = (built: readonly string[]) =>
          planNames([...new Set([...all, ...built])], config.publish);
        const references = await buildImages({ config, patterns, naming: { names } }, this.work);
        if (!this.#isTold) tellKept(config.publish, config.publish.repository, this.work.emit);
        this.#isTold = true;
        this.#pending.clear();
        const elapsedMs = Date.now() - began;
        for (const [importPath, reference] of references) {
          this.listener.built({ importPath, reference, elapsedMs });
        }
      }
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    } finally {
      if (!this.work.signal?.aborted) {
        const folders = this.#watched.folders.size;
        this.listener.waiting({ images: this.#images.length, folders });
      }
    }
  }

  /** Failures of the work are told; others, and Ctrl-C, end the watching. */
  #fail(error: unknown): void {
    this.work.signal?.throwIfAborted();
    if (!(error instanceof KodenoError)) throw error;
    this.listener.failed(error);
    this.work.emit?.(ROUND_FAILED);
  }
}

/** What tells a file apart from what it was before and will be after; nothing for folders. */
async function statesOf(paths: ReadonlySet<string>): Promise<Map<string, string>> {
  const states = new Map<string, string>();
  await Promise.all([...paths].map(async (path) => {
    const info = await Deno.stat(path).catch(() => undefined);
    if (info?.isDirectory) return;
    states.set(path, [info?.ino, info?.size, info?.mtime?.getTime()].join());
  }));
  return states;
}

/** How a build finds the image again: by its folder, since that is not of the same module for all. */
function patternOf({ importPath, packageDirectory, packages }: ImageFiles): string {
  const main = packages.find((one) => one.ImportPath === importPath);
  return main !== undefined && isOwn(main) ? packageDirectory : importPath;
}
