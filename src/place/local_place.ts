/**
 * Where images of this machine go: the Docker daemon, or the nodes of a kind cluster for names below
 * `kind.local`, as ko has it.
 * @module
 */
import { copy, type CopyOptions } from "../content/copy.ts";
import type { Source } from "../content/places.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Daemon, DaemonChoice } from "./daemon/daemon.ts";
import type { KindCluster } from "./daemon/kind.ts";
import { findDaemonOf } from "./open.ts";
import { kindCluster, type TransferConfig } from "./transfer.ts";

/** A daemon or a kind cluster. */
export type LocalPlace = Daemon | KindCluster;

/**
 * Opens the daemon that a configuration means, or the cluster that it means for a domain.
 *
 * @param domain of the names, where one was asked for
 * @throws {KodenoError} `BAD_PLACE`, `BAD_OPTION` as `findDaemonOf`
 */
export async function openLocalPlace(
  config: TransferConfig,
  domain: string | undefined,
): Promise<LocalPlace> {
  const { environment } = config;
  const endpoint = await findDaemonOf(config);
  const cluster = domain === undefined ? undefined : kindCluster(domain, environment);
  if (cluster === undefined) {
    // Most builds go to no daemon, and do not wait for its code.
    const { Daemon } = await import("./daemon/daemon.ts");
    return new Daemon(endpoint);
  }
  const { KindCluster } = await import("./daemon/kind.ts");
  return new KindCluster({ endpoint, cluster, environment });
}

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
