/**
 * Resolves again and again: whenever a file of the objects or of the Go module changes.
 * @module
 */
import { dirname, join, relative, resolve as absolute, sep } from "node:path";
import { cacheDirectory, processEnvironment } from "../config/environment.ts";
import { KodenoError, messageOf } from "../errors.ts";
import { ioFailure } from "../io/fail.ts";
import type { WorkOptions } from "../events.ts";
import { resolve, type ResolvedManifest, type ResolveRequest } from "../build/resolve.ts";

/** Changes that come within this time are one, in milliseconds. */
const QUIET_MS = 200;

/**
 * Resolves, and does so again after each change, until the signal ends it. A round that fails is
 * told as a warning; the next change starts a new one.
 *
 * @param take gets the files whose text differs from the round before
 * @throws {KodenoError} `INTERRUPTED`; `BAD_OPTION` for the standard input, which does not change
 */
export async function watchResolved(
  request: ResolveRequest,
  take: (changed: readonly ResolvedManifest[]) => Promise<void>,
  options: WorkOptions,
): Promise<void> {
  const { files } = request.manifests;
  if (files.includes("-")) {
    throw new KodenoError(
      "BAD_OPTION",
      "Cannot watch the standard input: name files or folders, or leave --watch out",
    );
  }
  const home = await moduleRoot(absolute(request.options.workingDirectory ?? "."));
  const roots = [home, ...files.map((file) => absolute(file))].filter(exists);
  const { ociLayout, tarball, imageRefs } = request.options;
  const cache = cacheDirectory(request.options.environment ?? processEnvironment());
  // What a round writes must not start the next one.
  const own = [ociLayout || "out", tarball, imageRefs, cache].flatMap((path) => path || []);
  const ignored = own.map((path) => absolute(path));
  const before = new Map<string, string>();
  // Watching begins first, or a change during a round would go unseen.
  const changes = new Changes(roots, (path) => matters(path, ignored), options.signal);
  try {
    for (;;) {
      try {
        const resolved = [...await resolve(request, options)];
        const changed = resolved.filter(({ file, text }) => before.get(file) !== text);
        if (changed.length > 0) await take(changed);
        for (const { file, text } of changed) before.set(file, text);
      } catch (error) {
        options.signal?.throwIfAborted();
        if (!(error instanceof KodenoError)) throw error;
        options.emit?.({ type: "note", level: "warning", message: `Error: ${messageOf(error)}` });
      }
      await changes.next();
    }
  } finally {
    changes.close();
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch {
    return false;
  }
}

/** The folder of the module or workspace, or the folder itself. */
async function moduleRoot(start: string): Promise<string> {
  for (const name of ["go.work", "go.mod"]) {
    for (let folder = start;; folder = dirname(folder)) {
      if (await Deno.stat(join(folder, name)).then((info) => info.isFile, () => false)) {
        return folder;
      }
      if (dirname(folder) === folder) break;
    }
  }
  return start;
}

/** Whether a change can mean anything: not in what kodeno or git writes, or in editors' own files. */
function matters(path: string, ignored: readonly string[]): boolean {
  if (ignored.some((one) => !relative(one, path).startsWith(".."))) return false;
  if (path.split(sep).includes(".git")) return false;
  return !/(?:~|\.sw[a-z]|\.tmp)$/.test(path);
}

/** Waits for changes of files. */
class Changes {
  readonly #watcher: Deno.FsWatcher;
  readonly #end: () => void;
  #waiting = Promise.withResolvers<void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    roots: readonly string[],
    matters: (path: string) => boolean,
    readonly signal: AbortSignal | undefined,
  ) {
    try {
      this.#watcher = Deno.watchFs([...roots]);
    } catch (error) {
      throw ioFailure(`watch ${roots.join(", ")}`, error);
    }
    this.#end = () => this.#waiting.reject(signal?.reason);
    this.#waiting.promise.catch(() => {});
    signal?.addEventListener("abort", this.#end, { once: true });
    this.#listen(matters).catch((error) => this.#waiting.reject(error));
  }

  async #listen(matters: (path: string) => boolean): Promise<void> {
    for await (const { kind, paths } of this.#watcher) {
      if (kind === "access" || !paths.some(matters)) continue;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#waiting.resolve(), QUIET_MS);
    }
  }

  /** Waits till something has changed since the last call, and is quiet again. */
  async next(): Promise<void> {
    this.signal?.throwIfAborted();
    await this.#waiting.promise;
    this.#waiting = Promise.withResolvers<void>();
    this.#waiting.promise.catch(() => {});
  }

  close(): void {
    clearTimeout(this.#timer);
    this.signal?.removeEventListener("abort", this.#end);
    this.#watcher.close();
  }
}
