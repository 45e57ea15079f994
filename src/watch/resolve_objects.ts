/**
 * Resolves once, or again and again: whenever a file of the objects or of the Go module changes.
 * @module
 */
import { resolve as absolute, sep } from "node:path";
import { resolve, type ResolvedManifest, type ResolveRequest } from "../build/resolve.ts";
import { cacheDirectory, processEnvironment } from "../config/environment.ts";
import { KodenoError, messageOf } from "../errors.ts";
import { ROUND_FAILED, type WorkOptions } from "../events.ts";
import { findUp, isInside } from "../io/files.ts";
import { FolderWatch } from "./folders.ts";
import { unchangedImages } from "./unchanged.ts";

/** Changes that come within this time are one, in milliseconds. */
const QUIET_MS = 200;

/** With `watch` it is done again when files change, till the signal ends it. */
export interface ResolveOptions extends WorkOptions {
  readonly watch?: boolean | undefined;
}

/**
 * Resolves objects, whose texts are made while `take` reads them; while they are watched, it gets those
 * whose text has changed.
 */
export async function resolveObjects(
  given: Omit<ResolveRequest, "unchanged">,
  take: (resolved: Iterable<ResolvedManifest>) => Promise<void> | void,
  { watch, ...work }: ResolveOptions,
): Promise<void> {
  const unchanged = unchangedImages(given.options);
  if (unchanged !== undefined && unchanged.reuse === undefined) {
    const why = "objects need the other images, too; say with --reuse where they are";
    const message = `Cannot resolve with --affected-since ${unchanged.since} alone: ${why}`;
    throw new KodenoError("BAD_OPTION", message);
  }
  const request = { ...given, unchanged };
  if (watch) await watchResolved(request, take, work);
  else await take(await resolve(request, work));
}

/**
 * Resolves, and does so again after each change, until the signal ends it. A round that fails is
 * told as a warning; the next change starts a new one. `take` gets the files whose text differs from
 * the round before.
 */
async function watchResolved(
  request: ResolveRequest,
  take: (changed: Iterable<ResolvedManifest>) => Promise<void> | void,
  work: WorkOptions,
): Promise<never> {
  const { files } = request.manifests;
  if (files.includes("-")) {
    const message = "Cannot watch the standard input: name files or folders, or leave --watch out";
    throw new KodenoError("BAD_OPTION", message);
  }
  const { workingDirectory = ".", ociLayout, tarball, environment } = request.options;
  const { imageRefs, metadataFile, iidFile } = request.options;
  const start = absolute(workingDirectory);
  const home = findUp(start, "go.work") ?? findUp(start, "go.mod") ?? start;
  const cache = cacheDirectory(environment ?? processEnvironment());
  // What a round writes must not start the next one.
  const own = [ociLayout || "out", tarball, imageRefs, metadataFile, iidFile, cache]
    .flatMap((path) => path || []);
  const ignored = own.map((path) => absolute(path));
  const before = new Map<string, string>();
  using changes = new FolderWatch(true, (path) => matters(path, ignored));
  const roots = [home, ...files.map((file) => absolute(file))];
  for (;;) {
    // First, or a change during the round would go unseen; and each time, since an editor may have put
    // another file in the place of one.
    changes.watch(roots);
    try {
      const resolved = [...await resolve(request, work)];
      const changed = resolved.filter(({ file, text }) => before.get(file) !== text);
      if (changed.length > 0) await take(changed);
      for (const { file, text } of changed) before.set(file, text);
    } catch (error) {
      work.signal?.throwIfAborted();
      if (!(error instanceof KodenoError)) throw error;
      work.emit?.({ type: "note", level: "warning", message: `Error: ${messageOf(error)}` });
      work.emit?.(ROUND_FAILED);
    }
    await changes.next(QUIET_MS, work.signal);
  }
}

/** Whether a change can mean anything: not in what kodeno or git writes, or in editors' own files. */
function matters(path: string, ignored: readonly string[]): boolean {
  if (ignored.some((one) => isInside(one, path))) return false;
  if (path.split(sep).includes(".git")) return false;
  return !/(?:~|\.sw[a-z]|\.tmp)$/.test(path);
}
