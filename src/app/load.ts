/**
 * The use case of `kodeno load`: images of a layout or archive into the Docker daemon.
 * @module
 */
import { resolveTransferConfig, type TransferOptions } from "../config/transfer_config.ts";
import { KodenoError } from "../errors.ts";
import { imageName, refName } from "../oci/entries.ts";
import { parsePlatformSpec } from "../oci/platform.ts";
import { Daemon } from "../store/daemon/daemon.ts";
import { findDaemon } from "../store/daemon/find_daemon.ts";
import { loadImage } from "../store/daemon/load.ts";
import { openImages } from "./places.ts";

/** What was asked for. */
export interface LoadRequest extends TransferOptions {
  /** Path of a layout or an archive. */
  readonly from: string;
  /** Names, tags or digests of the images to load; default all. */
  readonly images?: readonly string[] | undefined;
  /** The one to load of several platforms; default the daemon's own. */
  readonly platform?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An image in the daemon. */
export interface LoadedImage {
  readonly name: string;
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
  const { from, images = [], signal } = request;
  const platform = request.platform === undefined ? undefined : parsePlatformSpec(request.platform);
  const source = await openImages(from);
  const entries = images.length === 0
    ? await source.entries()
    : await Promise.all(images.map((image) => source.resolve(image)));
  if (entries.length === 0) {
    throw new KodenoError("NOT_FOUND", `Cannot load ${from}: it has no images`);
  }
  const { environment } = resolveTransferConfig(request);
  const daemon = new Daemon(await findDaemon(environment));
  const loaded: LoadedImage[] = [];
  for (const entry of entries) {
    const name = imageName(entry) ?? `kodeno:${refName(entry) ?? "latest"}`;
    const { id, sent } = await loadImage(daemon, source, entry, [name], { signal, platform });
    loaded.push({ name, id, sent });
  }
  return loaded;
}
