/**
 * The places a build can put its images: each takes one finished image at a time.
 * @module
 */
import type { PublishConfig } from "../config/publish_config.ts";
import { copy } from "../content/copy.ts";
import type { CallOptions } from "../content/places.ts";
import type { BuiltImage } from "../image/built_image.ts";
import { ArchiveTarget } from "../store/archive/archive_target.ts";
import { Daemon } from "../store/daemon/daemon.ts";
import { findDaemon } from "../store/daemon/find_daemon.ts";
import { loadImage } from "../store/daemon/load.ts";
import { type Layout, openLayout } from "../store/layout/layout.ts";
import { checkMarker } from "../store/layout/marker.ts";
import type { Registries } from "../store/registry/registry.ts";
import { openRegistries } from "./places.ts";

/** A place for images. */
export interface Destination {
  /** Says before anything is built that the place cannot be used; makes nothing. */
  check(): Promise<void>;
  /** Puts an image there, under names of the form `NAME:TAG` that differ in the tag. */
  put(image: BuiltImage, name: string, tags: readonly string[], o: CallOptions): Promise<void>;
  /** Ends the work well: what was collected is written, connections are closed. */
  finish(options: CallOptions): Promise<void>;
  /** Takes back what failed work has left. */
  undo(): Promise<void>;
}

/**
 * All places of a configuration; nothing is opened or made before the first image is there.
 *
 * @param mountFrom repositories whose layers a registry may have already, such as the base's
 */
export function openDestinations(
  config: PublishConfig,
  mountFrom: readonly string[] = [],
): readonly Destination[] {
  return [
    ...(config.layout === undefined ? [] : [new LayoutDestination(config.layout)]),
    ...(config.push ? [new RegistryDestination(config, mountFrom)] : []),
    ...(config.local ? [new DaemonDestination(config)] : []),
    ...(config.tarball === undefined ? [] : [new ArchiveDestination(config.tarball)]),
  ];
}

class LayoutDestination implements Destination {
  #layout: Promise<Layout> | undefined;

  constructor(readonly path: string) {}

  async check(): Promise<void> {
    await checkMarker(this.path, true);
  }

  async put(image: BuiltImage, name: string, tags: readonly string[], o: CallOptions) {
    const layout = await (this.#layout ??= openLayout(this.path, { create: true }));
    await copy(image, image.root, layout, { ...o, tags: tags.map((tag) => `${name}:${tag}`) });
  }

  async finish(): Promise<void> {}

  async undo(): Promise<void> {
    const layout = await this.#layout?.catch(() => undefined);
    await layout?.undo();
  }
}

class RegistryDestination implements Destination {
  readonly #registries: Registries;

  constructor({ transfer, repository }: PublishConfig, mountFrom: readonly string[]) {
    const named = [`${repository}/x`];
    this.#registries = openRegistries(transfer, { named, mountFrom });
  }

  async check(): Promise<void> {}

  async put(image: BuiltImage, name: string, tags: readonly string[], o: CallOptions) {
    await copy(image, image.root, this.#registries.open(name), { ...o, tags });
  }

  finish(): Promise<void> {
    this.#registries.close();
    return Promise.resolve();
  }

  undo(): Promise<void> {
    // Images that were pushed stay: somebody may already be using them.
    return this.finish();
  }
}

class DaemonDestination implements Destination {
  #daemon: Promise<Daemon> | undefined;

  constructor(readonly config: PublishConfig) {}

  async check(): Promise<void> {
    await this.#open();
  }

  #open(): Promise<Daemon> {
    const { environment } = this.config.transfer;
    return this.#daemon ??= findDaemon(environment).then((at) => new Daemon(at));
  }

  async put(image: BuiltImage, name: string, tags: readonly string[], o: CallOptions) {
    await loadImage(await this.#open(), image, image.root, tags.map((tag) => `${name}:${tag}`), o);
  }

  async finish(): Promise<void> {}

  async undo(): Promise<void> {}
}

class ArchiveDestination implements Destination {
  readonly #archive: ArchiveTarget;

  constructor(path: string) {
    this.#archive = new ArchiveTarget(path);
  }

  async check(): Promise<void> {}

  async put(image: BuiltImage, name: string, tags: readonly string[], o: CallOptions) {
    const names = tags.map((tag) => `${name}:${tag}`);
    await copy(image, image.root, this.#archive, { ...o, tags: names });
  }

  async finish(options: CallOptions): Promise<void> {
    await this.#archive.close(options);
  }

  async undo(): Promise<void> {
    await this.#archive[Symbol.asyncDispose]();
  }
}
