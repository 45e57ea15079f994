/**
 * From a configuration to published images: what `kodeno build` is, and what other commands begin with.
 * @module
 */
import type { Config } from "../config/config.ts";
import { writeTextOutput } from "../io/output.ts";
import { settleNetwork } from "./bases.ts";
import { openBuilder } from "./builder.ts";
import type { WorkOptions } from "../events.ts";
import { withOfflineHint } from "./offline_hint.ts";
import { openPublisher, type PublishPlaces } from "./publisher.ts";
import { publishImages, type PublishImagesOptions } from "./publish_images.ts";

/** What was asked for. */
export interface BuildRequest extends Pick<PublishPlaces, "targets"> {
  readonly patterns: readonly string[];
  readonly config: Config;
  /** Names images in the place of the publisher. */
  readonly naming?: PublishImagesOptions["naming"];
}

/**
 * Builds and publishes.
 *
 * @returns references by import path
 * @throws {KodenoError} see `publishImages`; the file of references is then not written
 */
export async function buildImages(
  { patterns, config: { build, publish }, targets = [], naming }: BuildRequest,
  options: WorkOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const { imageRefs } = publish;
  const mountFrom = await settleNetwork([build], publish, targets.length > 0);
  const publisher = openPublisher(publish, { mountFrom, targets });
  const builder = openBuilder(build);
  try {
    const work = { ...options, naming };
    const references = await publishImages(patterns, publisher, builder, work);
    if (imageRefs !== undefined) {
      const text = [...references.values()].map((reference) => `${reference}\n`).join("");
      await writeTextOutput(imageRefs, { what: `references to ${imageRefs}` }, text);
    }
    return references;
  } catch (error) {
    throw build.offline ? withOfflineHint(error) : error;
  } finally {
    await builder.close();
  }
}
