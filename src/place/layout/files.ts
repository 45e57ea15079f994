/**
 * The files of a layout: opening one, its index, and what has to be on disk before the index is.
 * @module
 */
import { join } from "node:path";
import { KodenoError } from "../../errors.ts";
import { syncDirectory, syncParent, writeFileAtomically } from "../../io/atomic.ts";
import { ioFailure, isNotFound } from "../../io/fail.ts";
import { openPatiently } from "../../io/files.ts";
import { fileStream, readAll } from "../../io/streams.ts";
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
  if (sameBytes(bytes, next)) return undefined;
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

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
