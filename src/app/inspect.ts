/**
 * The use case of `kodeno inspect`: the images of a layout or archive as trees of plain values.
 * @module
 */
import { exists } from "../io/fail.ts";
import { GraphBounds } from "../content/bounds.ts";
import { readDocument } from "../content/read.ts";
import { graphKey, hasSuccessors } from "../content/successors.ts";
import { KodenoError, messageOf } from "../errors.ts";
import { getOrSet } from "../io/work.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { entryName } from "../oci/entries.ts";
import {
  type Index,
  type Manifest,
  parseConfig,
  parseIndex,
  parseManifest,
} from "../oci/manifest.ts";
import { isIndexType, MediaType, ociMediaType } from "../oci/media_types.ts";
import { formatPlatform } from "../oci/platform.ts";
import { type ImageStore, openImages, type OpenImagesOptions, pathOf } from "../place/open.ts";

/** A blob that points to nothing. */
export interface InspectedBlob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  /** Why it cannot be used, where it is missing or damaged. */
  readonly problem?: string | undefined;
}

/** The config of an image: what it runs. */
export interface InspectedConfig extends InspectedBlob {
  readonly created?: string | undefined;
  readonly user?: string | undefined;
  readonly workingDirectory?: string | undefined;
  readonly entrypoint?: readonly string[] | undefined;
  readonly command?: readonly string[] | undefined;
  readonly environment?: readonly string[] | undefined;
  readonly ports?: readonly string[] | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** A manifest or an index with what is below it. */
export interface InspectedImage extends InspectedBlob {
  readonly kind: "index" | "manifest" | "blob";
  /** `NAME:TAG`, or a tag alone; of an entry. */
  readonly name?: string | undefined;
  readonly platform?: string | undefined;
  readonly artifactType?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Of an index. */
  readonly manifests?: readonly InspectedImage[] | undefined;
  /** Of a manifest. */
  readonly config?: InspectedConfig | undefined;
  /** Of a manifest. */
  readonly layers?: readonly InspectedBlob[] | undefined;
  /** What says something about it: signatures, SBOMs, provenance. */
  readonly referrers?: readonly InspectedImage[] | undefined;
  /** Whether it stands elsewhere in the tree with all that is below it. */
  readonly repeated?: true | undefined;
}

/**
 * Looks at the images of a layout or archive.
 *
 * @param place path of it, `PATH:TAG` or `PATH@DIGEST`
 * @param name of the image; without it and without a tag, all images
 * @throws {KodenoError} `BAD_PLACE`, `BAD_OPTION`, `NOT_FOUND`, `BAD_REFERENCE`, `IO_FAILED`
 */
export async function inspect(
  place: string,
  name?: string,
  { signal, emit }: OpenImagesOptions = {},
): Promise<readonly InspectedImage[]> {
  const { path, ref } = await parsePlace(place);
  if (ref !== undefined && name !== undefined) {
    throw new KodenoError(
      "BAD_OPTION",
      `Cannot inspect ${place}: it names an image already; leave ${JSON.stringify(name)} out`,
    );
  }
  const store = await openImages(path, { signal, emit });
  const entries = await store.entries();
  const wanted = name ?? ref;
  const roots = wanted === undefined ? entries : [await store.resolve(wanted)];
  const reader = new ImageReader(store, signal);
  await reader.findReferrers(entries);
  const images: InspectedImage[] = [];
  for (const root of roots) {
    const called = entryName(root);
    images.push({
      ...(called === undefined ? {} : { name: called }),
      ...await reader.image(root, new Told()),
    });
  }
  return images;
}

async function parsePlace(
  text: string,
): Promise<{ readonly path: string; readonly ref?: string | undefined }> {
  const place = await pathOf(text);
  if (await exists(place)) return { path: place };
  const [, path, digest, tag] = /^(.+?)(?:@(sha256:[0-9a-f]{64})|:([^:/\\@]+))$/.exec(place) ?? [];
  return path === undefined ? { path: place } : { path, ref: digest ?? tag };
}

/** What of a tree was told already, and how much there may be of it. */
export class Told {
  /** Manifests and indexes that stand in the tree. */
  readonly keys: Set<string> = new Set();
  readonly #bounds = new GraphBounds(TOLD_BYTES);

  /** Whether one more can be told. */
  takes(d: Descriptor, depth: number): boolean {
    try {
      this.#bounds.enter(d, depth);
      return true;
    } catch {
      return false;
    }
  }
}

/** Bytes of the documents of one image that are told of. */
const TOLD_BYTES = 16 * 1024 * 1024;
/** Bytes of documents that are kept; most places have far less. */
const KEPT_BYTES = 32 * 1024 * 1024;

/** What a manifest or index says, or why it cannot be read. */
export type ReadDocument =
  | { readonly index: Index }
  | { readonly manifest: Manifest }
  | { readonly problem: string };

/** What a config says, and the platform it names. */
interface ReadConfig {
  readonly config: InspectedConfig;
  readonly platform?: string | undefined;
}

/** Reads manifests and configs of a layout or archive, each once, and looks at each blob once. */
export class ImageReader {
  readonly #documents = new Map<string, ReadDocument>();
  readonly #blobs = new Map<string, Promise<InspectedBlob>>();
  readonly #configs = new Map<string, Promise<ReadConfig>>();
  #keptBytes = 0;
  readonly #referrers = new Map<string, Descriptor[]>();

  /** Takes the place. */
  constructor(readonly store: ImageStore, readonly signal?: AbortSignal) {}

