/**
 * What an archive of kodeno consists of: it is at once an OCI layout (OCI image spec 1.1,
 * image-layout.md) and what `docker load` reads (Docker image spec 1.2).
 * @module
 */
import type { CallOptions, Source } from "../../content/places.ts";
import { readGraphDocument } from "../../content/walk.ts";
import { tarHeader, tarPadding } from "../../io/tar_writer.ts";
import {
  type Descriptor,
  digestHex,
  MediaType,
  ociMediaType,
  parseDigest,
} from "../../oci/descriptor.ts";
import { imageName } from "../../oci/entries.ts";
import { encodeJson } from "../../oci/manifest.ts";
import type { PlatformSpec } from "../../oci/platform.ts";
import { chooseImage, imagesBelow } from "./choose.ts";

/** The folders of the blobs. */
export const FOLDERS: Uint8Array = joined(
  ["blobs/", "blobs/sha256/"].map((name) => tarHeader({ type: "dir", name, mode: 0o755 })),
);

/** What goes before the content of a blob. */
export function blobHeader(d: Descriptor): Uint8Array {
  return tarHeader({ type: "file", name: blobPath(d), mode: 0o644, size: d.size });
}

/** What goes after a content of that many bytes. */
export function padding(size: number): Uint8Array {
  return new Uint8Array(tarPadding(size));
}

/**
 * The members that say what an archive has.
 *
 * @param source has the manifests
 * @param entries of `index.json`
 * @param platforms which image of several platforms `docker load` is to take, where its daemon takes
 * only one; see {@link chooseImage}
 */
export async function archiveDocuments(
  source: Pick<Source, "fetch">,
  entries: readonly Descriptor[],
  platforms?: readonly PlatformSpec[],
  options: CallOptions = {},
): Promise<Uint8Array> {
  const documents: [name: string, value: unknown][] = [
    ["oci-layout", { imageLayoutVersion: "1.0.0" }],
    ["index.json", { schemaVersion: 2, mediaType: MediaType.index, manifests: entries }],
    ["manifest.json", await dockerImages(source, entries, platforms, options)],
  ];
  return joined(documents.flatMap(([name, value]) => {
    const bytes = encodeJson(value);
    const size = bytes.length;
    return [tarHeader({ type: "file", name, mode: 0o644, size }), bytes, padding(size)];
  }));
}

interface DockerImage {
  readonly Config: string;
  readonly RepoTags: string[] | null;
  readonly Layers: readonly string[];
}

/** One item for each image, with all of its names. */
async function dockerImages(
  source: Pick<Source, "fetch">,
  entries: readonly Descriptor[],
  platforms: readonly PlatformSpec[] | undefined,
  options: CallOptions,
): Promise<readonly DockerImage[]> {
  const items = new Map<string, DockerImage>();
  for (const entry of entries) {
    const chosen = chooseImage(await imagesBelow(source, entry, options), platforms);
    if (chosen === undefined) continue;
    const { manifest } = await readGraphDocument(source, chosen, options);
    if (!manifest || ociMediaType(manifest.config.mediaType) !== MediaType.config) continue;
    const Config = blobPath(manifest.config);
    const name = imageName(entry);
    const RepoTags = [...items.get(Config)?.RepoTags ?? [], ...(name ? [name] : [])];
    items.set(Config, {
      Config,
      RepoTags: RepoTags.length > 0 ? RepoTags : null,
      Layers: manifest.layers.map(blobPath),
    });
  }
  return [...items.values()];
}

function blobPath(descriptor: Descriptor): string {
  return `blobs/sha256/${digestHex(parseDigest(descriptor.digest))}`;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
