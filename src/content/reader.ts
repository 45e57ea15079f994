/**
 * Looking into a place whose images may be damaged or not all there: what cannot be read is told
 * of, and each document and blob is looked at once.
 * @module
 */
import { hasCode, messageOf } from "../errors.ts";
import { getOrSet } from "../io/concurrency.ts";
import { type Descriptor, isForeign, MediaType, ociMediaType } from "../oci/descriptor.ts";
import { entryName, nameAndDigest } from "../oci/entries.ts";
import { type ImageConfig, oddity, parseConfig } from "../oci/manifest.ts";
import { formatPlatform, type Platform, statedPlatform } from "../oci/platform.ts";
import { fetchBlob } from "./blobs.ts";
import type { Blobs, CallOptions } from "./places.ts";
import {
  type GraphDocument,
  graphKey,
  hasSuccessors,
  readDocument,
  readGraphDocument,
  refuseOdd,
  Walk,
} from "./walk.ts";

/** Why something cannot be read, where it cannot: in a word or a sentence, and as it was. */
type Readability = { readonly problem?: string | undefined; readonly failure?: unknown };

/** What every list of images says of one. */
interface ImageSummary {
  /** Bytes of all its blobs, each counted once. */
  readonly size: number;
  /** `os/arch[/variant]` each, in the order of the index. */
  readonly platforms: readonly string[];
}

/** An image as it is found. */
export interface FoundImage extends ImageSummary {
  /** `NAME:TAG`, or a tag alone. */
  readonly name: string | undefined;
  readonly digest: Descriptor["digest"];
  /** What it can be asked for by: its name with the digest behind it. */
  readonly references: readonly string[];
}

/**
 * Of what may not be all there: what is wrong first, and where; a manifest of an index that is missing is
 * no failure.
 */
type SeenSummary = ImageSummary & Readability & { readonly complete: boolean };

/** Bytes of the documents of one image that are looked at, and of those that are kept. */
export const READ_BYTES = 16 * 1024 * 1024;
const KEPT_BYTES = 2 * READ_BYTES;

export class ImageReader {
  readonly #documents = new Map<string, Omit<GraphDocument, "bytes"> & Readability>();
  readonly #blobs = new Map<string, Promise<Readability>>();
  readonly #configs = new Map<string, Promise<Readability & { config?: ImageConfig }>>();
  readonly #summaries = new Map<string, Promise<SeenSummary>>();
  readonly #referrers = new Map<string, Descriptor[]>();
  #keptBytes = 0;

  constructor(readonly source: Blobs, readonly signal?: AbortSignal) {}