  /** Looks for what has a subject, in everything below entries. */
  async findReferrers(entries: readonly Descriptor[]): Promise<void> {
    const seen = new Set<string>();
    const queue = entries.filter(hasSuccessors);
    for (let d = queue.pop(); d !== undefined; d = queue.pop()) {
      if (seen.has(graphKey(d))) continue;
      seen.add(graphKey(d));
      const document = await this.document(d);
      if ("index" in document) queue.push(...document.index.manifests.filter(hasSuccessors));
      const subject = subjectOf(document);
      if (subject === undefined) continue;
      const all = this.#referrers.get(subject.digest) ?? [];
      this.#referrers.set(subject.digest, all);
      all.push(d);
    }
  }

  /** What has this subject, as far as {@link findReferrers} looked. */
  referrersOf(digest: string): readonly Descriptor[] {
    return this.#referrers.get(digest) ?? [];
  }

  /** A manifest or index, read and checked. */
  async document(d: Descriptor): Promise<ReadDocument> {
    this.signal?.throwIfAborted();
    const known = this.#documents.get(graphKey(d));
    if (known !== undefined) return known;
    let document: ReadDocument;
    try {
      const bytes = await readDocument(this.store, d);
      const what = `blob ${d.digest}`;
      document = isIndexType(d.mediaType)
        ? { index: parseIndex(bytes, what) }
        : { manifest: parseManifest(bytes, what) };
    } catch (error) {
      document = { problem: problemOf(error) };
    }
    // Those of a hostile place do not fill the memory; they are read again.
    if ((this.#keptBytes += d.size) <= KEPT_BYTES) this.#documents.set(graphKey(d), document);
    return document;
  }

  /** An image with what is below it; what was told already is not told again. */
  async image(d: Descriptor, told: Told, depth = 0): Promise<InspectedImage> {
    const { mediaType, digest, size } = d;
    const platform = d.platform ? { platform: formatPlatform(d.platform) } : {};
    if (!hasSuccessors(d)) return { kind: "blob", ...await this.blob(d), ...platform };
    const kind = isIndexType(mediaType) ? "index" as const : "manifest" as const;
    const plain = { kind, mediaType, digest, size, ...platform };
    if (told.keys.has(graphKey(d))) return { ...plain, repeated: true };
    told.keys.add(graphKey(d));
    if (!told.takes(d, depth)) return { ...plain, problem: "too deep, or one of too many" };
    const document = await this.document(d);
    if ("problem" in document) return { ...plain, problem: document.problem };
    const { annotations } = "index" in document ? document.index : document.manifest;
    const more = annotations ? { annotations } : {};
    if ("index" in document) {
      const manifests: InspectedImage[] = [];
      for (const one of document.index.manifests) {
        manifests.push(await this.image(one, told, depth + 1));
      }
      return { ...plain, ...more, manifests, ...await this.#referrersOf(digest, told, depth) };
    }
    const { config, layers, artifactType } = document.manifest;
    const inspected = await this.config(config);
    const below: InspectedBlob[] = [];
    for (const layer of layers) below.push(await this.blob(layer));
    return {
      ...plain,
      ...(d.platform || inspected.platform === undefined ? {} : { platform: inspected.platform }),
      ...(artifactType ? { artifactType } : {}),
      ...more,
      config: inspected.config,
      layers: below,
      ...await this.#referrersOf(digest, told, depth),
    };
  }

  /** A blob, and whether it is there with its size. */
  blob(d: Descriptor): Promise<InspectedBlob> {
    return getOrSet(this.#blobs, `${d.mediaType} ${graphKey(d)}`, () => this.#blob(d));
  }

  async #blob({ mediaType, digest, size }: Descriptor): Promise<InspectedBlob> {
    try {
      await (await this.store.fetch({ mediaType, digest, size })).cancel();
      return { mediaType, digest, size };
    } catch (error) {
      return { mediaType, digest, size, problem: problemOf(error) };
    }
  }

  /** A config, and the platform it names. */
  config(d: Descriptor): Promise<ReadConfig> {
    return getOrSet(this.#configs, `${d.mediaType} ${graphKey(d)}`, () => this.#config(d));
  }

  async #config(d: Descriptor): Promise<ReadConfig> {
    const blob = await this.blob(d);
    if (blob.problem !== undefined || ociMediaType(d.mediaType) !== MediaType.config) {
      return { config: blob };
    }
    try {
      const image = parseConfig(await readDocument(this.store, d), `config ${d.digest}`);
      const { created, config: run = {} } = image;
      const config = {
        ...blob,
        created,
        user: run.User || undefined,
        workingDirectory: run.WorkingDir || undefined,
        entrypoint: run.Entrypoint ?? undefined,
        command: run.Cmd ?? undefined,
        environment: run.Env ?? undefined,
        ports: run.ExposedPorts ? Object.keys(run.ExposedPorts) : undefined,
        labels: run.Labels ?? undefined,
      };
      return { config, platform: formatPlatform(image) };
    } catch (error) {
      return { config: { ...blob, problem: problemOf(error) } };
    }
  }

  async #referrersOf(
    digest: string,
    told: Told,
    depth: number,
  ): Promise<{ readonly referrers?: readonly InspectedImage[] }> {
    const found: InspectedImage[] = [];
    for (const d of this.referrersOf(digest)) {
      found.push(await this.image(d, told, depth + 1));
    }
    return found.length > 0 ? { referrers: found } : {};
  }
}

/** What a manifest or index refers to, where it can be read. */
export function subjectOf(document: ReadDocument): Descriptor | undefined {
  if ("index" in document) return document.index.subject;
  return "manifest" in document ? document.manifest.subject : undefined;
}

function problemOf(error: unknown): string {
  if (error instanceof KodenoError && error.code === "NOT_FOUND") return "missing";
  if (error instanceof KodenoError && error.code === "BAD_CONTENT") return "damaged";
  return messageOf(error);
}
