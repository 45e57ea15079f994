/**
 * The publisher: puts finished images into all places that were named, under their names and tags.
 * @module
 */
import { type PublishConfig, resolvePublishConfig } from "../config/config.ts";
import type { PublishOptions } from "../config/options.ts";
import { copy } from "../content/copy.ts";
import type { CallOptions, Target } from "../content/places.ts";
import type { Emit } from "../events.ts";
import type { BuiltImage } from "../image/assemble.ts";
import { getOrSet } from "../io/work.ts";
import { type Descriptor, digestHex, parseDigest } from "../oci/descriptor.ts";
import { parseReference, shortName } from "../oci/reference.ts";
import { checkMarker } from "../place/layout/files.ts";
import { openRegistries, openTarget, type PlaceName, type WritablePlace } from "../place/open.ts";
import { planNames } from "./names.ts";

/** How one image is published. */
export interface PublishCallOptions extends CallOptions {
  /** Told of what goes over a wire. */
  readonly emit?: Emit | undefined;
  /** In the place of the publisher's own. */
  readonly tags?: readonly string[] | undefined;
}

/** How the use of a publisher ends. */
export interface CloseOptions extends CallOptions {
  /** Takes back what failed work has left, such as a layout that was made for it. */
  readonly failed?: boolean | undefined;
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

/** Puts images into places. */
export interface Publisher {
  /**
   * Names for import paths, checked: no two get the same.
   *
   * @throws {KodenoError} `BAD_OPTION`, `BAD_REFERENCE`
   */
  names(importPaths: readonly string[]): ReadonlyMap<string, string>;
  /**
   * Looks at the places before anything is built; makes nothing.
   *
   * @param names of the images, as {@link Publisher.names} says; registries are asked for these
   * @throws {KodenoError} `BAD_PLACE` when one cannot be used, and what a registry or daemon answers
   */
  check(names?: Iterable<string>, options?: CallOptions): Promise<void>;
  /**
   * Copies an image and tags it.
   *
   * @param image what a builder made
   * @param name of the image, without tag
   * @returns its reference, `NAME:TAG@sha256:...`, or `NAME:TAG` with `tagOnly`; `NAME:HEX` of its
   * digest in a daemon and in a kind cluster, which do not find what was loaded by its digest
   * @throws {KodenoError} `BAD_PLACE`, `IO_FAILED`, `BAD_CONTENT`, `NOT_FOUND`, and what a
   * registry or daemon answers
   */
  publish(image: BuiltImage, name: string, options?: PublishCallOptions): Promise<string>;
  /** Ends the work: archives are written, connections are closed. */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * Makes a publisher, as ko's `NewPublisher`. Images go to every place that is named: the layout,
 * registry, daemon and archive of the options, and the targets of `places`; into the layout `out` when
 * none is.
 *
 * @param places what is open already
 * @throws {KodenoError} `BAD_OPTION`, `BAD_REFERENCE`
 *
 * @example
 * ```ts
 * import { newPublisher } from "@kodeno/kodeno";
 * const publisher = newPublisher({ dockerRepo: "reg.local/team", baseImportPaths: true });
 * const names = publisher.names(["example.com/app/cmd/server"]);
 * if (names.get("example.com/app/cmd/server") !== "reg.local/team/server") throw new Error();
 * ```
 *
 * @example Several places at once; a registry takes tags, since its repository is named already
 * ```ts
 * import { ArchiveTarget, MemoryStore, newBuilder, newPublisher, publishImages } from "@kodeno/kodeno";
 * const dir = await Deno.makeTempDir();
 * const memory = new MemoryStore();
 * await using archive = new ArchiveTarget(`${dir}/images.tar`);
 * const publisher = newPublisher({ ociLayout: `${dir}/layout`, tags: ["v1"] }, {
 *   targets: [archive, { target: memory, as: (name, tag) => `mirror.local/${name}:${tag}` }],
 * });
 * const builder = newBuilder({ workingDirectory: "examples/hello", platforms: ["linux/amd64"] });
 * await publishImages(["."], publisher, builder);
 * await archive.close();
 * await builder.close();
 * if (memory.tags()[0] !== "mirror.local/hello:v1") throw new Error();
 * await Deno.remove(dir, { recursive: true });
 * ```
 */
export function newPublisher(
  options: PublishOptions = {},
  places: PublishPlaces = {},
): Publisher {
  const config = resolvePublishConfig(options);
  // The layout "out" is for who names no place at all.
  const layout = places.targets?.length ? options.ociLayout || undefined : config.layout;
  return openPublisher({ ...config, layout }, places);
}

/** {@link newPublisher}, of what is settled already. */
export function openPublisher(config: PublishConfig, places: PublishPlaces = {}): Publisher {
  return new PlacesPublisher(config, places);
}

/** A place of a publisher. */
interface Destination {
  /** Opens it, or gives what is open; a registry has one place for each name. */
  open(name: string, emit?: Emit): Promise<WritablePlace>;
  /** Whether each name has a place of its own. */
  readonly isByName?: boolean;
  /** Says before it is opened that it cannot be. */
  look?(): Promise<unknown>;
  /** What an image is called there. */
  as?(name: string, tag: string): string;
  /** Whether what is moved there is told. */
  readonly isFar?: boolean;
  /** Whether it is a daemon or a cluster of this machine. */
  readonly isLocal?: boolean;
  /** Whether somebody else closes it. */
  readonly isGiven?: boolean;
}

function destinationsOf(
  config: PublishConfig,
  { targets = [], mountFrom = [] }: PublishPlaces,
): readonly Destination[] {
  const { layout, push, repository, transfer, local, kind, tarball } = config;
  const opener = (place: PlaceName) => {
    let made: Promise<WritablePlace> | undefined;
    return (_: string, emit?: Emit) => made ??= openTarget(place, transfer, { emit });
  };
  const found: Destination[] = targets.map((one) => {
    const { target, as } = "target" in one ? one : { target: one };
    // Those of callers need not have more, and are not closed here.
    const open = () => Promise.resolve(target as WritablePlace);
    return { open, isFar: true, isGiven: true, ...(as && { as }) };
  });
  if (layout !== undefined) {
    const open = opener({ kind: "layout", path: layout, ref: "" });
    found.push({ look: () => checkMarker(layout, true), open });
  }
  if (push) {
    const registries = openRegistries(transfer, { named: [`${repository}/x`], mountFrom });
    const stores = new Map<string, Promise<WritablePlace>>();
    const open = (name: string) =>
      getOrSet(stores, name, () => {
        const place = { kind: "registry", reference: parseReference(name) } as const;
        return openTarget(place, transfer, { registries });
      });
    found.push({ open, as: (_, tag) => tag, isFar: true, isByName: true });
  }
  if (local || kind !== undefined) {
    found.push({ open: opener({ kind: local ? "daemon" : "kind", name: "" }), isLocal: true });
  }
  if (tarball !== undefined) {
    found.push({ open: opener({ kind: "archive", path: tarball, ref: "" }) });
  }
  return found;
}

class PlacesPublisher implements Publisher {
  readonly #destinations: readonly Destination[];
  readonly #opened = new Set<WritablePlace>();

