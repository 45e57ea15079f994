/**
 * The files of a layout: its index, its blobs, their folders, and what has to be on disk before the
 * index is.
 * @module
 */
import { join } from "node:path";
import type { CallOptions, OpenBlob } from "../../content/places.ts";
import { KodenoError } from "../../errors.ts";
import { syncDirectory, syncParent, writeFileAtomically, writeSynced } from "../../io/atomic.ts";
import { ioFailure, isNotFound } from "../../io/fail.ts";
import { openPatiently, writeAll } from "../../io/files.ts";
import { Verifier } from "../../io/hash.ts";
import { fileStream, readAll, reusedChunks } from "../../io/streams.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { digestHex, parseDigest } from "../../oci/digest.ts";
import { MAX_JSON_BYTES } from "../../oci/limits.ts";
import { encodeJson, type Index, parseIndex } from "../../oci/manifest.ts";

/** The folder of the blobs. */
export const BLOBS = join("blobs", "sha256");

/** Where a layout has a blob. */
export function blobPathIn(directory: string, { digest }: Descriptor): string {
  return join(directory, BLOBS, digestHex(parseDigest(digest)));
}

/** An index and the bytes it was read from. */
export interface IndexFile {
  readonly bytes: Uint8Array;
  readonly index: Index;
}

/**
 * Reads the index of a layout.
 *
 * @throws {KodenoError} `NOT_FOUND`, `BAD_CONTENT` when it is not an image index
 */
export async function readIndexFile(directory: string): Promise<IndexFile> {
  const what = `index.json of layout ${directory}`;
  const file = await openFileOf(directory, join(directory, "index.json"), what);
  const bytes = await readAll(fileStream(file), MAX_JSON_BYTES, what);
  return { bytes, index: parseIndex(bytes, what) };
}

/**
 * The bytes of an index with other entries; nothing when they are those it has.
 *
 * @throws {KodenoError} `BAD_PLACE` for more than could be read again
 */
export function withEntries(
  directory: string,
  { bytes, index }: IndexFile,
  manifests: readonly Descriptor[],
): Uint8Array | undefined {
  const next = encodeJson({ ...index, manifests });
  if (next.length === bytes.length && next.every((byte, i) => byte === bytes[i])) return undefined;
  if (next.length <= MAX_JSON_BYTES) return next;
  const why = `its index.json would have more than ${MAX_JSON_BYTES} bytes`;
  const help = "use another layout, or remove images with kodeno rm";
  throw new KodenoError("BAD_PLACE", `Cannot add to layout ${directory}: ${why}; ${help}`);
}

/** Replaces the index; it is on disk then. */
export async function writeIndexFile(directory: string, bytes: Uint8Array): Promise<void> {
  await writeFileAtomically(join(directory, "index.json"), directory, bytes);
}

/**
 * Writes a blob, checked while it streams: whole or not at all.
 *
 * @param path of the blob in the layout
 * @throws {KodenoError} `BAD_CONTENT`, `IO_FAILED`
 */
export async function writeBlob(
  directory: string,
  path: string,
  descriptor: Descriptor,
  open: OpenBlob,
  options: CallOptions,
): Promise<void> {
  const verifier = new Verifier(descriptor);
  const stream = await open();
  try {
    await writeSynced(path, directory, async (file) => {
      for await (const chunk of reusedChunks(stream, { size: descriptor.size, ...options })) {
        verifier.update(chunk);
        writeAll(file, chunk);
      }
      verifier.finish();
    });
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason;
    throw ioFailure(`write blob ${descriptor.digest} to layout ${directory}`, error);
  } finally {
    // When the file could not be made, nobody has read the stream.
    if (!stream.locked) await stream.cancel().catch(() => {});
  }
}

/**
 * Puts the names of blobs on disk, whoever has brought them: a power cut then takes none that an
 * entry leads to. With `all`, the folders above, too, which another process may just have made.
 */
export async function syncFolders(directory: string, all: boolean): Promise<void> {
  await syncDirectory(join(directory, BLOBS));
  if (!all) return;
  await syncDirectory(join(directory, "blobs"));
  await syncDirectory(directory);
  await syncParent(directory);
}

/** Opens a file of a layout for reading. */
export async function openFileOf(
  directory: string,
  path: string,
  what: string,
): Promise<Deno.FsFile> {
  try {
    // A pipe would be waited for.
    if ((await Deno.stat(path)).isFile) return await openPatiently(path);
  } catch (error) {
    if (!isNotFound(error)) throw ioFailure(`read ${what}`, error);
    throw new KodenoError("NOT_FOUND", `Cannot find ${what} in layout ${directory}`);
  }
  throw new KodenoError("BAD_CONTENT", `Cannot read ${what}: it is no file`);
}

/**
 * Makes sure that what is written or removed is the layout's own. One that came from elsewhere may have
 * links in the place of its folders, and what those lead to belongs to somebody else.
 *
 * @param doing what is about to be done: `write to`
 * @throws {KodenoError} `BAD_PLACE` when a folder of its blobs is a link
 */
export async function checkOwnFolders(directory: string, doing: string): Promise<void> {
  for (const folder of ["blobs", BLOBS]) {
    const info = await Deno.lstat(join(directory, folder)).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
    if (!info || info.isDirectory) continue;
    const what = info.isSymlink ? "a link that leads elsewhere" : "no folder";
    throw new KodenoError(
      "BAD_PLACE",
      `Cannot ${doing} layout ${directory}: its ${folder} is ${what}; copy the layout first`,
    );
  }
}
