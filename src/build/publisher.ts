/**
 * The publisher: puts finished images into their place, under their names and tags.
 * @module
 */
import { type PublishConfig, resolvePublishConfig } from "../config/config.ts";
import type { PublishOptions } from "../config/options.ts";
import type { CallOptions } from "../content/places.ts";
import type { BuiltImage } from "../image/built_image.ts";
import { shortName } from "../oci/reference.ts";
import { planNames } from "./names.ts";
import {
  type Destination,
  openDestinations,
  type PublishPlaces,
  type PutOptions,
} from "./destinations.ts";

/** How one image is published. */
export interface PublishCallOptions extends PutOptions {
  /** In the place of the publisher's own. */
  readonly tags?: readonly string[] | undefined;
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
   * @throws {KodenoError} `BAD_PLACE` when one cannot be used
   */
  check(): Promise<void>;
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
  publish(
    image: BuiltImage,
    name: string,
    options?: PublishCallOptions,
  ): Promise<string>;
  /** Ends the work well: archives are written, connections are closed. */
  finish(options?: CallOptions): Promise<void>;
  /** Takes back what failed work has left, such as a layout that was made for it. */
  undo(): Promise<void>;
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
 * import { newPublisher } from "../../mod.ts";
 * const publisher = newPublisher({ dockerRepo: "reg.local/team", baseImportPaths: true });
 * const names = publisher.names(["example.com/app/cmd/server"]);
 * if (names.get("example.com/app/cmd/server") !== "reg.local/team/server") throw new Error();
 * ```
 *
 * @example Several places at once; a registry takes tags, since its repository is named already
 * ```ts
 * import { ArchiveTarget, MemoryStore, newBuilder, newPublisher, publishImages } from "../../mod.ts";
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
  return new PlacesPublisher({ ...config, layout }, places);
}

class PlacesPublisher implements Publisher {
  readonly #destinations: readonly Destination[];

  constructor(readonly config: PublishConfig, places: PublishPlaces) {
    this.#destinations = openDestinations(config, places);
  }

  names(importPaths: readonly string[]): ReadonlyMap<string, string> {
    return planNames(importPaths, this.config);
  }

  async check(): Promise<void> {
    for (const destination of this.#destinations) await destination.check();
  }

  async publish(
    image: BuiltImage,
    name: string,
    options: PublishCallOptions = {},
  ): Promise<string> {
    const { tagOnly } = this.config;
    const { tags = this.config.tags } = options;
    let local: string | undefined;
    for (const destination of this.#destinations) {
      local = await destination.put(image, name, tags, options) ?? local;
    }
    const whole = `${name}:${tags[0]}`;
    // A registry is told where its images are; elsewhere they are shown as ls does.
    const reference = this.config.push ? whole : shortName(whole);
    return tagOnly ? reference : local ?? `${reference}@${image.root.digest}`;
  }

  async finish(options: CallOptions = {}): Promise<void> {
    for (const destination of this.#destinations) await destination.finish(options);
  }

  async undo(): Promise<void> {
    for (const destination of this.#destinations) await destination.undo();
  }
}