  /** Looks for what has a subject, in everything below entries. */
  async findReferrers(entries: readonly Descriptor[]): Promise<void> {
    const walk = new Walk<unknown>(async (d, { below }) => {
      const { index, subject } = await this.document(d);
      if (subject !== undefined) getOrSet(this.#referrers, subject.digest, () => []).push(d);
      await below(index?.manifests.filter(hasSuccessors) ?? []);
    }, { signal: this.signal, beyond: () => {} });
    for (const entry of entries.filter(hasSuccessors)) await walk.from(entry);
  }

  /** What has this subject, as far as {@link findReferrers} looked. */
  referrersOf(digest: string): readonly Descriptor[] {
    return this.#referrers.get(digest) ?? [];
  }

  /** A manifest or index, read and checked; one that cannot be read points to nothing. */
  async document(d: Descriptor): Promise<Omit<GraphDocument, "bytes"> & Readability> {
    this.signal?.throwIfAborted();
    const known = this.#documents.get(graphKey(d));
    if (known !== undefined) return known;
    const document = await readGraphDocument(this.source, d, this).then(
      ({ index, manifest, subject, successors }) => ({ index, manifest, subject, successors }),
      (error) => ({ ...unreadable(d, error), successors: [] }),
    );
    this.signal?.throwIfAborted();
    // Those of a hostile place do not fill the memory; they are read again.
    if ((this.#keptBytes += d.size) <= KEPT_BYTES) this.#documents.set(graphKey(d), document);
    return document;
  }

  blob(d: Descriptor): Promise<Readability> {
    const look = async () => {
      refuseOdd(this.source, d);
      await (await fetchBlob(this.source, d, this)).cancel();
      return {};
    };
    return getOrSet(
      this.#blobs,
      `${d.mediaType} ${graphKey(d)}`,
      () => look().catch((error) => unreadable(d, error)),
    );
  }

  /** What a config says; nothing for one that is no image's. */
  config(d: Descriptor): Promise<Readability & { readonly config?: ImageConfig }> {
    if (ociMediaType(d.mediaType) !== MediaType.config) return Promise.resolve({});
    const read = async () => {
      const bytes = await readDocument(this.source, d, this);
      return { config: parseConfig(bytes, `config ${d.digest}`) };
    };
    return getOrSet(
      this.#configs,
      graphKey(d),
      () => read().catch((error) => unreadable(d, error)),
    );
  }

  /**
   * Sums an image up: by its manifests, or also by its blobs and configs, as a copy needs them; else
   * only the config of a manifest is read that stands alone.
   */
  summary(root: Descriptor, looksAtAll: boolean): Promise<SeenSummary> {
    const key = JSON.stringify([graphKey(root), root.platform]);
    return getOrSet(this.#summaries, key, () => this.#summary(root, looksAtAll));
  }

  /** What every command says of an image that it has found; looks as {@link summary} does. */
  async image(root: Descriptor, looksAtAll = false, name = entryName(root)): Promise<FoundImage> {
    const { digest } = root;
    const { size, platforms } = await this.summary(root, looksAtAll);
    return { name, digest, size, platforms, references: [nameAndDigest(name, digest)] };
  }

  async #summary(root: Descriptor, looksAtAll: boolean): Promise<SeenSummary> {
    const sizes = new Map<string, number>();
    const platforms = new Set<string>();
    let complete = true;
    let problem: string | undefined;
    let failure: unknown;
    const see = (d: Descriptor, seen: Readability, mayBeMissing: boolean): void => {
      if (seen.problem === undefined || seen.problem === LEFT_OUT) return;
      complete = false;
      problem ??= d === root ? seen.problem : `${d.digest}: ${seen.problem}`;
      if (!mayBeMissing || seen.problem !== MISSING) failure ??= seen.failure;
    };
    const walk = new Walk<unknown>(async (d, { depth, below }) => {
      if (!hasSuccessors(d)) {
        sizes.set(d.digest, d.size);
        if (looksAtAll) see(d, await this.blob(d), false);
        return;
      }
      const document = await this.document(d);
      // What docker saved of an index lacks other platforms; a daemon was given what it wants.
      see(d, document, depth > 0);
      const { index, manifest } = document;
      if (document.problem === undefined || looksAtAll) sizes.set(d.digest, d.size);
      if (index !== undefined) await below(index.manifests);
      if (manifest === undefined) return;
      await below([manifest.config, ...manifest.layers]);
      const read = looksAtAll || d.platform === undefined;
      const config = read ? await this.config(manifest.config) : {};
      // One that says nonsense was moved as it is; only what it is for cannot be told.
      if (looksAtAll || config.problem !== DAMAGED) see(manifest.config, config, false);
      const platform = d.platform ?? (config.config && statedPlatform(config.config));
      // BuildKit's attestations stand beside the images they are about.
      if (platform && platform.os !== "unknown") platforms.add(formatPlatform(platform));
    }, { signal: this.signal, mostBytes: READ_BYTES, beyond: () => complete = false });
    await walk.from(root);
    const size = [...sizes.values()].reduce((sum, one) => sum + one, 0);
    return { size, platforms: [...platforms], complete, problem, failure };
  }
}

/** Sums an image up; manifests of an index that are not there do not count. */
export async function summarize(
  source: Blobs,
  root: Descriptor,
  { signal }: CallOptions = {},
): Promise<ImageSummary> {
  const { size, platforms, failure } = await new ImageReader(source, signal).summary(root, false);
  if (failure !== undefined) throw failure;
  return { size, platforms };
}

/** What a manifest runs on, as its config says; undefined for one that does not say. */
export async function imagePlatform(
  source: Blobs,
  d: Descriptor,
  { signal }: CallOptions = {},
): Promise<Platform | undefined> {
  const reader = new ImageReader(source, signal);
  const { manifest, failure } = await reader.document(d);
  if (failure !== undefined) throw failure;
  if (manifest === undefined) return undefined;
  const { config, ...read } = await reader.config(manifest.config);
  if (read.problem !== undefined && read.problem !== DAMAGED) throw read.failure;
  return config && statedPlatform(config);
}

const MISSING = "missing";
const DAMAGED = "damaged";
/** Of a foreign layer, which an image is whole without. */
const LEFT_OUT = "foreign, not here";

function unreadable(d: Descriptor, failure: unknown): Readability {
  const problem = oddity(d);
  if (problem !== undefined) return { problem, failure };
  if (hasCode(failure, "NOT_FOUND")) return { problem: isForeign(d) ? LEFT_OUT : MISSING, failure };
  return { problem: hasCode(failure, "BAD_CONTENT") ? DAMAGED : messageOf(failure), failure };
}
