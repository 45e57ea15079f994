/**
 * Images that are brought blob by blob and become one archive in the end.
 * @module
 */
import { Buffer } from "node:buffer";
import type { CallOptions, OpenBlob, Place, Source } from "../../content/places.ts";
import { isWhole, readGraphDocument, Walk } from "../../content/walk.ts";
import { KodenoError } from "../../errors.ts";
import { tarHeader, tarPadding } from "../../io/tar_writer.ts";
import { SingleFlight } from "../../io/work.ts";
import {
  bareDescriptor,
  type Descriptor,
  digestHex,
  isIndexType,
  isManifestType,
  MediaType,
  ociMediaType,
  parseDigest,
} from "../../oci/descriptor.ts";
import { imageName, namedEntry, withEach } from "../../oci/entries.ts";
import { encodeJson } from "../../oci/manifest.ts";
import {
  formatPlatform,
  formatPlatformSpec,
  type Platform,
  platformMatches,
  type PlatformSpec,
} from "../../oci/platform.ts";

/** The error for an archive that is damaged, or made to do harm. */
export function badArchive(path: string, why: string, cause?: unknown): KodenoError {
  const message = `Cannot use archive ${path}: ${why}`;
  return new KodenoError("BAD_CONTENT", message, { archive: path }, { cause });
}

/** The error for a file that is no archive of images at all. */
export function notAnArchive(path: string, why: string, next: string): KodenoError {
  const message = `Cannot use ${path} as an image archive: ${why}; ${next}`;
  return new KodenoError("BAD_PLACE", message, { archive: path });
}

/** What all places have in common that take an archive. */
export abstract class ArchiveCollector implements Place {
  /** What has arrived, by digest. */
  protected readonly blobs: Map<string, Descriptor> = new Map();
  /** Images that were named or kept. */
  protected entries: readonly Descriptor[] = [];
  readonly #pushing = new SingleFlight();

  /** The place, for messages: `archive x.tar`. */
  abstract readonly what: string;

  /** {@inheritDoc Place.check} */
  abstract check(options?: CallOptions): Promise<void>;

  /** {@inheritDoc Place.close} */
  abstract close(options?: CallOptions): Promise<void>;

  /** {@inheritDoc Place.undo} */
  abstract undo(): Promise<void>;

  /** Takes the bytes of a blob that has not arrived, and checks them. */
  protected abstract write(d: Descriptor, open: OpenBlob, options: CallOptions): Promise<void>;

  /** Has the manifests and indexes that have arrived. */
  protected abstract readonly documents: Pick<Source, "fetch">;

  /** {@inheritDoc Target.has} */
  async has(descriptor: Descriptor, options: CallOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    const isThere = (d: Descriptor) => this.blobs.get(d.digest)?.size === d.size;
    return await isWhole(this.documents, descriptor, isThere, options);
  }

  /** {@inheritDoc Target.push} */
  async push(descriptor: Descriptor, open: OpenBlob, options: CallOptions = {}): Promise<void> {
    // Images that are copied side by side share a base: its layers are written once.
    await this.#pushing.do(descriptor.digest, async () => {
      options.signal?.throwIfAborted();
      const digest = parseDigest(descriptor.digest);
      if (this.blobs.has(digest)) return;
      await this.write(descriptor, open, options);
      this.blobs.set(digest, bareDescriptor(descriptor));
    });
  }

  /** {@inheritDoc Target.tag} */
  async tag(descriptor: Descriptor, ref: string, options: CallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const entry = namedEntry(descriptor, ref);
    await this.#assertWhole("tag", descriptor, options);
    this.entries = withEach(this.entries, [entry]);
  }

  /**
   * Has the archive list a manifest or index without a name, as what refers to an image (a signature,
   * an SBOM); it is found by its digest.
   *
   * @throws {KodenoError} `NOT_FOUND` when it was not brought there
   */
  async keep(descriptor: Descriptor, options: CallOptions = {}): Promise<void> {
    await this.#assertWhole("keep", descriptor, options);
    if (this.entries.some(({ digest }) => digest === descriptor.digest)) return;
    this.entries = [...this.entries, bareDescriptor(descriptor)];
  }

  async #assertWhole(doing: string, d: Descriptor, options: CallOptions): Promise<void> {
    if (await this.has(d, options)) return;
    const why = "it was not brought there, or not whole";
    const message = `Cannot ${doing} ${d.digest} in ${this.what}: ${why}`;
    throw new KodenoError("NOT_FOUND", message);
  }
}

