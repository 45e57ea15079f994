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
  const { imageRefs, metadataFile, iidFile, github, tarball } = request.options;
  if ((imageRefs ?? metadataFile ?? iidFile ?? tarball) !== undefined || github) {
    throw new KodenoError(
      "BAD_OPTION",
      "Cannot watch with --image-refs, --metadata-file, --iidfile, --github or --tarball: these are " +
        "about all images, and only those that change are built again; use --oci-layout, --push " +
        "or --local",
    );
  }
  return await watchImages(request, listener, work);
}
