/**
 * What every list of images says of one: its size and its platforms.
 * @module
 */
import { platformOfConfig } from "./image_platform.ts";
import type { CallOptions, Source } from "./places.ts";
import { readGraphDocument } from "./read.ts";
import { type GraphDocument, graphKey, hasSuccessors } from "./successors.ts";
import { Walk, type WalkOptions } from "./walk.ts";
import { KodenoError } from "../errors.ts";
import { getOrSet } from "../io/work.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";

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
  { signal }: CallOptions = {},
): Promise<ImageSummary> {
  return await sumUp(root, {
    document: (d, depth) =>
      readGraphDocument(source, d, { signal }).catch((error) => {
        // What docker saved of an index lacks other platforms; a daemon was given what it wants.
        if (depth > 0 && error instanceof KodenoError && error.code === "NOT_FOUND") {
          return undefined;
        }
        throw error;
      }),
    config: (d) => platformOfConfig(source, d, { signal }),
    signal,
  });
}

/** How {@link sumUp} looks at the parts of an image. */
export interface SummaryLook extends WalkOptions<void> {
  /** Reads a manifest or index; one that it does not give does not count. */
  document(
    d: Descriptor,
    depth: number,
  ): Promise<Pick<GraphDocument, "index" | "manifest"> | undefined>;
  /** What the config of a manifest runs on; asked only where its descriptor does not say. */
  config(config: Descriptor): Promise<Platform | undefined>;
  /** Looks at a blob. */
  blob?(d: Descriptor): Promise<void>;
}

/** {@link summarize} for who looks otherwise, or tells of what is not there. */
export async function sumUp(root: Descriptor, look: SummaryLook): Promise<ImageSummary> {
  const sizes = new Map<string, number>();
  const platforms = new Set<string>();
  const walk = new Walk<void>(async (d, { depth, below }) => {
    const isDocument = hasSuccessors(d);
    const document = isDocument ? await look.document(d, depth) : undefined;
    if (isDocument && document === undefined) return;
    sizes.set(d.digest, d.size);
    if (!isDocument) return await look.blob?.(d);
    const { index, manifest } = document ?? {};
    if (index !== undefined) await below(index.manifests);
    if (manifest === undefined) return;
    await below([manifest.config, ...manifest.layers]);
    const platform = d.platform ?? await look.config(manifest.config);
    // BuildKit's attestations stand beside the images they are about.
    if (platform && platform.os !== "unknown") platforms.add(formatPlatform(platform));
  }, look);
  await walk.from(root);
  const size = [...sizes.values()].reduce((sum, one) => sum + one, 0);
  return { size, platforms: [...platforms] };
}