/** The folders of the blobs. */
export const FOLDERS: Uint8Array = Buffer.concat(
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
  return Buffer.concat(documents.flatMap(([name, value]) => {
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

/** Tried in this order where nothing else is wanted: most daemons are the first. */
const USUAL: readonly PlatformSpec[] = [{ os: "linux", architecture: "amd64" }, { os: "linux" }];

/**
 * The image manifests below a root, each once, in the order the index names them; a manifest is its
 * own. What BuildKit marks as `unknown` (attestations) and what is no image is left out.
 *
 * @throws {KodenoError} `BAD_CONTENT`, `NOT_FOUND`
 */
export async function imagesBelow(
  source: Pick<Source, "fetch">,
  root: Descriptor,
  options?: CallOptions,
): Promise<readonly Descriptor[]> {
  const found: Descriptor[] = [];
  const walk = new Walk(async (d, { below }) => {
    if (isManifestType(d.mediaType)) {
      if (isImage(d)) found.push(d);
    } else if (isIndexType(d.mediaType)) {
      await below((await readGraphDocument(source, d, options)).index?.manifests ?? []);
    }
  }, options);
  await walk.from(root);
  return found;
}

/** Whether a manifest is of an image, as far as its index says. */
function isImage({ platform, artifactType }: Descriptor): boolean {
  // crane says of an image that it is an artifact of the type of its config.
  const isArtifact = artifactType !== undefined && ociMediaType(artifactType) !== MediaType.config;
  return platform?.os !== "unknown" && !isArtifact;
}

/**
 * Picks one image by its platform. An only one is taken as it is.
 *
 * @param images from {@link imagesBelow}
 * @param wanted what to pick; `linux/amd64`, then any of Linux, then the first unless given
 * @returns undefined when none is what is wanted
 */
export function chooseImage(
  images: readonly Descriptor[],
  wanted?: readonly PlatformSpec[],
): Descriptor | undefined {
  if (images.length === 1) return images[0];
  const found = firstMatch(images, wanted ?? USUAL);
  return found ?? (wanted === undefined ? images[0] : undefined);
}

/**
 * The image that a platform asks for, where that does not leave open which one.
 *
 * @param what cannot be done otherwise, for the error
 * @throws {KodenoError} `BAD_PLATFORM` for several, as `linux/arm` may mean `v6` and `v7`
 */
export function onlyMatch<T extends { readonly platform?: Platform | undefined }>(
  images: readonly T[],
  spec: PlatformSpec,
  what: string,
): T | undefined {
  const found = images.filter((d) => d.platform && platformMatches(spec, d.platform));
  const names = new Set(found.map(({ platform }) => platform ? formatPlatform(platform) : ""));
  const asked = formatPlatformSpec(spec);
  if (names.size < 2 || names.has(asked)) {
    return found.find(({ platform }) => platform && formatPlatform(platform) === asked) ?? found[0];
  }
  const list = [...names].join(", ");
  throw new KodenoError("BAD_PLATFORM", `Cannot ${what}: ${asked} may be ${list}; say which one`);
}

/** The first image of the first platform that any of them is for. */
export function firstMatch<T extends { readonly platform?: Platform | undefined }>(
  images: readonly T[],
  specs: readonly PlatformSpec[],
): T | undefined {
  for (const spec of specs) {
    const found = images.find((d) => d.platform && platformMatches(spec, d.platform));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A place that knows at once whether it has a blob. */
export interface PresentBlobs extends Pick<Source, "fetch"> {
  holds(descriptor: Descriptor): boolean;
}

/**
 * What can be moved of an image: its only platform that is there, under the name of the index, as
 * `docker push` has it; the root itself where all is there, or where one would have to choose.
 *
 * @throws {KodenoError} `BAD_CONTENT`, `NOT_FOUND`
 */
export async function presentImage(
  place: PresentBlobs,
  root: Descriptor,
  options: CallOptions = {},
): Promise<Descriptor> {
  if (!isIndexType(root.mediaType)) return root;
  const { index } = await readGraphDocument(place, root, options);
  const { manifests = [] } = index ?? {};
  const there = manifests.filter((d) => place.holds(d));
  const [only, ...others] = there.filter(isImage);
  if (there.length === manifests.length || only === undefined || others.length > 0) return root;
  const { annotations } = root;
  return { ...only, annotations };
}
