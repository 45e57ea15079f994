/**
 * The recipe of `kodeno resolve`: objects with the images in them, once or after each change.
 * @module
 */
import { resolve, type ResolvedManifest, type ResolveRequest } from "../build/resolve.ts";
import type { WorkOptions } from "../events.ts";
import { watchResolved } from "../watch/resolve_watch.ts";

/**
 * Resolves.
 *
 * @param take gets what was resolved; while it is watched, those whose text has changed
 * @param watch whether to do it again when files change, till the signal ends it
 * @throws {KodenoError} see `resolve` and `watchResolved`
 */
export async function resolveObjects(
  request: ResolveRequest,
  take: (resolved: Iterable<ResolvedManifest>) => Promise<void> | void,
  { watch = false, ...work }: WorkOptions & { readonly watch?: boolean | undefined },
): Promise<void> {
  if (watch) await watchResolved(request, take, work);
  else await take(await resolve(request, work));
}
