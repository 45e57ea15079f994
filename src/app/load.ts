/**
 * The use case of `kodeno load`: images of a layout or archive into the Docker daemon.
 * @module
 */
import { resolveTransferConfig, type TransferOptions } from "../config/transfer_config.ts";
import type { Emit } from "../events.ts";
import { imageName, refName } from "../oci/entries.ts";
import { parsePlatformSpec } from "../oci/platform.ts";
import { loadImage } from "../store/daemon/load.ts";
import { chooseImages } from "./choose_images.ts";
import { openDaemon, openImages } from "./places.ts";
import { splitReferrers } from "./referrers.ts";
import { type ImageSummary, summarize } from "./summary.ts";

/** What was asked for. */
export interface LoadRequest extends TransferOptions {
  /** Path of a layout or an archive. */
  readonly from: string;
  /** Names, tags or digests of the images to load; default all. */
  readonly images?: readonly string[] | undefined;
  /** The one to load of several platforms; default the daemon's own. */
  readonly platform?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly emit?: Emit | undefined;
}

/** An image in the daemon. */
export interface LoadedImage extends ImageSummary {
  /** `NAME:TAG` in the daemon. */
  readonly name: string;
  /** Of the manifest or index it came from. */
  readonly digest: string;
  /** What it can be run by. */
  readonly references: readonly string[];
  /** Its ID in the daemon. */
  readonly id: string;
  /** Whether it was sent; otherwise the daemon had it and it got its name. */
  readonly sent: boolean;
}

/**
 * Loads.
 *
 * @throws {KodenoError} `BAD_PLACE` when there is no daemon or no such layout, `BAD_PLATFORM`,
 * `NOT_FOUND`, `BAD_CONTENT`, `IO_FAILED`
 */
export async function load(request: LoadRequest): Promise<readonly LoadedImage[]> {
  const { from, images = [], signal, emit } = request;
  const platform = request.platform === undefined ? undefined : parsePlatformSpec(request.platform);
  const source = await openImages(from);
  const chosen = await chooseImages(source, images, "load", from);
  // A daemon keeps nothing that only refers to an image.
  const entries = (await splitReferrers(source, chosen, { signal })).images;
  const daemon = await openDaemon(resolveTransferConfig(request));
  const loaded: LoadedImage[] = [];
  for (const entry of entries) {
    const name = imageName(entry) ?? `kodeno:${refName(entry) ?? "latest"}`;
    const options = { signal, platform, emit, image: name };
    const { id, sent } = await loadImage(daemon, source, entry, [name], options);
    const summary = await summarize(source, entry, { signal });
    loaded.push({ name, digest: entry.digest, ...summary, references: [name], id, sent });
  }
  return loaded;
}
