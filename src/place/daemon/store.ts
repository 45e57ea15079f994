/**
 * A Docker daemon as any other place: images are read from it by their names, and get into it when
 * they are given one. Both ways lead over a folder of temporary files; commands use
 * `loadImage`, which needs none.
 * @module
 */
import { join } from "node:path";
import type { CallOptions, OpenBlob, Source, Target } from "../../content/places.ts";
import { KodenoError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { PlatformSpec } from "../../oci/platform.ts";
import { ArchiveTarget } from "../archive/archive_target.ts";
import { Daemon } from "./daemon.ts";
import type { DaemonEndpoint } from "./endpoint.ts";
import { findDaemon } from "./find_daemon.ts";
import { loadImage } from "./load.ts";
import { type DaemonImage, openDaemonImage } from "./save.ts";

/** Where a daemon is, and what it takes. */
export interface DaemonOptions {
  /** Where it is; as `environment` says unless given. */
  readonly endpoint?: DaemonEndpoint | undefined;
  /** Variables that say where it is, such as DOCKER_HOST; see {@link findDaemon}. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** The one it gets of several platforms; its own unless given. */
  readonly platform?: PlatformSpec | undefined;
  /** Gives it all platforms, for daemons that keep them (those with containerd's image store). */
  readonly keepAll?: boolean | undefined;
}

/**
 * Opens the Docker daemon that Docker's command line would use; dials nothing yet.
 *
 * @returns the daemon; dispose of it, since it keeps temporary files
 * @throws {KodenoError} `BAD_OPTION` for an address that cannot be dialled, `IO_FAILED` where there is
 * no daemon
 *
 * @example
 * ```ts
 * import { openDaemon } from "../../../mod.ts";
 * await using daemon = await openDaemon({ environment: { DOCKER_HOST: "tcp://127.0.0.1:2375" } });
 * if (daemon.where !== "tcp://127.0.0.1:2375") throw new Error();
 * // await copy(image, image.root, daemon, { tags: ["app:v1"] });
 * // await copy(daemon, "app:v1", layout, { tags: ["app:v1"] });
 * ```
 */
export async function openDaemon(options: DaemonOptions = {}): Promise<DaemonStore> {
  const endpoint = options.endpoint ?? await findDaemon(options.environment ?? {});
  return new DaemonStore(new Daemon(endpoint), options);
}

/** The images of a daemon. Made by {@link openDaemon}. */
export class DaemonStore implements Source, Target, AsyncDisposable {
  readonly #daemon: Daemon;
  readonly #options: DaemonOptions;
  readonly #images = new Map<string, Promise<DaemonImage>>();
  /** Blobs that wait for the name that has them loaded. */
  #arrived: Promise<Arrived> | undefined;

  /** Takes a daemon. @ignore */
  constructor(daemon: Daemon, options: DaemonOptions = {}) {
    this.#daemon = daemon;
    this.#options = options;
  }

  /** Where it is, for messages. */
  get where(): string {
    return this.#daemon.where;
  }

  /**
   * The manifest of an image, made from what the daemon writes of it.
   *
   * @param ref `NAME[:TAG]`, or an ID
   */
  async resolve(ref: string, options: CallOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted();
    const image = this.#images.get(ref) ?? openDaemonImage(this.#daemon, ref, options);
    this.#images.set(ref, image);
    image.catch(() => this.#images.delete(ref));
    return (await image).root;
  }

  /** The bytes of a blob of an image that was asked for with {@link resolve}. */
  async fetch(d: Descriptor, options: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    options.signal?.throwIfAborted();
    for (const image of this.#images.values()) {
      try {
        return await (await image).fetch(d, options);
      } catch (error) {
        if (!(error instanceof KodenoError) || error.code !== "NOT_FOUND") throw error;
      }
    }
    throw new KodenoError(
      "NOT_FOUND",
      `Cannot find blob ${d.digest} in the Docker daemon at ${this.where}: resolve its image first`,
    );
  }

  /** Whether the blob arrived here before; a daemon itself does not tell. */
  async has(d: Descriptor, options: CallOptions = {}): Promise<boolean> {
    const arrived = await this.#arrived;
    return arrived !== undefined && await arrived.archive.has(d, options);
  }

  /** {@inheritDoc Target.push} */
  async push(d: Descriptor, open: OpenBlob, options: CallOptions = {}): Promise<void> {
    await (await (this.#arrived ??= arrive())).archive.push(d, open, options);
  }

  /**
   * Loads an image that was pushed, under a name; one that the daemon has only gets the name. Of
   * several platforms the daemon gets its own, unless the options say otherwise.
   *
   * @param ref `NAME:TAG` or `NAME`
   */
  async tag(d: Descriptor, ref: string, options: CallOptions = {}): Promise<void> {
    const arrived = await this.#arrived;
    if (arrived === undefined || !(await arrived.archive.has(d, options))) {
      throw new KodenoError(
        "NOT_FOUND",
        `Cannot tag ${d.digest} in the Docker daemon at ${this.where}: it was not brought there`,
      );
    }
    const { platform, keepAll } = this.#options;
    await loadImage(this.#daemon, arrived.archive, d, [ref], { ...options, platform, keepAll });
  }

  /** Removes the temporary files. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const image of this.#images.values()) {
      await image.then((one) => one[Symbol.asyncDispose](), () => {});
    }
    this.#images.clear();
    const arrived = await this.#arrived;
    this.#arrived = undefined;
    if (arrived === undefined) return;
    await arrived.archive[Symbol.asyncDispose]();
    await Deno.remove(arrived.folder, { recursive: true });
  }
}

interface Arrived {
  readonly folder: string;
  readonly archive: ArchiveTarget;
}

async function arrive(): Promise<Arrived> {
  const folder = await Deno.makeTempDir({ prefix: "kodeno-daemon-" });
  return { folder, archive: new ArchiveTarget(join(folder, "images.tar")) };
}
