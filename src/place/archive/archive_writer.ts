/**
 * Writes an archive in one pass: at once an OCI layout (OCI image spec 1.1, image-layout.md) and what
 * `docker load` reads. The same images give the same bytes.
 * @module
 */
import type { CallOptions, Source } from "../../content/places.ts";
import { KodenoError } from "../../errors.ts";
import type { Emit } from "../../events.ts";
import { makeFolder } from "../../io/atomic.ts";
import { ioFailure } from "../../io/fail.ts";
import { Verifier } from "../../io/hash.ts";
import { findOutput, isStdoutTerminal, outputFolder, writeOutput } from "../../io/output.ts";
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
  /** Told of what goes in without what belongs to it, since nobody can tell what that is. */
  readonly emit?: Emit | undefined;
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
 * Writes an archive of images. A file appears whole or not at all; see {@link writeOutput}.
 *
 * @param path of the `.tar`, folders above it are made; `-` is the standard output
 * @param source has the images
 * @param entries the images, in any order
 * @returns bytes of the archive
 * @throws {KodenoError} `BAD_CONTENT`, `NOT_FOUND`, `BAD_REFERENCE` for an unusable name,
 * `BAD_PLACE` as {@link checkArchive}, `IO_FAILED`
 */
export async function writeArchive(
  path: string,
  source: Pick<Source, "fetch">,
  entries: readonly ArchiveEntry[],
  options: ArchiveOptions = {},
): Promise<number> {
  const { signal } = options;
  signal?.throwIfAborted();
  await checkArchive(path);
  const archive = await archiveStream(source, entries, options);
  const what = archiveName(path);
  const folder = await outputFolder(path);
  try {
    await makeFolder(folder);
  } catch (error) {
    throw ioFailure(`make folder ${folder}`, error);
  }
  await writeOutput(path, { what, signal }, async (take) => {
    for await (const chunk of archive.chunks()) await take(chunk);
  });
  return archive.size;
}

/**
 * Says before any work that an archive cannot be written to a path; makes nothing.
 *
 * @throws {KodenoError} `BAD_PLACE` for a folder and a terminal, `IO_FAILED`
 */
export async function checkArchive(path: string): Promise<void> {
  const { kind } = await findOutput(path);
  if (kind === "folder") throw notAnArchive(path, "it is a folder", "name a file");
  if (kind === "stdout" && isStdoutTerminal()) {
    const why = "it is a terminal; name a file, or say where it goes with > or |";
    throw new KodenoError("BAD_PLACE", `Cannot write an archive to stdout: ${why}`);
  }
}

/** An archive in errors. */
export function archiveName(path: string): string {
  return path === "-" ? "the archive on stdout" : `archive ${path}`;
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
