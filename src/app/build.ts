/**
 * The recipe of `kodeno build`: main packages to images in the places that were named.
 * @module
 */
import { lockFor } from "../airgap/find_lock.ts";
import { askedPart, buildImages } from "../build/build_images.ts";
import { tellKept } from "../build/publisher.ts";
import { resolveConfig } from "../config/config.ts";
import type { CommandOptions } from "../config/options.ts";
import type { WorkOptions } from "../events.ts";
import { unchangedImages } from "../watch/unchanged.ts";

/** Builds and publishes what patterns name (none stands for `.`): references by import path. */
export async function build(
  patterns: readonly string[],
  options: CommandOptions,
  work: WorkOptions,
): Promise<ReadonlyMap<string, string>> {
  const part = await askedPart(options);
  const config = await resolveConfig(options, work);
  const lock = (await lockFor(options, work)).of();
  const unchanged = unchangedImages(options);
  const references = await buildImages({ patterns, config, lock, part, unchanged }, work);
  tellKept(config.publish, config.publish.repository, work.emit);
  return references;
}
