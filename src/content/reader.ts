/**
 * Looking into a place whose images may be damaged or not all there: what cannot be read is told of,
 * and each document and blob is looked at once.
 * @module
 */
import { KodenoError, messageOf } from "../errors.ts";
import { getOrSet } from "../io/work.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type ImageConfig, parseConfig } from "../oci/manifest.ts";
import { MediaType, ociMediaType } from "../oci/media_types.ts";
import type { Source } from "./places.ts";
import { readDocument, readGraphDocument } from "./read.ts";
import { type GraphDocument, graphKey, hasSuccessors } from "./successors.ts";
import { Walk } from "./walk.ts";

/** What a document says, or why it cannot be read. */
export interface DocumentOrProblem extends Omit<GraphDocument, "bytes"> {
  readonly problem?: string | undefined;
}

/** What a config says; neither for one that is no image's. */
export interface ConfigOrProblem {
  readonly config?: ImageConfig | undefined;
  readonly problem?: string | undefined;
}

/** Bytes of documents that are kept; most places have far less. */
const KEPT_BYTES = 32 * 1024 * 1024;

/** Reads manifests and configs of a layout or archive. */
export class ImageReader {
  readonly #documents = new Map<string, DocumentOrProblem>();
  readonly #problems = new Map<string, Promise<string | undefined>>();
  readonly #configs = new Map<string, Promise<ConfigOrProblem>>();
  readonly #referrers = new Map<string, Descriptor[]>();
  #keptBytes = 0;

  /** Takes the place. */
  constructor(readonly source: Pick<Source, "fetch">, readonly signal?: AbortSignal) {}

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

  /** A manifest or index, read and checked. */
  async document(d: Descriptor): Promise<DocumentOrProblem> {
    this.signal?.throwIfAborted();
    const known = this.#documents.get(graphKey(d));
    if (known !== undefined) return known;
    const document = await readGraphDocument(this.source, d).then(
      ({ index, manifest, subject, successors }) => ({ index, manifest, subject, successors }),
      (error) => ({ problem: problemOf(error), successors: [] }),
    );
    // Those of a hostile place do not fill the memory; they are read again.
    if ((this.#keptBytes += d.size) <= KEPT_BYTES) this.#documents.set(graphKey(d), document);
    return document;
  }

  /** Why a blob cannot be used; nothing where it is there with its size. */
  problem(d: Descriptor): Promise<string | undefined> {
    return getOrSet(this.#problems, `${d.mediaType} ${graphKey(d)}`, async () => {
      try {
        await (await this.source.fetch(d)).cancel();
        return undefined;
      } catch (error) {
        return problemOf(error);
      }
    });
  }

  /** A config. */
  config(d: Descriptor): Promise<ConfigOrProblem> {
    return getOrSet(this.#configs, `${d.mediaType} ${graphKey(d)}`, async () => {
      const problem = await this.problem(d);
      if (problem !== undefined || ociMediaType(d.mediaType) !== MediaType.config) {
        return { problem };
      }
      try {
        return { config: parseConfig(await readDocument(this.source, d), `config ${d.digest}`) };
      } catch (error) {
        return { problem: problemOf(error) };
      }
    });
  }
}

function problemOf(error: unknown): string {
  if (error instanceof KodenoError && error.code === "NOT_FOUND") return "missing";
  if (error instanceof KodenoError && error.code === "BAD_CONTENT") return "damaged";
  return messageOf(error);
}
