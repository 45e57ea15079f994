/**
 * A layer as a value, and writing one: tar, sha256, gzip and sha256 again in one pass over the
 * bytes, in constant memory (OCI image spec 1.1, layer.md).
 * @module
 */
import type { Stats } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate } from "node:timers/promises";
import { constants, createGzip, createZstdCompress } from "node:zlib";
import { KodenoError } from "../errors.ts";
import {
  type FileIdentity,
  identityFrom,
  ioFailure,
  openRegularFile,
  writeAll,
} from "../io/files.ts";
import { Hasher } from "../io/hash.ts";
import { CHUNK_BYTES, fileStream } from "../io/streams.ts";
import { TAR_END, type TarEntry, tarHeader, tarPadding } from "../io/tar_writer.ts";
import { type Descriptor, type Digest, MediaType } from "../oci/descriptor.ts";

export interface Layer {
  readonly descriptor: Descriptor;
  /** Digest of the uncompressed tar, as an image config names it. */
  readonly diffId: Digest;
  readonly open: (
    options?: { readonly signal?: AbortSignal | undefined },
  ) => Promise<ReadableStream<Uint8Array>>;
}

/** How a layer is compressed; `level` is zlib's, 1 to 9, or that of zstd, 1 to 19. */
export type LayerCompression =
  | { readonly type: "gzip" | "zstd"; readonly level: number }
  | { readonly type: "none" };

/** One entry of a layer's tar with where its content comes from. */
export interface LayerEntry {
  readonly entry: TarEntry;
  /** The content: bytes at hand, or the path of a file of exactly `entry.size` bytes. */
  readonly content?: Uint8Array | string;
  /** Which file it has to be, and in which state, where that is known. */
  readonly identity?: FileIdentity;
  /** What the content of a file has to be, where that is known. */
  readonly digest?: Digest;
}

/** A layer to be written, before any content is read: enough to find it in the cache. */
export interface LayerPlan {
  /** Everything that shapes the bytes but the compression; JSON values. */
  readonly key: readonly unknown[];
  readonly entries: readonly LayerEntry[];
  readonly bytes: number;
  /** Whether the files have been at rest: one that was written just now may be written again. */
  readonly settled: boolean;
}

export type WrittenLayer =
  & Pick<Descriptor, "mediaType" | "digest" | "size">
  & Pick<Layer, "diffId">;

export interface WriteLayerOptions {
  readonly compression: LayerCompression;
  readonly signal?: AbortSignal | undefined;
  /** Told the uncompressed bytes so far, once per chunk. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** Writes a layer to an open file. A file that changes meanwhile is `BAD_SOURCE_FILE`. */
export async function writeLayer(
  file: Deno.FsFile,
  entries: Iterable<LayerEntry>,
  { compression, signal, onBytes }: WriteLayerOptions,
): Promise<WrittenLayer> {
  const plain = new Hasher();
  const packed = compression.type === "none" ? plain : new Hasher();
  const packer = packerOf(compression);
  async function* tar(): AsyncGenerator<Uint8Array> {
    for await (const chunk of tarChunks(entries)) {
      plain.update(chunk);
      onBytes?.(plain.bytes);
      yield chunk;
    }
    // zlib's level 1 writes its end in another way when it learns of it together with the last
    // bytes, and zstd of few bytes its beginning. Whether they would is a matter of timing, so they
    // always learn of it afterwards.
    while (packer && packer.bytesWritten < plain.bytes && !packer.destroyed) await setImmediate();
  }
  let failure: unknown;
  async function store(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) {
      if (packed !== plain) packed.update(chunk);
      try {
        writeAll(file, chunk);
      } catch (error) {
        // Leaving the loop ends the stream early, and pipeline() would tell of that alone.
        failure = error;
        throw error;
      }
    }
  }
  const options = signal ? { signal } : {};
  const source = Readable.from(tar(), { objectMode: true, highWaterMark: 1 });
  try {
    if (packer === undefined) await pipeline(source, store, options);
    else await pipeline(source, packer, store, options);
  } catch (error) {
    throw failure ?? error;
  }
  const diffId = plain.digest();
  return {
    mediaType: MEDIA_TYPES[compression.type],
    digest: packed === plain ? diffId : packed.digest(),
    size: packed.bytes,
    diffId,
  };
}

const MEDIA_TYPES = {
  none: MediaType.layer,
  gzip: MediaType.layerGzip,
  zstd: MediaType.layerZstd,
} as const;

function packerOf(compression: LayerCompression) {
  if (compression.type === "none") return undefined;
  const { type, level } = compression;
  if (type === "gzip") return createGzip({ level, chunkSize: CHUNK_BYTES });
  const params = { [constants.ZSTD_c_compressionLevel]: level };
  return createZstdCompress({ params, chunkSize: CHUNK_BYTES });
}

/** The bytes of a tar, headers and contents, in chunks that gzip takes well. */
async function* tarChunks(entries: Iterable<LayerEntry>): AsyncGenerator<Uint8Array> {
  for (const one of entries) {
    const { entry, content } = one;
    yield tarHeader(entry);
    if (content === undefined) continue;
    if (typeof content === "string") yield* fileChunks(content, one);
    else yield content;
    const padding = tarPadding(entry.size ?? 0);
    if (padding > 0) yield TAR_END.subarray(0, padding);
  }
  yield TAR_END;
}

async function* fileChunks(path: string, { entry, identity, digest }: LayerEntry) {
  const meter = digest === undefined ? undefined : new Hasher();
  let left = entry.size ?? 0;
  try {
    const file = openRegularFile(path);
    if (file === undefined || !isSame(file.stat(), identity)) {
      file?.close();
      throw changed(path);
    }
    for await (const chunk of fileStream(file)) {
      left -= chunk.length;
      if (left < 0) throw changed(path);
      meter?.update(chunk);
      yield chunk;
    }
  } catch (error) {
    throw ioFailure(`read ${path}`, error);
  }
  if (left !== 0) throw changed(path);
  if (meter === undefined || meter.digest() === digest) return;
  const why = "its content is not what was written there; run it again";
  throw new KodenoError("BAD_CONTENT", `Cannot put ${path} into a layer: ${why}`);
}

/** Whether an open file is the one that was planned, and was not written to since. */
function isSame(info: Stats, identity: FileIdentity | undefined): boolean {
  if (identity === undefined) return true;
  const { inode, modified } = identityFrom(identity.path, info);
  return inode === identity.inode && modified === identity.modified;
}

function changed(path: string): KodenoError {
  const why = "it changed while it was read; run it again";
  return new KodenoError("BAD_SOURCE_FILE", `Cannot put ${path} into a layer: ${why}`);
}
