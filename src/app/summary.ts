/**
 * What every list of images says of one: its size and its platforms.
 * @module
 */
import { GraphBounds } from "../content/bounds.ts";
import type { CallOptions, Source } from "../content/places.ts";
import { readDocument } from "../content/read.ts";
import { hasSuccessors } from "../content/successors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Manifest, parseConfig, parseIndex, parseManifest } from "../oci/manifest.ts";
import { isIndexType, MediaType, ociMediaType } from "../oci/media_types.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";

/** An image in short. */
export interface ImageSummary {
  /** Bytes of all its blobs, each counted once. */
  readonly size: number;
  /** `os/arch[/variant]` each, in the order of the index. */
  readonly platforms: readonly string[];
}

/**
 * Sums an image up; reads its manifests, and the config of one that stands alone.
 *
 * @throws {KodenoError} `BAD_CONTENT`, `NOT_FOUND`
 */
export async function summarize(
  source: Pick<Source, "fetch">,
  root: Descriptor,
  options: CallOptions = {},
): Promise<ImageSummary> {
  const sizes = new Map<string, number>();
  const platforms = new Set<string>();
  const bounds = new GraphBounds();
  const visit = async (d: Descriptor, depth: number): Promise<void> => {
    if (sizes.has(d.digest)) return;
    bounds.enter(d, depth);
    sizes.set(d.digest, d.size);
    if (!hasSuccessors(d)) return;
    const bytes = await readDocument(source, d, options);
    if (isIndexType(d.mediaType)) {
      const { manifests } = parseIndex(bytes, `index ${d.digest}`);
      for (const one of manifests) await visit(one, depth + 1);
      return;
    }
    const manifest = parseManifest(bytes, `manifest ${d.digest}`);
    for (const blob of [manifest.config, ...manifest.layers]) sizes.set(blob.digest, blob.size);
    const platform = d.platform ?? await platformOf(source, manifest, options);
    // BuildKit's attestations stand beside the images they are about.
    if (platform !== undefined && platform.os !== "unknown") {
      platforms.add(formatPlatform(platform));
    }
  };
  await visit(root, 0);
  const size = [...sizes.values()].reduce((sum, one) => sum + one, 0);
  return { size, platforms: [...platforms] };
}

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
  return await platformOf(source, parseManifest(bytes, `manifest ${d.digest}`), options);
}

async function platformOf(
  source: Pick<Source, "fetch">,
  { config }: Manifest,
  options: CallOptions,
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
