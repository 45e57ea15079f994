/**
 * Images that are brought blob by blob and become one archive in the end.
 * @module
 */
import { Buffer } from "node:buffer";
import type { Blobs, CallOptions, OpenBlob, Place } from "../../content/places.ts";
import { keptEntry } from "../../content/referrers.ts";
import { isWhole, readGraphDocument } from "../../content/walk.ts";
import { KodenoError } from "../../errors.ts";
import { tarHeader, tarPadding } from "../../io/tar_writer.ts";
import { SingleFlight } from "../../io/concurrency.ts";
import {
  bareDescriptor,
  blobFolder,
  blobPath,
  type Descriptor,
  type DigestAlgorithm,
  MediaType,
  ociMediaType,
  parseDigest,
} from "../../oci/descriptor.ts";
import { imageName, namedEntry, withEach } from "../../oci/entries.ts";
import { encodeJson } from "../../oci/manifest.ts";
import type { PlatformSpec } from "../../oci/platform.ts";
import { chooseBelow } from "../choose_image.ts";

/** The error for an archive that is damaged, or made to do harm. */
export function badArchive(path: string, why: string, cause?: unknown): KodenoError {
  const message = `Cannot use archive ${path}: ${why}`;
  return new KodenoError("BAD_CONTENT", message, { archive: path }, { cause });
}

/** The error for a file that is no archive of images at all. */
export function notAnArchive(
  path: string,
  why: string,
  next = "name a .tar of images",
  detail: Readonly<Record<string, string>> = {},
) {
  const message = `Cannot use ${path} as an image archive: ${why}; ${next}`;
  return new KodenoError("BAD_PLACE", message, { archive: path, ...detail });
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
  protected abstract readonly documents: Blobs;

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
      // What it carries itself may be nowhere else when the archive is written.
      this.blobs.set(digest, { ...bareDescriptor(descriptor), data: descriptor.data });
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
   * Has the archive list manifests or indexes without names, as what refers to an image (signatures,
   * SBOMs); they are found by their digests.
   *
   * @throws {KodenoError} `NOT_FOUND` when one was not brought there
   */
  async keep(all: readonly Descriptor[], options: CallOptions = {}): Promise<void> {
    const digests = new Set(this.entries.map(({ digest }) => digest));
    const kept: Descriptor[] = [];
    for (const d of all) {
      await this.#assertWhole("keep", d, options);
      if (!digests.has(d.digest)) kept.push(await this.keptAs(d, options));
      digests.add(d.digest);
    }
    this.entries = [...this.entries, ...kept];
  }

  /** The entry of what has no name. */
  protected async keptAs(descriptor: Descriptor, options: CallOptions): Promise<Descriptor> {
    return await keptEntry(this.documents, descriptor, options);
  }

  async #assertWhole(doing: string, d: Descriptor, options: CallOptions): Promise<void> {
    if (await this.has(d, options)) return;
    const why = "it was not brought there, or not whole";
    const message = `Cannot ${doing} ${d.digest} in ${this.what}: ${why}`;
    throw new KodenoError("NOT_FOUND", message);
  }
}

/** The folders that each archive has: those of the blobs that kodeno makes. */
export const FOLDERS: Uint8Array = Buffer.concat([folder("blobs"), blobsFolder("sha256")]);

/** The folder of the blobs of an algorithm. */
export function blobsFolder(algorithm: DigestAlgorithm): Uint8Array {
  return folder(blobFolder(algorithm));
}

function folder(name: string): Uint8Array {
  return tarHeader({ type: "dir", name: `${name}/`, mode: 0o755 });
}

/** What goes before the content of a blob. */
export function blobHeader(d: Descriptor): Uint8Array {
  return tarHeader({ type: "file", name: blobPath(d), mode: 0o644, size: d.size });
}

/** What goes after a content of that many bytes. */
export function padding(size: number): Uint8Array {
  return new Uint8Array(tarPadding(size));
}

/**
 * The members that say what an archive has, with the entries of its `index.json`; `platforms` choose the
 * image that `docker load` is to take, where its daemon takes only one of several.
 */
export async function archiveDocuments(
  source: Blobs,
  entries: readonly Descriptor[],
  platforms?: readonly PlatformSpec[],
  options: CallOptions = {},
): Promise<Uint8Array> {
  /** One item for each image, with all of its names. */
  const items = new Map<string, { RepoTags: string[] | null; Layers: readonly string[] }>();
  for (const entry of entries) {
    const chosen = await chooseBelow(source, entry, platforms, options);
    if (chosen === undefined) continue;
    const { manifest } = await readGraphDocument(source, chosen, options);
    if (!manifest || ociMediaType(manifest.config.mediaType) !== MediaType.config) continue;
    const config = blobPath(manifest.config);
    const name = imageName(entry);
    const tags = [...items.get(config)?.RepoTags ?? [], ...(name ? [name] : [])];
    const Layers = manifest.layers.map(blobPath);
    items.set(config, { RepoTags: tags.length > 0 ? tags : null, Layers });
  }
  const documents: [name: string, value: unknown][] = [
    ["oci-layout", { imageLayoutVersion: "1.0.0" }],
    ["index.json", { schemaVersion: 2, mediaType: MediaType.index, manifests: entries }],
    ["manifest.json", [...items].map(([Config, item]) => ({ Config, ...item }))],
  ];
  return Buffer.concat(documents.flatMap(([name, value]) => {
    const bytes = encodeJson(value);
    const size = bytes.length;
    return [tarHeader({ type: "file", name, mode: 0o644, size }), bytes, padding(size)];
  }));
}
