/**
 * The recipe of `kodeno watch`: images are built, and built again whenever a file of theirs changes,
 * till the signal ends it.
 * @module
 */
import { KodenoError } from "../errors.ts";
import type { WorkOptions } from "../events.ts";
import { watchImages, type WatchListener, type WatchRequest } from "../watch/watcher.ts";

/** Refuses outputs that are about all images, and watches. */
export async function watch(request: WatchRequest, listener: WatchListener, work: WorkOptions) {
  const { imageRefs, tarball } = request.options;
  if (imageRefs !== undefined || tarball !== undefined) {
    throw new KodenoError(
      "BAD_OPTION",
      "Cannot watch with --image-refs or --tarball: these are about all images, and only those " +
        "that change are built again; use --oci-layout, --push or --local",
    );
  }
  return await watchImages(request, listener, work);
}
