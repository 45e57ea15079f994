/**
 * What every list of images says of one: its size and its platforms.
 * @module
 */
import { platformOfConfig } from "./image_platform.ts";
import type { CallOptions, Source } from "./places.ts";
import { readGraphDocument } from "./read.ts";
import { graphKey, hasSuccessors } from "./successors.ts";
import { Walk } from "./walk.ts";
import { KodenoError } from "../errors.ts";
import { getOrSet } from "../io/work.ts";
import type { Descriptor } from "../oci/descriptor.ts";
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
  const platforms = new Set<string>();
  const walk = new Walk(async (d, { depth, below }) => {
    if (!hasSuccessors(d)) {
      sizes.set(d.digest, d.size);
      return;
    }
    const document = await readGraphDocument(source, d, options).catch((error) => {
      // What docker saved of an index lacks other platforms; a daemon was given what it wants.
      if (depth > 0 && error instanceof KodenoError && error.code === "NOT_FOUND") return undefined;
      throw error;
    });
    if (document === undefined) return;
    sizes.set(d.digest, d.size);
    const { index, manifest } = document;
    if (index !== undefined) await below(index.manifests);
    if (manifest === undefined) return;
    await below([manifest.config, ...manifest.layers]);
    const platform = d.platform ?? await platformOfConfig(source, manifest.config, options);
    // BuildKit's attestations stand beside the images they are about.
    if (platform !== undefined && platform.os !== "unknown") {
      platforms.add(formatPlatform(platform));
    }
  }, options);
  await walk.from(root);
  const size = [...sizes.values()].reduce((sum, one) => sum + one, 0);
  return { size, platforms: [...platforms] };
}
