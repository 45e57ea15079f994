/**
 * Small image graphs in memory, with layers of a few bytes.
 * @module
 */
import { digestOf } from "../../src/io/hash.ts";
import { bytesStream } from "../../src/io/streams.ts";
import type { Target } from "../../src/content/places.ts";
import { type Descriptor, type DigestAlgorithm, MediaType } from "../../src/oci/descriptor.ts";
import { encodeJson } from "../../src/oci/manifest.ts";
import type { Platform } from "../../src/oci/platform.ts";
import { openLayout } from "../../src/place/layout/layout.ts";
import type { TempDir } from "./temp.ts";

/** Bytes and what they are. */
export interface Blob {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** An image for several platforms. */
export interface ImageGraph {
  /** The index. */
  readonly root: Blob;
  /** One for each platform. */
  readonly manifests: readonly [Blob, ...Blob[]];
  /** The layer that all of them have. */
  readonly shared: Blob;
  /** Everything, each once, children before parents. */
  readonly blobs: readonly Blob[];
}

/** Describes bytes, of a layer where nothing is said; by sha256 unless another algorithm is given. */
export function blob(
  content: string | Uint8Array,
  mediaType?: string,
  algorithm?: DigestAlgorithm,
): Blob {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const digest = digestOf(bytes, algorithm);
  const size = bytes.length;
  return { bytes, descriptor: { mediaType: mediaType ?? MediaType.layer, digest, size } };
}

/** Describes the bytes of a JSON document. */
export function jsonBlob(value: unknown, mediaType: string, algorithm?: DigestAlgorithm): Blob {
  return blob(encodeJson(value), mediaType, algorithm);
}

/** An image of layers that are not compressed: the manifest last. */
export function image(
  platform: Platform,
  layers: readonly Blob[],
  more?: Readonly<Record<string, unknown>>,
  algorithm?: DigestAlgorithm,
): { readonly manifest: Blob; readonly config: Blob } {
  const diffIds = layers.map(({ descriptor }) => descriptor.digest);
  const value = { ...platform, rootfs: { type: "layers", diff_ids: diffIds }, ...more };
  const config = jsonBlob(value, MediaType.config, algorithm);
  const manifest = jsonBlob(
    {
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      config: config.descriptor,
      layers: layers.map(({ descriptor }) => descriptor),
    },
    MediaType.manifest,
    algorithm,
  );
  return { manifest, config };
}

/** An index over manifests with their platforms. */
export function index(
  entries: readonly (readonly [Blob, Platform?])[],
  algorithm?: DigestAlgorithm,
): Blob {
  const manifests = entries.map(([{ descriptor }, platform]) => ({ ...descriptor, platform }));
  const value = { schemaVersion: 2, mediaType: MediaType.index, manifests };
  return jsonBlob(value, MediaType.index, algorithm);
}

/** An index of two images that share a layer; another text gives another graph. */
export function imageGraph(name?: string, algorithm?: DigestAlgorithm): ImageGraph {
  const text = name ?? "graph";
  const shared = blob(`${text}: shared layer`, MediaType.layer, algorithm);
  const parts = (["amd64", "arm64"] as const).map((architecture) => {
    const platform = { os: "linux", architecture };
    const own = blob(`${text}: layer for ${architecture}`, MediaType.layer, algorithm);
    return { platform, own, ...image(platform, [shared, own], undefined, algorithm) };
  });
  const [first, ...others] = parts.map(({ manifest }) => manifest);
  if (first === undefined) throw new Error("there are two");
  const root = index(parts.map(({ manifest, platform }) => [manifest, platform]), algorithm);
  const below = parts.flatMap(({ own, config, manifest }) => [own, config, manifest]);
  return { root, manifests: [first, ...others], shared, blobs: [shared, ...below, root] };
}

/** Pushes blobs, one after the other. */
export async function pushAll(target: Target, blobs: readonly Blob[]): Promise<void> {
  for (const { descriptor, bytes } of blobs) {
    await target.push(descriptor, () => Promise.resolve(bytesStream(bytes)));
  }
}

/** Makes a layout with images under names; gives its folder. */
export async function layoutWith(
  dir: TempDir,
  folder: string,
  images: Readonly<Record<string, ImageGraph>>,
): Promise<string> {
  using layout = await openLayout(dir.join(folder), { create: true });
  for (const [name, graph] of Object.entries(images)) {
    await pushAll(layout, graph.blobs);
    await layout.tag(graph.root.descriptor, name);
  }
  return layout.directory;
}
