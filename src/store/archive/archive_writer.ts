/**
 * Writes an archive in one pass: at once an OCI layout (OCI image spec 1.1, image-layout.md) and what
 * `docker load` reads. The same images give the same bytes.
 * @module
 */
import { dirname } from "node:path";
import type { CallOptions, Source } from "../../content/places.ts";
import { removeStaleTemporaries, writeAtomically } from "../../io/atomic.ts";
import { makeFolder } from "../../io/durable.ts";
import { ioFailure } from "../../io/fail.ts";
import { Verifier } from "../../io/hash.ts";
import { writeAll } from "../../io/file_bytes.ts";
import { bytesStream, chunksOf } from "../../io/streams.ts";
import { TAR_END, tarHeader, tarPadding } from "../../io/tar_writer.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { PlatformSpec } from "../../oci/platform.ts";
import { notAnArchive } from "./failure.ts";
import { type ArchiveEntry, type ArchivePlan, blobPath, planArchive } from "./plan.ts";

const FOLDERS = ["blobs/", "blobs/sha256/"];

/** How an archive is written. */
export interface ArchiveOptions extends CallOptions {
  /**
   * Which image of several platforms a Docker daemon takes that takes only one: `linux/amd64`, then
   * any of Linux, then the first unless given. All of them are in the archive.
   */
  readonly platform?: PlatformSpec | undefined;
  /** Told of each blob, after it was written. */
  readonly onBlob?: ((descriptor: Descriptor) => void) | undefined;
}

/** An archive that is about to be sent or written. */
export interface ArchiveStream {
  /** Bytes, all in all. */
  readonly size: number;
  /** Makes them; each blob is read from the source and checked while it passes. */
  chunks(): AsyncGenerator<Uint8Array>;
}

/**
 * Prepares an archive: reads the manifests, so that its size is known.
 *
 * @throws {KodenoError} `BAD_CONTENT`, `NOT_FOUND`, `BAD_REFERENCE` for an unusable name
 */
export async function archiveStream(
  source: Pick<Source, "fetch">,
  entries: readonly ArchiveEntry[],
  options: ArchiveOptions = {},
): Promise<ArchiveStream> {
  const plan = await planArchive(source, entries, options.platform, options);
  const files: [name: string, size: number][] = [
    ...plan.documents.map(([name, bytes]): [string, number] => [name, bytes.length]),
    ...plan.blobs.map((d): [string, number] => [blobPath(d), d.size]),
  ];
  let size = TAR_END.length;
  for (const name of FOLDERS) size += folderHeader(name).length;
  for (const [name, length] of files) {
    size += fileHeader(name, length).length + length + tarPadding(length);
  }
  return { size, chunks: () => archiveChunks(source, plan, options) };
}

/**
 * Writes an archive of images to a file, which appears whole or not at all.
 *
 * @param path of the `.tar`; folders above it are made
 * @param source has the images
 * @param entries the images, in any order
 * @returns bytes of the file
 * @throws {KodenoError} `BAD_CONTENT`, `NOT_FOUND`, `BAD_REFERENCE` for an unusable name,
 * `BAD_PLACE` when the path is a folder, `IO_FAILED`
 */
export async function writeArchive(
  path: string,
  source: Pick<Source, "fetch">,
  entries: readonly ArchiveEntry[],
  options: ArchiveOptions = {},
): Promise<number> {
  options.signal?.throwIfAborted();
  const archive = await archiveStream(source, entries, options);
  const folder = dirname(path);
  try {
    if (await isFolder(path)) throw notAnArchive(path, "it is a folder", "name a file");
    await makeFolder(folder);
    await removeStaleTemporaries(folder);
    await writeAtomically(path, folder, async (file) => {
      for await (const chunk of archive.chunks()) writeAll(file, chunk);
    });
    return archive.size;
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason;
    throw ioFailure(`write archive ${path}`, error);
  }
}

async function* archiveChunks(
  source: Pick<Source, "fetch">,
  plan: ArchivePlan,
  options: ArchiveOptions,
): AsyncGenerator<Uint8Array> {
  for (const [name, bytes] of plan.documents) {
    yield fileHeader(name, bytes.length);
    yield bytes;
    yield* padding(bytes.length);
  }
  for (const name of FOLDERS) yield folderHeader(name);
  for (const descriptor of plan.blobs) {
    options.signal?.throwIfAborted();
    const kept = plan.kept.get(descriptor.digest);
    const stream = kept ? bytesStream(kept) : await source.fetch(descriptor, options);
    const verifier = new Verifier(descriptor);
    yield fileHeader(blobPath(descriptor), descriptor.size);
    for await (const chunk of chunksOf(stream, options.signal)) {
      verifier.update(chunk);
      yield chunk;
    }
    verifier.finish();
    yield* padding(descriptor.size);
    options.onBlob?.(descriptor);
  }
  yield TAR_END;
}

function* padding(size: number): Generator<Uint8Array> {
  const length = tarPadding(size);
  if (length > 0) yield new Uint8Array(length);
}

function fileHeader(name: string, size: number): Uint8Array {
  return tarHeader({ type: "file", name, mode: 0o644, size });
}

function folderHeader(name: string): Uint8Array {
  return tarHeader({ type: "dir", name, mode: 0o755 });
}

async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isDirectory, () => false);
}
