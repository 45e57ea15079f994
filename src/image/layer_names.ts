/**
 * Which files are in the layers of a base image, by their names alone.
 * @module
 */
import { posix } from "node:path";
import type { CallOptions } from "../content/places.ts";
import type { BaseImage } from "./base.ts";
import { eachEntry } from "./layer_entries.ts";

/**
 * Those of some names that no file or link in a base image has, in whatever folder. Layers are read from
 * the lowest on, until all are found: what one above takes away again counts as there.
 *
 * @throws {KodenoError} `BAD_CONTENT` for a layer that cannot be unpacked, and what fetching gives
 */
export async function namesNotIn(
  { manifest, source }: Pick<BaseImage, "manifest" | "source">,
  names: readonly string[],
  options: CallOptions = {},
): Promise<readonly string[]> {
  const left = new Set(names);
  for (const layer of manifest.layers) {
    if (left.size === 0) break;
    const stream = await source.fetch(layer, options);
    await eachEntry(layer, stream, ({ path }) => {
      left.delete(posix.basename(path));
      return left.size > 0 ? undefined : "end";
    }, options);
  }
  return [...left];
}
