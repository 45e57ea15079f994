/**
 * Where images of this machine go: the Docker daemon, or the nodes of a kind cluster for names below
 * `kind.local`, as ko has it.
 * @module
 */
import type { CallOptions, Source } from "../content/places.ts";
import { KodenoError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Daemon } from "./daemon/daemon.ts";
import type { LoadOptions } from "./daemon/load.ts";
import { findDaemonOf, openDaemon } from "./open.ts";
import { kindCluster, type TransferConfig } from "./transfer.ts";

/** What became of an image. */
export interface LoadedLocally {
  /** Its ID. */
  readonly id: string;
  /** Whether it was sent; otherwise it was there. */
  readonly sent: boolean;
}

/** A daemon or a kind cluster. */
export interface LocalPlace {
  /** Says which platforms run there. */
  readonly daemon: Daemon;
  /**
   * Says before any work that it cannot be used.
   *
   * @throws {KodenoError} `BAD_PLACE` without such a cluster; `IO_FAILED`
   */
  check(options?: CallOptions): Promise<unknown>;
  /**
   * Brings an image there.
   *
   * @param names `NAME:TAG` each; without one it is found by its ID alone
   * @throws {KodenoError} as `loadImage` and `KindCluster.load`; `BAD_REFERENCE` for a cluster and an
   * image without a name
   */
  load(
    source: Pick<Source, "fetch">,
    root: Descriptor,
    names: readonly string[],
    options: LoadOptions,
  ): Promise<LoadedLocally>;
}

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
  const daemon = await openDaemon(config);
  // Most builds go to no daemon, and do not wait for its code.
  const { chooseForDaemon, loadImage } = await import("./daemon/load.ts");
  const cluster = domain === undefined ? undefined : kindCluster(domain, config.environment);
  if (cluster === undefined) {
    return {
      daemon,
      check: (options) => daemon.platforms(options),
      load: (source, root, names, options) => loadImage(daemon, source, root, names, options),
    };
  }
  const { KindCluster } = await import("./daemon/kind.ts");
  const kind = new KindCluster(await findDaemonOf(config), cluster);
  return {
    daemon,
    check: (options) => kind.nodes(options),
    async load(source, root, [name, ...others], options) {
      if (name === undefined) {
        const why = "nothing finds it there without a name";
        const message = `Cannot load ${root.digest} into kind cluster ${JSON.stringify(cluster)}`;
        throw new KodenoError("BAD_REFERENCE", `${message}: ${why}`);
      }
      const chosen = await chooseForDaemon(daemon, source, root, options);
      const { sent } = await kind.load(source, chosen, [name, ...others], options);
      return { id: chosen.digest, sent: sent.length > 0 };
    },
  };
}
