/**
 * The recipe of `kodeno build`: main packages to images in the places that were named.
 * @module
 */
import { buildImages } from "../build/build_images.ts";
import { resolveConfig } from "../config/config.ts";
import type { CommandOptions } from "../config/options.ts";
import type { WorkOptions } from "../events.ts";

/** Builds and publishes what patterns name (none stands for `.`): references by import path. */
export async function build(
  patterns: readonly string[],
  options: CommandOptions,
  work: WorkOptions,
): Promise<ReadonlyMap<string, string>> {
  return await buildImages({ patterns, config: await resolveConfig(options, work) }, work);
}
