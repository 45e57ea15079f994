/**
 * The places a build can put its images: each takes one finished image at a time.
 * @module
 */
import type { PublishConfig } from "../config/config.ts";
import { copy } from "../content/copy.ts";
import type { CallOptions, Target } from "../content/places.ts";
import type { Emit } from "../events.ts";
import type { BuiltImage } from "../image/built_image.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { digestHex, parseDigest } from "../oci/digest.ts";
import { ArchiveTarget } from "../place/archive/archive_target.ts";
import { checkArchive } from "../place/archive/archive_writer.ts";
import type { Daemon } from "../place/daemon/daemon.ts";
import type { KindCluster } from "../place/daemon/kind.ts";
import { type Layout, openLayout } from "../place/layout/layout.ts";
import { checkMarker } from "../place/layout/marker.ts";
import type { Registries } from "../place/registry/registry.ts";
import { findDaemonOf, openDaemon, openRegistries } from "../place/open.ts";

/** How an image is put into a place. */
export interface PutOptions extends CallOptions {
  /** Told of what goes over a wire. */
  readonly emit?: Emit | undefined;
}

/** A place for images. */
export interface Destination {
  /** Says before anything is built that the place cannot be used; makes nothing. */
  check(): Promise<void>;
  /**
   * Puts an image there, under names of the form `NAME:TAG` that differ in the tag.
   *
   * @returns a reference, where the place cannot find an image by `NAME:TAG@DIGEST`
   */
  put(
    image: BuiltImage,
    name: string,
    tags: readonly string[],
    options: PutOptions,
  ): Promise<string | void>;
  /** Ends the work well: what was collected is written, connections are closed. */
  finish(options: CallOptions): Promise<void>;
  /** Takes back what failed work has left. */
  undo(): Promise<void>;
}

/** A place that the caller has opened, and what images are called there. */
export interface NamedTarget {
  /** Where images go. Whoever opened it closes it. */
  readonly target: Target;
  /** What an image is called there, by its name and one of its tags; `NAME:TAG` unless given. */
  readonly as?: ((name: string, tag: string) => string) | undefined;
}

/** What only a caller knows of the places. */
export interface PublishPlaces {
  /** Places beside those of the options, or in their stead: any {@link Target}. */
  readonly targets?: readonly (Target | NamedTarget)[] | undefined;
  /** Repositories whose layers a registry may have already, such as the base image's. */
  readonly mountFrom?: readonly string[] | undefined;
}

/** All places of a configuration; nothing is opened or made before the first image is there. */
export function openDestinations(
  config: PublishConfig,
  { targets = [], mountFrom = [] }: PublishPlaces = {},
): readonly Destination[] {
  return [
    ...targets.map((one) => new TargetDestination("target" in one ? one : { target: one })),
    ...(config.layout === undefined ? [] : [new LayoutDestination(config.layout)]),
    ...(config.push ? [new RegistryDestination(config, mountFrom)] : []),
    ...(config.local ? [new DaemonDestination(config)] : []),
    ...(config.kind === undefined ? [] : [new KindDestination(config, config.kind)]),
    ...(config.tarball === undefined ? [] : [new ArchiveDestination(config.tarball)]),
  ];
}

class TargetDestination implements Destination {
  constructor(readonly place: NamedTarget) {}

  async check(): Promise<void> {}

  async put(image: BuiltImage, name: string, tags: readonly string[], options: PutOptions) {
    const { signal, emit } = options;
    const { target, as = (name, tag) => `${name}:${tag}` } = this.place;
    const names = tags.map((tag) => as(name, tag));
    await copy(image, image.root, target, { signal, emit, image: name, tags: names });
  }

  async finish(): Promise<void> {}

  async undo(): Promise<void> {}
}

class LayoutDestination implements Destination {
  #layout: Promise<Layout> | undefined;

  constructor(readonly path: string) {}

  async check(): Promise<void> {
    await checkMarker(this.path, true);
  }

  async put(image: BuiltImage, name: string, tags: readonly string[], o: PutOptions) {
    const { signal, emit } = o;
    const layout = await (this.#layout ??= openLayout(this.path, { create: true, emit }));
    await copy(image, image.root, layout, { signal, tags: tags.map((tag) => `${name}:${tag}`) });
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

  async put(image: BuiltImage, name: string, tags: readonly string[], options: PutOptions) {
    const { signal, emit } = options;
    await copy(image, image.root, this.#registries.open(name), { signal, emit, image: name, tags });
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
    return this.#daemon ??= openDaemon(this.config.transfer);
  }

  async put(image: BuiltImage, name: string, tags: readonly string[], o: PutOptions) {
    // Most builds go to no daemon, and do not wait for its code.
    const { chooseForDaemon, loadImage } = await import("../place/daemon/load.ts");
    const daemon = await this.#open();
    const chosen = await chooseForDaemon(daemon, image, image.root, o);
    const names = localNames(name, chosen, tags);
    await loadImage(daemon, image, chosen, names, { ...o, image: name });
    return names[0];
  }

  async finish(): Promise<void> {}

  async undo(): Promise<void> {}
}

class KindDestination implements Destination {
  #cluster: Promise<KindCluster> | undefined;

  constructor(readonly config: PublishConfig, readonly name: string) {}

  async check(): Promise<void> {
    await (await this.#open()).nodes();
  }

  #open(): Promise<KindCluster> {
    return this.#cluster ??= this.#find();
  }

  async #find(): Promise<KindCluster> {
    const { KindCluster } = await import("../place/daemon/kind.ts");
    return new KindCluster(await findDaemonOf(this.config.transfer), this.name);
  }

  async put(image: BuiltImage, name: string, tags: readonly string[], o: PutOptions) {
    const cluster = await this.#open();
    const chosen = await cluster.choose(image, image.root, o);
    const names = localNames(name, chosen, tags);
    await cluster.load(image, chosen, names, { ...o, image: name });
    return names[0];
  }

  async finish(): Promise<void> {}

  async undo(): Promise<void> {}
}

/**
 * As ko names images that no registry has: by a tag that is the digest, since neither a daemon nor
 * Kubernetes finds what was loaded there by its digest; then by the tags.
 */
function localNames(
  name: string,
  { digest }: Descriptor,
  tags: readonly string[],
): readonly [string, ...string[]] {
  return [`${name}:${digestHex(parseDigest(digest))}`, ...tags.map((tag) => `${name}:${tag}`)];
}

class ArchiveDestination implements Destination {
  readonly #archive: ArchiveTarget;

  constructor(path: string) {
    this.#archive = new ArchiveTarget(path);
  }

  async check(): Promise<void> {
    await checkArchive(this.#archive.path);
  }

  async put(image: BuiltImage, name: string, tags: readonly string[], o: CallOptions) {
    const names = tags.map((tag) => `${name}:${tag}`);
    await copy(image, image.root, this.#archive, { signal: o.signal, tags: names });
  }

  async finish({ signal }: CallOptions): Promise<void> {
    await this.#archive.close({ signal });
  }

  async undo(): Promise<void> {
    await this.#archive[Symbol.asyncDispose]();
  }
}
