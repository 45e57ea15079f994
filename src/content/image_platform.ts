/**
 * What an image runs on, as its config says: whoever named the image may not say so.
 * @module
 */
import type { Descriptor } from "../oci/descriptor.ts";
import { parseConfig, parseManifest } from "../oci/manifest.ts";
import { MediaType, ociMediaType } from "../oci/media_types.ts";
import type { Platform } from "../oci/platform.ts";
import type { CallOptions, Source } from "./places.ts";
import { readDocument } from "./read.ts";

/**
 * What a manifest runs on, as its config says; undefined for one that is no image.
 *
 * @throws {KodenoError} `BAD_CONTENT`, `NOT_FOUND`
 */
export async function imagePlatform(
  source: Pick<Source, "fetch">,
  d: Descriptor,
  options: CallOptions = {},
): Promise<Platform | undefined> {
  const bytes = await readDocument(source, d, options);
  const { config } = parseManifest(bytes, `manifest ${d.digest}`);
  return await platformOfConfig(source, config, options);
}

/** What a config says that its image runs on; undefined for one that is no image's. */
export async function platformOfConfig(
  source: Pick<Source, "fetch">,
  config: Descriptor,
  options: CallOptions = {},
): Promise<Platform | undefined> {
  if (ociMediaType(config.mediaType) !== MediaType.config) return undefined;
  const bytes = await readDocument(source, config, options);
  try {
    const { os, architecture, variant } = parseConfig(bytes, `config ${config.digest}`);
    return { os, architecture, variant };
  } catch {
    // It was moved as it is; only what it is for cannot be told.
    return undefined;
  }
}
