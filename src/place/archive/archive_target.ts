/**
 * An archive as a place to write to. Blobs are kept in a folder beside it until all names are known,
 * since what is in an archive, and in which order, must not depend on which blob came first.
 * @module
 */
import { join } from "node:path";
import { fetchBlob } from "../../content/blobs.ts";
import { beginTransfer, type CopyOptions, type TransferMeter } from "../../content/copy.ts";
import type { Blobs, CallOptions, OpenBlob, Source } from "../../content/places.ts";
import { hasSuccessors, readGraphDocument, Walk } from "../../content/walk.ts";
import { KodenoError } from "../../errors.ts";
import {
  makeFolder,
  removeStaleTemporaries,
  renameTo,
  temporaryPath,
  throughTemporary,
} from "../../io/atomic.ts";
import { ioFailure, openWithRetry } from "../../io/files.ts";
import { checkedChunks, fileStream, reusedChunks } from "../../io/streams.ts";
import { findOutput, isStdoutTerminal, outputFolder, writeOutput } from "../../io/output.ts";
import { TAR_END } from "../../io/tar_writer.ts";
import {
  type Descriptor,
  digestAlgorithm,
  digestHex,
  isDigest,
  isForeign,
  parseDigest,
} from "../../oci/descriptor.ts";
import { findEntry, isNameless } from "../../oci/entries.ts";
import {
  ArchiveCollector,
  archiveDocuments,
  blobHeader,
  blobsFolder,
  FOLDERS,
  notAnArchive,
  padding,
} from "./collector.ts";
import { takeBlob } from "../take_blob.ts";

/** Where the blobs of an archive are till it is written. */
export interface ArchiveTargetOptions {
  /** Has all that is brought, till the end: then nothing is kept a second time. */
  readonly near?: Blobs | undefined;
}

/** Collects images and writes them as one archive by {@link ArchiveTarget.close}. */
export class ArchiveTarget extends ArchiveCollector implements Source, AsyncDisposable {
  /** Of the `.tar`; nothing is there before {@link close}. */
  readonly path: string;
  /** What errors call it. */
  readonly what: string;
  /** Where documents are read from. */
  protected readonly documents: Blobs = this;
  /** Of the blobs; none before the first. */
  #folder: Promise<string> | undefined;
  readonly #near: ArchiveTargetOptions["near"];

  /**
   * Makes an empty one.
   *
   * @param path of the `.tar`; one that is there is replaced in the end. `-` is the standard output
   */
  constructor(path: string, { near }: ArchiveTargetOptions = {}) {
    super();
    this.#near = near;
    this.path = path;
    this.what = path === "-" ? "the archive on stdout" : `archive ${path}`;
  }

  /**
   * Says before any work that an archive cannot be written there; makes nothing.
   *
   * @throws {KodenoError} `BAD_PLACE` for a folder and a terminal, `IO_FAILED`
   */
  async check(): Promise<void> {
    const { kind } = await findOutput(this.path);
    if (kind === "folder") throw notAnArchive(this.path, "it is a folder", "name a file");
    if (kind === "stdout" && isStdoutTerminal()) {
      const why = "it is a terminal; name a file, or say where it goes with > or |";
      throw new KodenoError("BAD_PLACE", `Cannot write an archive to stdout: ${why}`);
    }
  }

  /** {@inheritDoc Source.resolve} */
  // deno-lint-ignore require-await -- so that it never throws before there is a promise
  async resolve(ref: string, options: CallOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted();
    const blob = isDigest(ref) ? this.blobs.get(ref) : undefined;
    if (blob !== undefined && hasSuccessors(blob)) return blob;
    return findEntry(this.entries, ref, this.what);
  }

