/**
 * What every list of images says of one: its size and its platforms.
 * @module
 */
import { GraphBounds } from "./bounds.ts";
import { platformOfConfig } from "./image_platform.ts";
import type { CallOptions, Source } from "./places.ts";
import { readDocument } from "./read.ts";
import { graphKey, hasSuccessors } from "./successors.ts";
import { KodenoError } from "../errors.ts";
import { getOrSet } from "../io/get_or_set.ts";
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

/** {@link summarize} for the images of one place, of which some may have many names. */
export function summarizer(
  source: Pick<Source, "fetch">,
): (root: Descriptor) => Promise<ImageSummary> {
  const known = new Map<string, Promise<ImageSummary>>();
  return (root) =>
    getOrSet(known, JSON.stringify([graphKey(root), root.platform]), () => summarize(source, root));
}

/**
 * Sums an image up; reads its manifests, and the config of one that stands alone. Those of an index
 * that are not there do not count.
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
    if (!hasSuccessors(d)) {
      sizes.set(d.digest, d.size);
      return;
    }
    const bytes = await readDocument(source, d, options).catch((error) => {
      // What docker saved of an index lacks other platforms; a daemon was given what it wants.
      if (depth > 0 && error instanceof KodenoError && error.code === "NOT_FOUND") return undefined;
      throw error;
    });
    if (bytes === undefined) return;
    sizes.set(d.digest, d.size);
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
