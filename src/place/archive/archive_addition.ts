/**
 * An archive that more is put into, such as signatures of its images. In the end it is written anew, beside
 * the old one, with all that it had as it was but for `index.json`, and takes its place.
 * @module
 */
import { resolve } from "node:path";
import type { CallOptions, ImageStore, OpenBlob, Source } from "../../content/places.ts";
import { isWhole } from "../../content/walk.ts";
import { ioFailure, isFile } from "../../io/files.ts";
import { findOutput, replaceFile, type TakeBytes } from "../../io/output.ts";
import { chunksOf, reusedChunks } from "../../io/streams.ts";
import { TAR_END, tarHeader } from "../../io/tar_writer.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { withEach } from "../../oci/entries.ts";
import { asWritten, encodeJson, parseIndex } from "../../oci/manifest.ts";
import { MemoryStore } from "../memory.ts";
import { type ArchiveSource, INDEX, openArchive } from "./archive_source.ts";
import { ArchiveCollector, badArchive, blobHeader, notAnArchive, padding } from "./collector.ts";

/** What can be read of an archive that is open. */
type OpenSource = ImageStore & { readonly holds?: ((d: Descriptor) => boolean) | undefined };

/** Takes documents and small blobs, which are held in memory till {@link ArchiveAddition.close}. */
export class ArchiveAddition extends ArchiveCollector implements Source {
  /** What errors call it. */
  readonly what: string;
  /** Has what is there and what is added. */
  protected readonly documents: Source = this;
  readonly #added = new Map<string, Descriptor>();
  readonly #memory = new MemoryStore();
  /** The `index.json` that was there at first. */
  #index = "";

  /**
   * Adds nothing yet.
   *
   * @param source the archive of the path, open for as long as this is used
   */
  constructor(readonly path: string, readonly source: OpenSource) {
    super();
    this.what = source.what ?? `archive ${path}`;
  }

  /**
   * Says before any work that nothing can be added to the archive.
   *
   * @throws {KodenoError} `BAD_PLACE` for what is compressed, a pipe, or has no `index.json`
   */
  async check(): Promise<void> {
    if (!isFile(this.path)) {
      const why = "it is a pipe, to which nothing can be added";
      throw notAnArchive(this.path === "-" ? "stdin" : this.path, why, "name a file");
    }
    using archive = await openArchive(resolve(this.path));
    const { index } = await archive.aroundIndex();
    this.#index = new TextDecoder().decode(index);
  }

  /** {@inheritDoc Source.resolve} */
  async resolve(ref: string, options?: CallOptions): Promise<Descriptor> {
    return await this.source.resolve(ref, options);
  }

  /** {@inheritDoc Source.fetch} */
  async fetch(d: Descriptor, options?: CallOptions): Promise<ReadableStream<Uint8Array>> {
    const from = this.#added.has(d.digest) ? this.#memory : this.source;
    return await from.fetch(d, options);
  }

  /** {@inheritDoc Target.has} */
  override async has(descriptor: Descriptor, options?: CallOptions): Promise<boolean> {
    const isThere = (d: Descriptor) => this.#added.has(d.digest) || this.#isOld(d);
    return await isWhole(this, descriptor, isThere, options);
  }

  #isOld(d: Descriptor): boolean {
    return this.source.holds?.(d) === true;
  }

  /** {@inheritDoc ArchiveCollector.keep} What the archive keeps already is not kept again. */
  override async keep(all: readonly Descriptor[], options?: CallOptions): Promise<void> {
    const there = new Set((await this.source.entries()).map(({ digest }) => digest));
    await super.keep(all.filter(({ digest }) => !there.has(digest)), options);
  }

  /** Holds a blob, unless the archive has it. */
  protected async write(d: Descriptor, open: OpenBlob, options: CallOptions): Promise<void> {
    if (this.#isOld(d)) return;
    await this.#memory.push(d, open, options);
    this.#added.set(d.digest, d);
  }

  /**
   * Writes the archive anew, where something was added; whatever fails, it is then as it was.
   *
   * @throws {KodenoError} as {@link check}; `BAD_CONTENT` where others have changed it since then, and
   * `IO_FAILED`
   */
  async close(options: CallOptions = {}): Promise<void> {
    if (this.entries.length === 0) return;
    try {
      using archive = await openArchive(resolve(this.path));
      // A link leads to the file that is replaced.
      const { path } = await findOutput(resolve(this.path));
      await replaceFile(path, (take) => this.#writeTo(take, archive, options));
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      throw ioFailure(`write ${this.what}`, error);
    }
    await this.undo();
  }

  async #writeTo(
    take: TakeBytes,
    archive: ArchiveSource,
    { signal }: CallOptions,
  ): Promise<void> {
    const { index, before, behind } = await archive.aroundIndex();
    if (new TextDecoder().decode(index) !== this.#index) {
      throw badArchive(this.path, "others have changed it meanwhile; run it again");
    }
    for (const part of [before, undefined, behind]) {
      if (part === undefined) await takeFile(take, INDEX, this.#indexOf(index));
      else {
        const { size, open } = part;
        for await (const chunk of reusedChunks(await open(), { size, signal })) await take(chunk);
      }
    }
    for (const d of [...this.#added.values()].sort((a, b) => a.digest < b.digest ? -1 : 1)) {
      await take(blobHeader(d));
      for await (const chunk of chunksOf(await this.#memory.fetch(d), signal)) await take(chunk);
      await take(padding(d.size));
    }
    await take(TAR_END);
  }

  /** The `index.json` that was there, with what was named and kept here. */
  #indexOf(before: Uint8Array): Uint8Array {
    const index = parseIndex(before, `${INDEX} of ${this.what}`);
    const manifests = withEach(index.manifests, this.entries).map(asWritten);
    return encodeJson({ ...asWritten(index), manifests });
  }

  /** Forgets what was added. */
  undo(): Promise<void> {
    this.#added.clear();
    this.blobs.clear();
    this.entries = [];
    return Promise.resolve();
  }
}

async function takeFile(
  take: TakeBytes,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  await take(tarHeader({ type: "file", name, mode: 0o644, size: bytes.length }));
  await take(bytes);
  await take(padding(bytes.length));
}
