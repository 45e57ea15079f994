/**
 * An archive as a place to write to. Blobs are kept in a folder beside it until all names are known,
 * since what is in an archive, and in which order, must not depend on which blob came first.
 * @module
 */
import { join } from "node:path";
import { isWhole } from "../../content/walk.ts";
import type { CallOptions, OpenBlob, Place, Source } from "../../content/places.ts";
import { hasSuccessors } from "../../content/successors.ts";
import { KodenoError } from "../../errors.ts";
import { makeFolder, removeStaleTemporaries, temporaryPath } from "../../io/atomic.ts";
import { ioFailure } from "../../io/fail.ts";
import { Verifier } from "../../io/hash.ts";
import { SingleFlight } from "../../io/work.ts";
import { fileStream, reusedChunks } from "../../io/streams.ts";
import { openPatiently, writeAll } from "../../io/files.ts";
import { outputFolder, outputFolderNote } from "../../io/output.ts";
import { bareDescriptor, type Descriptor } from "../../oci/descriptor.ts";
import { digestHex, isDigest, parseDigest } from "../../oci/digest.ts";
import { entryName, findEntry, namedEntry, withEntry } from "../../oci/entries.ts";
import { archiveName, type ArchiveOptions, checkArchive, writeArchive } from "./archive_writer.ts";
import type { ArchiveEntry } from "./plan.ts";

/**
 * Collects images and writes them as one archive by {@link ArchiveTarget.close}. To write what one
 * source has, {@link writeArchive} needs no second copy of it.
 */
export class ArchiveTarget implements Source, Place, AsyncDisposable {
  /** Of the `.tar`; nothing is there before {@link close}. */
  readonly path: string;
  /** Of the blobs; none before the first. */
  #folder: string | undefined;
  readonly #blobs = new Map<string, Descriptor>();
  readonly #pushing = new SingleFlight();
  #prepared: Promise<string> | undefined;
  #entries: readonly Descriptor[] = [];

  /**
   * Makes an empty one.
   *
   * @param path of the `.tar`; one that is there is replaced in the end. `-` is the standard output
   */
  constructor(path: string) {
    this.path = path;
  }

  /** Says before any work that the archive cannot be written there; see {@link checkArchive}. */
  async check(): Promise<void> {
    await checkArchive(this.path);
  }

