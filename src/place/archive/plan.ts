/**
 * What goes into an archive, known before its first byte is written: the blobs with their sizes, and
 * the two tables of contents, `index.json` and Docker's `manifest.json`.
 * @module
 */
import { GraphBounds } from "../../content/bounds.ts";
import { type Meter, tellUnknown } from "../../content/meter.ts";
import type { CallOptions, Source } from "../../content/places.ts";
import { readDocument } from "../../content/read.ts";
import { graphKey, hasSuccessors, successors } from "../../content/successors.ts";
import { KodenoError } from "../../errors.ts";
import { Pool } from "../../io/work.ts";
import { bytesStream } from "../../io/streams.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { digestHex, parseDigest } from "../../oci/digest.ts";
import { entryName, imageName, namedEntry, withEntry } from "../../oci/entries.ts";
import { encodeJson, parseManifest } from "../../oci/manifest.ts";
import { isIndexType, MediaType, ociMediaType } from "../../oci/media_types.ts";
import type { PlatformSpec } from "../../oci/platform.ts";
import { chooseImage, imagesBelow } from "./choose.ts";

/** Manifests are kept for the writing, since reading them again may be a round trip; most bytes. */
const KEPT_BYTES = 16 * 1024 * 1024;
const CONCURRENCY = 4;

/** An image for an archive. */
export interface ArchiveEntry {
  /** Its manifest or index. */
  readonly descriptor: Descriptor;
  /** `NAME:TAG` or a tag alone, each; without one it is found by its digest. */
  readonly names: readonly string[];
}

/** What is written. */
export interface ArchivePlan {
  /** The documents before the blobs, by their names. */
  readonly documents: readonly (readonly [name: string, bytes: Uint8Array])[];
  /** Each once, sorted by digest. */
  readonly blobs: readonly Descriptor[];
  /** Bytes of blobs that are at hand, by digest. */
  readonly kept: ReadonlyMap<string, Uint8Array>;
}

/** The name of a blob's member (OCI image spec 1.1, image-layout.md). */
export function blobPath(descriptor: Descriptor): string {
  return `blobs/sha256/${digestHex(parseDigest(descriptor.digest))}`;
}

/**
 * Walks the graphs of all entries.
 *
 * @param platform which image of several platforms `docker load` is to take, where its daemon takes
 * only one; see {@link chooseImage}
 * @throws {KodenoError} `BAD_CONTENT`, `NOT_FOUND`, `BAD_REFERENCE` for an unusable name
 */
export async function planArchive(
  source: Pick<Source, "fetch">,
  entries: readonly ArchiveEntry[],
  platform?: PlatformSpec,
  options: CallOptions & Meter = {},
): Promise<ArchivePlan> {
  const index = indexEntries(entries);
  const pool = new Pool(CONCURRENCY);
  const blobs = new Map<string, Descriptor>();
  const nodes = new Set<string>();
  const kept = new Map<string, Uint8Array>();
  let keptBytes = 0;

  const tellAll = (all: readonly Descriptor[]): void => {
    for (const d of all) if (!hasSuccessors(d)) tellUnknown(d, options);
  };
  tellAll(entries.map(({ descriptor }) => descriptor));
  const bounds = new GraphBounds();
  let depth = 0;
  // Level by level; all of one end before a failure is told, so that nothing goes on behind it.
  for (let level = entries.map(({ descriptor }) => descriptor); level.length > 0;) {
    const fresh = level.filter((d) => !nodes.has(graphKey(d)) && nodes.add(graphKey(d)));
    for (const d of fresh) {
      const { size } = blobs.get(d.digest) ?? d;
      blobs.set(parseDigest(d.digest), d);
      if (size === d.size) continue;
      const why = `it is named with ${size} and with ${d.size} bytes`;
      throw new KodenoError("BAD_CONTENT", `Cannot put blob ${d.digest} into an archive: ${why}`);
    }
    const results = await Promise.allSettled(
      fresh.filter(hasSuccessors).map((d) =>
        pool.run(async () => {
          const bytes = await readDocument(source, d, options);
          if ((keptBytes += bytes.length) <= KEPT_BYTES) kept.set(d.digest, bytes);
          const children = successors(d, bytes);
          if (isIndexType(d.mediaType)) tellAll(children);
          return children;
        })
      ),
    );
    for (const d of fresh) bounds.enter(d, depth);
    depth++;
    level = results.flatMap((result) => {
      if (result.status === "rejected") throw result.reason;
      return [...result.value];
    });
  }

  const near: Pick<Source, "fetch"> = {
    fetch: async (d, o) => {
      const bytes = kept.get(d.digest);
      return bytes ? bytesStream(bytes) : await source.fetch(d, o);
    },
  };
  const images = await dockerImages(near, index, platform, options);
  return {
    documents: [
      ["oci-layout", encodeJson({ imageLayoutVersion: "1.0.0" })],
      [
        "index.json",
        encodeJson({ schemaVersion: 2, mediaType: MediaType.index, manifests: index }),
      ],
      ["manifest.json", encodeJson(images)],
    ],
    blobs: [...blobs.values()].sort((a, b) => a.digest < b.digest ? -1 : 1),
    kept,
  };
}

/**
 * Named ones sorted by name, then those without a name, sorted by digest.
 *
 * @throws {KodenoError} `BAD_OPTION` when two images have one name, `BAD_REFERENCE`
 */
function indexEntries(entries: readonly ArchiveEntry[]): readonly Descriptor[] {
  let named: readonly Descriptor[] = [];
  const owners = new Map<string, string>();
  const nameless = new Map<string, Descriptor>();
  for (const { descriptor, names } of entries) {
    for (const name of names) {
      const entry = namedEntry(descriptor, name);
      const key = entryName(entry) ?? "";
      const owner = owners.get(key);
      if (owner !== undefined && owner !== descriptor.digest) {
        const what = `${key} is ${owner} and ${descriptor.digest}`;
        throw new KodenoError("BAD_OPTION", `Cannot write one archive of two images: ${what}`);
      }
      owners.set(key, descriptor.digest);
      named = withEntry(named, entry);
    }
    if (names.length === 0) nameless.set(descriptor.digest, descriptor);
  }
  const rest = [...nameless.values()].sort((a, b) => a.digest < b.digest ? -1 : 1);
  return [...named, ...rest];
}

interface DockerImage {
  readonly Config: string;
  readonly RepoTags: string[] | null;
  readonly Layers: readonly string[];
}

/** Docker image spec 1.2, `manifest.json`: one item for each image, with all of its names. */
async function dockerImages(
  source: Pick<Source, "fetch">,
  index: readonly Descriptor[],
  platform: PlatformSpec | undefined,
  options: CallOptions,
): Promise<readonly DockerImage[]> {
  const items = new Map<string, DockerImage>();
  for (const entry of index) {
    const chosen = chooseImage(await imagesBelow(source, entry, options), platform);
    if (chosen === undefined) continue;
    const bytes = await readDocument(source, chosen, options);
    const { config, layers } = parseManifest(bytes, `manifest ${chosen.digest}`);
    if (ociMediaType(config.mediaType) !== MediaType.config) continue;
    const Config = blobPath(config);
    const name = imageName(entry);
    const RepoTags = [...items.get(Config)?.RepoTags ?? [], ...(name ? [name] : [])];
    items.set(Config, {
      Config,
      RepoTags: RepoTags.length > 0 ? RepoTags : null,
      Layers: layers.map(blobPath),
    });
  }
  return [...items.values()];
}
