/**
 * Bringing an image to where images of this machine go: the Docker daemon, or the nodes of a kind cluster.
 * @module
 */
import { copy, type CopyOptions } from "../content/copy.ts";
import type { Source } from "../content/places.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { DaemonChoice } from "./daemon/daemon_place.ts";
import type { LocalPlace } from "./open.ts";

/**
 * Brings an image there, whole or not at all.
 *
 * @param platform the one of several; that of the place unless given
 * @param names `NAME:TAG` each; without one it is found by its ID alone
 * @returns its ID, and whether it was sent; otherwise it was there
 * @throws {KodenoError} `BAD_REFERENCE` for a cluster and an image without a name; and see `copy`
 */
export async function loadImage(
  place: LocalPlace,
  source: Source,
  root: Descriptor,
  names: readonly string[],
  { platform, ...options }: CopyOptions & Pick<DaemonChoice, "platform"> = {},
): Promise<{ readonly id: string; readonly sent: boolean }> {
  return await place.alone(async () => {
    let sent = false;
    const onBlob = (d: Descriptor, isMoved: boolean): void => {
      sent ||= isMoved;
      options.onBlob?.(d, isMoved);
    };
    const chosen = await place.prepare(source, root, { platform, signal: options.signal });
    await copy(source, chosen, place, { ...options, tags: names, onBlob });
    if (names.length === 0) await place.keep(chosen, options);
    await place.close(options);
    return { id: place.idOf(chosen), sent };
  });
}
