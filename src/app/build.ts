/**
 * The recipe of `kodeno build`: main packages to images in the places that were named.
 * @module
 */
import { buildImages } from "../build/build_images.ts";
import { resolveConfig } from "../config/config.ts";
import type { CommandOptions } from "../config/options.ts";
import type { WorkOptions } from "../events.ts";

/**
 * Builds and publishes.
 *
 * @param patterns import paths, folders, or patterns with `...`; none stands for `.`
 * @returns references by import path
 * @throws {KodenoError} see `resolveConfig` and `buildImages`
 */
export async function build(
  patterns: readonly string[],
  options: CommandOptions,
  work: WorkOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const config = await resolveConfig(options, work);
  return await buildImages({ patterns, config }, work);
}