  /** {@inheritDoc Source.resolve} */
  // deno-lint-ignore require-await -- so that it never throws before there is a promise
  async resolve(ref: string, options: CallOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted();
    const blob = isDigest(ref) ? this.#blobs.get(ref) : undefined;
    if (blob !== undefined && hasSuccessors(blob)) return blob;
    return findEntry(this.#entries, ref, `archive ${this.path}`);
  }

  /** {@inheritDoc Source.fetch} */
  async fetch(
    descriptor: Descriptor,
    options: CallOptions = {},
  ): Promise<ReadableStream<Uint8Array>> {
    options.signal?.throwIfAborted();
    const digest = parseDigest(descriptor.digest);
    if (!this.#blobs.has(digest) || this.#folder === undefined) {
      throw new KodenoError("NOT_FOUND", `Cannot find blob ${digest} for archive ${this.path}`);
    }
    try {
      return fileStream(await openPatiently(blobFile(this.#folder, descriptor)));
    } catch (error) {
      throw ioFailure(`read blob ${digest} for archive ${this.path}`, error);
    }
  }

  /** {@inheritDoc Target.has} */
  async has(descriptor: Descriptor, options: CallOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    const isThere = (d: Descriptor) => this.#blobs.get(d.digest)?.size === d.size;
    return await isWhole(this, descriptor, isThere, options);
  }

  /** {@inheritDoc Target.push} */
  async push(descriptor: Descriptor, open: OpenBlob, options: CallOptions = {}): Promise<void> {
    // Images that are copied side by side share a base: its layers are written once.
    await this.#pushing.do(descriptor.digest, () => this.#write(descriptor, open, options));
  }

  async #write(descriptor: Descriptor, open: OpenBlob, options: CallOptions): Promise<void> {
    options.signal?.throwIfAborted();
    if (this.#blobs.has(descriptor.digest)) return;
    const verifier = new Verifier(descriptor);
    const stream = await open();
    let path: string | undefined;
    try {
      const folder = await (this.#prepared ??= this.#prepare());
      path = blobFile(folder, descriptor);
      const file = await openPatiently(path, { write: true, create: true, truncate: true });
      try {
        for await (const chunk of reusedChunks(stream, { size: descriptor.size, ...options })) {
          verifier.update(chunk);
          writeAll(file, chunk);
        }
      } finally {
        file.close();
      }
      verifier.finish();
      this.#blobs.set(descriptor.digest, bareDescriptor(descriptor));
    } catch (error) {
      // A blob counts once it is in the map, which has none of this digest yet.
      if (path !== undefined) await Deno.remove(path).catch(() => {});
      if (options.signal?.aborted) throw options.signal.reason;
      const where = `${archiveName(this.path)}${await outputFolderNote(this.path)}`;
      throw ioFailure(`write blob ${descriptor.digest} for ${where}`, error);
    } finally {
      // When the file could not be made, nobody has read the stream.
      if (!stream.locked) await stream.cancel().catch(() => {});
    }
  }

  /** {@inheritDoc Target.tag} */
  async tag(descriptor: Descriptor, ref: string, options: CallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const entry = namedEntry(descriptor, ref);
    if (!(await this.has(descriptor, options))) {
      const why = "it was not brought there, or not whole";
      throw new KodenoError(
        "NOT_FOUND",
        `Cannot tag ${descriptor.digest} in archive ${this.path}: ${why}`,
      );
    }
    this.#entries = withEntry(this.#entries, entry);
  }

  /**
   * Has the archive list a manifest without a name, as what refers to an image (a signature, an SBOM);
   * it is found by its digest.
   *
   * @throws {KodenoError} `NOT_FOUND` when it was not brought there
   */
  async keep(descriptor: Descriptor, options: CallOptions = {}): Promise<void> {
    if (!(await this.has(descriptor, options))) {
      throw new KodenoError(
        "NOT_FOUND",
        `Cannot keep ${descriptor.digest} in archive ${this.path}: it was not brought there`,
      );
    }
    if (this.#entries.some(({ digest }) => digest === descriptor.digest)) return;
    this.#entries = [...this.#entries, bareDescriptor(descriptor)];
  }

  /**
   * Writes the archive: the images that have a name or are kept, with all below them.
   *
   * @returns bytes of the file
   * @throws {KodenoError} as {@link writeArchive}; what was collected is gone then, too
   */
  async close(options: ArchiveOptions = {}): Promise<number> {
    const entries = this.#entries.map((descriptor): ArchiveEntry => {
      const name = entryName(descriptor);
      return { descriptor, names: name === undefined ? [] : [name] };
    });
    try {
      return await writeArchive(this.path, this, entries, options);
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  /** Drops what was collected and not written. */
  async undo(): Promise<void> {
    await this[Symbol.asyncDispose]();
  }

  /** {@link undo}. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#blobs.clear();
    this.#entries = [];
    this.#prepared = undefined;
    const folder = this.#folder;
    this.#folder = undefined;
    if (folder !== undefined) await Deno.remove(folder, { recursive: true }).catch(() => {});
  }

  /** Makes the folder of the blobs, where there is no other one of a process that was killed then. */
  async #prepare(): Promise<string> {
    const beside = await outputFolder(this.path);
    await makeFolder(beside);
    this.#folder = temporaryPath(beside);
    await Deno.mkdir(this.#folder, { recursive: true });
    await removeStaleTemporaries(beside);
    return this.#folder;
  }
}

function blobFile(folder: string, descriptor: Descriptor): string {
  return join(folder, digestHex(parseDigest(descriptor.digest)));
}
