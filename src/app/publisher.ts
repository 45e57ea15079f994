/**
 * The publisher: puts finished images into their place, under their names and tags.
 * @module
 */
import { copy } from "../content/copy.ts";
import { type PublishConfig, resolvePublishConfig } from "../config/publish_config.ts";
import type { PublishOptions } from "../config/options.ts";
import type { BuiltImage } from "../image/built_image.ts";
import { planNames } from "../plan/names.ts";
import { type Layout, openLayout } from "../store/layout/layout.ts";

/** Puts images into places. */
export interface Publisher {
  /**
   * Names for import paths, checked: no two get the same.
   *
   * @throws {KodenoError} `BAD_OPTION`, `BAD_REFERENCE`
   */
  names(importPaths: readonly string[]): ReadonlyMap<string, string>;
  /**
   * Copies an image and tags it.
   *
   * @param image what a builder made
   * @param name of the image, without tag
   * @returns its reference, `NAME:TAG@sha256:...`, or `NAME:TAG` with `tagOnly`
   * @throws {KodenoError} `BAD_PLACE`, `IO_FAILED`, `BAD_CONTENT`, `NOT_FOUND`
   */
  publish(
    image: BuiltImage,
    name: string,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<string>;
  /** Takes back what failed work has left: a layout that was made for it and has no image. */
  undo(): Promise<void>;
}

/**
 * Makes a publisher, as ko's `NewPublisher`.
 *
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
export function newPublisher(options: PublishOptions = {}): Publisher {
  return new LayoutPublisher(resolvePublishConfig(options));
}

class LayoutPublisher implements Publisher {
  #layout: Promise<Layout> | undefined;

  constructor(readonly config: PublishConfig) {}

  names(importPaths: readonly string[]): ReadonlyMap<string, string> {
    return planNames(importPaths, this.config);
  }

  async publish(
    image: BuiltImage,
    name: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<string> {
    const { tags, tagOnly } = this.config;
    // Opened with the first image: a build that fails leaves no empty layout behind.
    const layout = await (this.#layout ??= openLayout(this.config.layout, { create: true }));
    const names = tags.map((tag) => `${name}:${tag}`);
    await copy(image, image.root, layout, { tags: names, signal: options.signal });
    return tagOnly ? `${names[0]}` : `${names[0]}@${image.root.digest}`;
  }

  async undo(): Promise<void> {
    const layout = await this.#layout?.catch(() => undefined);
    await layout?.undo();
  }
}