  /** {@inheritDoc Source.fetch} */
  async fetch(d: Descriptor, options: CallOptions = {}): Promise<ReadableStream<Uint8Array>> {
    options.signal?.throwIfAborted();
    if (this.#near !== undefined) {
      const { data } = this.blobs.get(d.digest) ?? d;
      return await fetchBlob(this.#near, { ...d, data }, options);
    }
    const digest = parseDigest(d.digest);
    const folder = this.blobs.has(digest) ? await this.#folder : undefined;
    if (folder === undefined) {
      throw new KodenoError("NOT_FOUND", `Cannot find blob ${digest} for ${this.what}`);
    }
    try {
      return fileStream(await openWithRetry(blobFile(folder, d)));
    } catch (error) {
      throw ioFailure(`read blob ${digest} for ${this.what}`, error);
    }
  }

  /** Keeps a blob in the folder. */
  protected async write(d: Descriptor, open: OpenBlob, options: CallOptions): Promise<void> {
    if (this.#near !== undefined) return;
    await takeBlob(d, open, options, async (write) => {
      const folder = await (this.#folder ??= this.#prepare());
      await throughTemporary(folder, write, renameTo(blobFile(folder, d)));
    }, async (error) => {
      const where = `${this.what}${(await outputFolder(this.path)).note}`;
      return ioFailure(`write blob ${d.digest} for ${where}`, error);
    });
  }

  /**
   * Writes the archive: the images that have a name or are kept, with all below them, sorted, so that the
   * same images give the same bytes. A file appears whole or not at all.
   *
   * @param options who is told of what is read only now, from where it is near
   * @throws {KodenoError} as {@link check}; what was collected is gone then, too
   */
  async close(
    options: CallOptions & TransferMeter & Pick<CopyOptions, "onBlob"> = {},
  ): Promise<void> {
    const { signal, onBlob } = options;
    const isNear = this.#near !== undefined;
    try {
      await this.check();
      const blobs = new Map<string, Descriptor>();
      const walk = new Walk(async (d, { below }) => {
        if (isForeign(d) && !this.blobs.has(d.digest)) return;
        blobs.set(d.digest, d);
        if (hasSuccessors(d)) await below(await readGraphDocument(this, d, options));
      }, options);
      const nameless = this.entries.filter(isNameless).sort(byDigest);
      // The others are sorted by their names.
      const entries = [...this.entries.filter((entry) => !isNameless(entry)), ...nameless];
      for (const entry of entries) await walk.from(entry);
      const documents = await archiveDocuments(this, entries, undefined, options);
      await makeFolder((await outputFolder(this.path)).folder);
      await writeOutput(this.path, { what: this.what, signal }, async (take) => {
        await take(documents);
        await take(FOLDERS);
        const isOther = ({ digest }: Descriptor) => digestAlgorithm(digest) === "sha512";
        if (blobs.values().some(isOther)) await take(blobsFolder("sha512"));
        for (const d of [...blobs.values()].sort(byDigest)) {
          const open = () => this.fetch(d, options);
          const transfer = isNear ? beginTransfer(d, open, options) : undefined;
          // Whatever fails from here on, the chunks let go of their stream.
          await take(blobHeader(d));
          const stream = await (transfer?.open ?? open)();
          const chunks = isNear
            ? checkedChunks(stream, d, { signal })
            : reusedChunks(stream, { size: d.size, signal });
          for await (const chunk of chunks) await take(chunk);
          await take(padding(d.size));
          if (transfer?.done()) onBlob?.(d, true);
        }
        await take(TAR_END);
      });
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw ioFailure(`write ${this.what}`, error);
    } finally {
      await this.undo();
    }
  }

  /** Drops what was collected and not written. */
  async undo(): Promise<void> {
    this.blobs.clear();
    this.entries = [];
    const preparing = this.#folder;
    this.#folder = undefined;
    const folder = await preparing?.catch(() => undefined);
    if (folder !== undefined) await Deno.remove(folder, { recursive: true }).catch(() => {});
  }

  /** As {@link undo}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.undo();
  }

  /** Makes the folder of the blobs, where there is no other one of a process that was killed then. */
  async #prepare(): Promise<string> {
    const { folder: beside } = await outputFolder(this.path);
    await makeFolder(beside);
    const folder = temporaryPath(beside);
    await Deno.mkdir(folder, { recursive: true });
    await removeStaleTemporaries(beside);
    return folder;
  }
}

const byDigest = (a: Descriptor, b: Descriptor): number => a.digest < b.digest ? -1 : 1;

function blobFile(folder: string, descriptor: Descriptor): string {
  return join(folder, digestHex(parseDigest(descriptor.digest)));
}
