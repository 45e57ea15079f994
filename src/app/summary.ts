/**
 * What every list of images says of one: its size and its platforms.
 * @module
 */
import { GraphBounds } from "../content/bounds.ts";
import { platformOfConfig } from "../content/image_platform.ts";
import type { CallOptions, Source } from "../content/places.ts";
import { readDocument } from "../content/read.ts";
import { graphKey, hasSuccessors } from "../content/successors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseIndex, parseManifest } from "../oci/manifest.ts";
import { isIndexType } from "../oci/media_types.ts";
import { formatPlatform } from "../oci/platform.ts";

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
  const seen = new Set<string>();
  const platforms = new Set<string>();
  const bounds = new GraphBounds();
  const visit = async (d: Descriptor, depth: number): Promise<void> => {
    if (seen.has(graphKey(d))) return;
    seen.add(graphKey(d));
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
    const platform = d.platform ?? await platformOfConfig(source, manifest.config, options);
    // BuildKit's attestations stand beside the images they are about.
    if (platform !== undefined && platform.os !== "unknown") {
      platforms.add(formatPlatform(platform));
    }
  };
  await visit(root, 0);
  const size = [...sizes.values()].reduce((sum, one) => sum + one, 0);
  return { size, platforms: [...platforms] };
}
