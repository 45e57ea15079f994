/**
 * Layouts and archives whose list of images is itself an index: entries that have one name, or none,
 * and differ in the platform alone, as some tools write an image of several platforms. Here they are
 * one image, of an index that is made for them.
 * @module
 */
import { attestedBy, isImage } from "../content/images.ts";
import { type CallOptions, holdPlace, type ImageStore } from "../content/places.ts";
import { ImageReader } from "../content/reader.ts";
import { hasCode } from "../errors.ts";
import { digestOf } from "../io/hash.ts";
import { bytesStream } from "../io/streams.ts";
import {
  type Descriptor,
  isDigest,
  isIndexType,
  isManifestType,
  MediaType,
  ociMediaType,
} from "../oci/descriptor.ts";
import { findEntry, IMAGE_NAME, nameKey, REF_NAME } from "../oci/entries.ts";
import { encodeJson, oddity } from "../oci/manifest.ts";
import { formatPlatform, type Platform, statedPlatform } from "../oci/platform.ts";

/** No image has more; many entries without a name are as many images. */
const MAX_PLATFORMS = 100;

/** An index that is in no place, and the entries that it stands for. */
interface MadeIndex {
  readonly bytes: Uint8Array;
  readonly parts: readonly Descriptor[];
}

/** A layout or archive with whole images only. */
export interface WholeImages extends ImageStore, Disposable {
  /** Whether it has a blob; of an archive, which knows that at once. */
  readonly holds?: ((descriptor: Descriptor) => boolean) | undefined;
  /** See `holdPlace`. */
  hold(options?: CallOptions): Promise<Disposable>;
  /** The entries that an index of a digest was made of. */
  partsOf(digest: string): Promise<readonly Descriptor[] | undefined>;
}

type Store = ImageStore & Disposable & Pick<WholeImages, "holds">;

/** Has an index made, when it is asked for, of each image that a place has one entry a platform of. */
export function wholeImages(store: Store): WholeImages {
  const made = new Map<string, MadeIndex>();
  const entries = async (): Promise<readonly Descriptor[]> => {
    const all = await store.entries();
    // Most places have none, and nothing needs to be read to see that.
    const groups = [...Map.groupBy(all, nameKey).values()].filter(mayBeFlat);
    if (groups.length === 0) return all;
    const roots = new Map<Descriptor, Descriptor | undefined>();
    for (const group of groups) {
      const parts = await partsOfOne(store, group);
      if (parts === undefined) continue;
      const { root, bytes } = indexOver(parts);
      made.set(root.digest, { bytes, parts: parts.map(({ entry }) => entry) });
      parts.forEach(({ entry }, i) => roots.set(entry, i === 0 ? root : undefined));
    }
    return all.flatMap((entry) => roots.has(entry) ? roots.get(entry) ?? [] : entry);
  };
  return {
    what: store.what,
    ownName: store.ownName,
    entries,
    resolve: async (ref, options) => {
      const whole = await entries();
      const isPart = isDigest(ref) && !whole.some(({ digest }) => digest === ref);
      if (made.size === 0 || isPart) return await store.resolve(ref, options);
      options?.signal?.throwIfAborted();
      return findEntry(whole, ref, store.what ?? "", store.ownName);
    },
    fetch: async (d, options) => {
      const bytes = made.get(d.digest)?.bytes;
      if (bytes !== undefined) return bytesStream(bytes);
      try {
        return await store.fetch(d, options);
      } catch (error) {
        if (!isIndexType(d.mediaType) || !hasCode(error, "NOT_FOUND")) throw error;
        await entries();
        const late = made.get(d.digest)?.bytes;
        if (late === undefined) throw error;
        return bytesStream(late);
      }
    },
    ...("holds" in store
      ? { holds: (d: Descriptor) => made.has(d.digest) || store.holds?.(d) === true }
      : {}),
    allBlobs: () => store.allBlobs?.() ?? Promise.resolve([]),
    hold: (options) => holdPlace(store, options),
    partsOf: async (digest) => {
      await entries();
      return made.get(digest)?.parts;
    },
    [Symbol.dispose]: () => store[Symbol.dispose](),
  };
}

/** Whether entries of one name, or of none, can be an index, as far as they say it themselves. */
function mayBeFlat(entries: readonly Descriptor[]): boolean {
  if (entries.length < 2 || entries.length > MAX_PLATFORMS) return false;
  if (entries.some(({ mediaType }) => isIndexType(mediaType))) return false;
  const images = entries.filter(canBePart);
  return images.length > 1 && areDifferent(images.flatMap(({ platform }) => platform ?? [])) &&
    new Set(images.map(({ digest }) => digest)).size === images.length;
}

function canBePart(entry: Descriptor): boolean {
  return isManifestType(entry.mediaType) && isImage(entry) && oddity(entry) === undefined;
}

function areDifferent(platforms: readonly Platform[]): boolean {
  return new Set(platforms.map(formatPlatform)).size === platforms.length;
}

interface Part {
  readonly entry: Descriptor;
  readonly platform: Platform | undefined;
}

/** The images among entries, with BuildKit's attestations of them, where they are one image. */
async function partsOfOne(store: ImageStore, entries: readonly Descriptor[]) {
  const reader = new ImageReader(store);
  const images: Part[] = [];
  const attestations: Part[] = [];
  for (const entry of entries) {
    if (attestedBy(entry) !== undefined) attestations.push({ entry, platform: entry.platform });
    if (!canBePart(entry)) continue;
    const { manifest, subject, problem } = await reader.document(entry);
    const type = manifest?.config.mediaType;
    // What refers to an image (a signature, an SBOM) is none.
    if (subject || (type !== undefined && ociMediaType(type) !== MediaType.config)) continue;
    const { config } = entry.platform || !manifest ? {} : await reader.config(manifest.config);
    const platform = entry.platform ?? (config && statedPlatform(config));
    // One that is not there is of the image whose name it has, whatever it runs on.
    if (!platform && (problem === undefined || nameKey(entry) === undefined)) return undefined;
    images.push({ entry, platform });
  }
  const known = images.flatMap(({ platform }) => platform ?? []);
  const isOne = images.length > 1 && known.length > 0 && areDifferent(known);
  const digests = new Set<string>(images.map(({ entry }) => entry.digest));
  const about = attestations.filter(({ entry }) => digests.has(attestedBy(entry) ?? ""));
  return isOne ? [...images, ...about] : undefined;
}

function indexOver(parts: readonly Part[]) {
  const manifests = parts.map(({ entry, platform }) => {
    const { annotations, ...more } = entry;
    const { [IMAGE_NAME]: _, [REF_NAME]: __, ...others } = annotations ?? {};
    const kept = Object.keys(others).length > 0 ? { annotations: others } : {};
    return { ...more, ...(platform ? { platform } : {}), ...kept };
  });
  const { annotations = {} } = parts[0]?.entry ?? {};
  const names = [IMAGE_NAME, REF_NAME].flatMap((key) => {
    const name = annotations[key];
    return name === undefined ? [] : [[key, name] as const];
  });
  const bytes = encodeJson({ schemaVersion: 2, mediaType: MediaType.index, manifests });
  const root: Descriptor = {
    mediaType: MediaType.index,
    digest: digestOf(bytes),
    size: bytes.length,
    ...(names.length > 0 ? { annotations: Object.fromEntries(names) } : {}),
  };
  return { root, bytes };
}
