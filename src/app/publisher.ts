/**
 * The publisher: puts finished images into their place, under their names and tags.
 * @module
 */
import { type PublishConfig, resolvePublishConfig } from "../config/publish_config.ts";
import type { PublishOptions } from "../config/options.ts";
import type { CallOptions } from "../content/places.ts";
import type { BuiltImage } from "../image/built_image.ts";
import { planNames } from "../plan/names.ts";
import { type Destination, openDestinations } from "./destinations.ts";

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
   * @returns its reference, `NAME:TAG@sha256:...`, or `NAME:TAG` with `tagOnly`
   * @throws {KodenoError} `BAD_PLACE`, `IO_FAILED`, `BAD_CONTENT`, `NOT_FOUND`, and what a
   * registry or daemon answers
   */
  publish(
    image: BuiltImage,
    name: string,
    options?: CallOptions,
  ): Promise<string>;
  /** Ends the work well: archives are written, connections are closed. */
  finish(options?: CallOptions): Promise<void>;
  /** Takes back what failed work has left, such as a layout that was made for it. */
  undo(): Promise<void>;
}

/**
 * Makes a publisher, as ko's `NewPublisher`.
 *
 * @param mountFrom repositories whose layers a registry may have already, such as the base's
 * @throws {KodenoError} `BAD_OPTION`, `BAD_REFERENCE`
 *
 * @example
 * ```ts
 * import { newPublisher } from "../../mod.ts";
 * const publisher = newPublisher({ dockerRepo: "reg.local/team", baseImportPaths: true });
 * const names = publisher.names(["example.com/app/cmd/server"]);
 * if (names.get("example.com/app/cmd/server") !== "reg.local/team/server") throw new Error();
 * ```
 */
export function newPublisher(
  options: PublishOptions = {},
  mountFrom: readonly string[] = [],
): Publisher {
  return new PlacesPublisher(resolvePublishConfig(options), mountFrom);
}

class PlacesPublisher implements Publisher {
  readonly #destinations: readonly Destination[];

  constructor(readonly config: PublishConfig, mountFrom: readonly string[]) {
    this.#destinations = openDestinations(config, mountFrom);
  }

  names(importPaths: readonly string[]): ReadonlyMap<string, string> {
    return planNames(importPaths, this.config);
  }

  async check(): Promise<void> {
    for (const destination of this.#destinations) await destination.check();
  }

  async publish(image: BuiltImage, name: string, options: CallOptions = {}): Promise<string> {
    const { tags, tagOnly } = this.config;
    for (const destination of this.#destinations) {
      await destination.put(image, name, tags, options);
    }
    const reference = `${name}:${tags[0]}`;
    return tagOnly ? reference : `${reference}@${image.root.digest}`;
  }

  async finish(options: CallOptions = {}): Promise<void> {
    for (const destination of this.#destinations) await destination.finish(options);
  }

  async undo(): Promise<void> {
    for (const destination of this.#destinations) await destination.undo();
  }
}