  constructor(readonly config: PublishConfig, places: PublishPlaces) {
    this.#destinations = destinationsOf(config, places);
  }

  names(importPaths: readonly string[]): ReadonlyMap<string, string> {
    return planNames(importPaths, this.config);
  }

  async check(names: Iterable<string> = [], options: CallOptions = {}): Promise<void> {
    for (const destination of this.#destinations) {
      if (destination.look) await destination.look();
      else {
        const each = destination.isByName ? [...new Set(names)] : [""];
        await Promise.all(
          each.map(async (name) => await (await this.#open(destination, name)).check?.(options)),
        );
      }
    }
  }

  async publish(
    image: BuiltImage,
    name: string,
    { tags = this.config.tags, emit, signal }: PublishCallOptions = {},
  ): Promise<string> {
    const { root } = image;
    let local: string | undefined;
    for (const destination of this.#destinations) {
      const place = await this.#open(destination, name, emit);
      const { as = (name, tag) => `${name}:${tag}` } = destination;
      const names = tags.map((tag) => as(name, tag));
      const told = destination.isFar || destination.isLocal ? { emit, image: name } : {};
      // As ko names images that no registry has: by a tag that is the digest, since neither a daemon
      // nor Kubernetes finds what was loaded there by its digest; then by the tags.
      const byDigest = (d: { readonly digest: string }): string =>
        `${name}:${digestHex(parseDigest(d.digest))}`;
      if (destination.isLocal && place.load) {
        const all = (chosen: Descriptor) => [byDigest(chosen), ...names];
        local = byDigest(await place.load(image, root, all, { signal, ...told }));
        continue;
      }
      const chosen = await place.prepare?.(image, root, { signal }) ?? root;
      await copy(image, chosen, place, { signal, ...told, tags: names });
    }
    const whole = `${name}:${tags[0]}`;
    // A registry is told where its images are; elsewhere they are shown as ls does.
    const reference = this.config.push ? whole : shortName(whole);
    return this.config.tagOnly ? reference : local ?? `${reference}@${root.digest}`;
  }

  async close({ failed = false, signal }: CloseOptions = {}): Promise<void> {
    for (const place of this.#opened) {
      await (failed ? place.undo() : place.close({ signal }));
    }
  }

  async #open(destination: Destination, name: string, emit?: Emit) {
    const place = await destination.open(name, emit);
    if (!destination.isGiven) this.#opened.add(place);
    return place;
  }
}
