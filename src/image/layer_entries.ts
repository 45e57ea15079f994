/**
 * The entries of a layer, one after the other while it is unpacked; nothing of it is kept.
 * @module
 */
import { Buffer } from "node:buffer";
import { fetchBlob } from "../content/blobs.ts";
import type { Blobs } from "../content/places.ts";
import { KodenoError, messageOf } from "../errors.ts";
import { compressionOf } from "../io/compression.ts";
import { gunzipEach } from "../io/gunzip.ts";
import { Verifier } from "../io/hash.ts";
import { CHUNK_BYTES, observed, reusedChunks } from "../io/streams.ts";
import { type Descriptor, ociMediaType } from "../oci/descriptor.ts";

/** More than what a program is linked to lies behind, unpacked. */
const MOST_BYTES = 8 * 1024 ** 3;
const KEPT_BYTES = 4 * CHUNK_BYTES;
const END = new Error("no more is wanted");

/** An entry as its header tells of it. */
export interface LayerEntryHead {
  readonly path: string;
  /** Whether it is a plain file, and no folder or link. */
  readonly isFile: boolean;
  /** As the library calls it: `File`, `Directory`, `SymbolicLink`, `Link`, `FIFO` and others. */
  readonly type: string;
  readonly size: number;
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly uname: string | undefined;
  readonly gname: string | undefined;
  readonly mtime: Date | undefined;
  readonly linkpath: string | undefined;
  readonly devmaj: number | undefined;
  readonly devmin: number | undefined;
}

/** Takes the content of a file; chunks hold only while they are taken. */
interface ContentTaker {
  write(chunk: Uint8Array): void;
  end(): void;
}

export interface LayerReading {
  readonly signal?: AbortSignal | undefined;
  /** Has the foreign layers that the place lacks. */
  readonly foreign?: Blobs | undefined;
}

interface EachOptions extends LayerReading {
  /** Sees the whole of what was packed. */
  readonly unpacked?: ((chunk: Uint8Array) => void) | undefined;
  /** Told of what is passed over, since it is no entry. */
  readonly odd?: ((why: string) => void) | undefined;
}

/**
 * Tells of each entry of a layer. What `take` gives gets the content of that entry; `end` has nothing
 * more be read, and nobody then knows whether the layer is whole.
 *
 * @throws {KodenoError} `BAD_CONTENT` for a layer that cannot be unpacked, and what reading it gives
 */
export async function eachEntry(
  layer: Descriptor,
  stream: ReadableStream<Uint8Array>,
  take: (entry: LayerEntryHead) => ContentTaker | "end" | undefined,
  { signal, unpacked, odd }: EachOptions = {},
): Promise<void> {
  // Only who looks into layers waits for its code.
  const { Parser } = await import("../npm/tar_parser.ts");
  let goesOn = true;
  let length = 0;
  const takers = new WeakMap<object, ContentTaker>();
  const parser = new Parser({
    filter: (path, entry) => {
      if (!goesOn || !("type" in entry)) return false;
      const isFile = entry.type === "File" || entry.type === "OldFile";
      const { type, size = 0, mode, uid, gid, uname, gname, mtime, linkpath } = entry;
      const { devmaj, devmin } = entry.header;
      const head = { mode, uid, gid, uname, gname, mtime, linkpath, devmaj, devmin };
      const taker = take({ path, isFile, type, size, ...head });
      if (taker === "end") goesOn = false;
      else if (taker !== undefined) takers.set(entry, taker);
      return typeof taker === "object";
    },
    onReadEntry: (entry) => {
      const taker = takers.get(entry);
      entry.on("data", (chunk) => taker?.write(chunk));
      entry.on("end", () => taker?.end());
    },
    onwarn: (_, why) => {
      const text = messageOf(why);
      if (text.startsWith("Truncated")) throw new Error("its tar ends too early");
      odd?.(text);
    },
  });
  // What stands behind the end of a tar is nobody's.
  let isEnded = false;
  parser.on("eof", () => isEnded = true);
  const see = (chunk: Uint8Array): void => {
    length += chunk.length;
    if (length > MOST_BYTES) throw new Error("it is too large");
    unpacked?.(chunk);
    if (isEnded) return;
    parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    if (!goesOn) throw END;
  };
  try {
    await unpackEach(layer, stream, see, signal);
    if (!isEnded) parser.end();
  } catch (error) {
    signal?.throwIfAborted();
    if (error !== END) throw unpackFailure(layer, error);
  }
}

/**
 * Unpacks a layer, and hands it on; the next comes when it is taken, and may be in the same memory. How it
 * is packed, its bytes tell before its media type does.
 */
export async function unpackEach(
  layer: Descriptor,
  stream: ReadableStream<Uint8Array>,
  take: (chunk: Uint8Array) => Promise<void> | void,
  signal?: AbortSignal,
): Promise<void> {
  // What is packed waits for its turn, and the reader of tars keeps the end of a chunk till the next.
  const chunks = reusedChunks(stream, { size: layer.size, keep: KEPT_BYTES, signal });
  try {
    const first = (await chunks.next()).value ?? new Uint8Array(0);
    const [, said] = /(gzip|zstd)$/.exec(ociMediaType(layer.mediaType)) ?? [];
    const packing = compressionOf(first)?.name ?? said;
    const all = chain([first], chunks);
    if (packing === "gzip") await gunzipEach(all, take, { chunkSize: CHUNK_BYTES, signal });
    // Few layers are of zstd, and only who has one waits for its code.
    else if (packing === "zstd") await (await import("../io/unzstd.ts")).unzstdEach(all, take);
    else if (packing !== undefined) throw new Error(`it is packed with ${packing}`);
    else for await (const chunk of all) await take(chunk);
  } finally {
    await chunks.return(undefined);
  }
}

/** What is thrown of a layer that cannot be unpacked. */
export function unpackFailure(layer: Descriptor, error: unknown): KodenoError {
  if (error instanceof KodenoError) return error;
  const message = `Cannot unpack layer ${layer.digest}: ${messageOf(error)}`;
  return new KodenoError("BAD_CONTENT", message, { digest: layer.digest }, { cause: error });
}

/** {@link eachEntry} of a layer in a place, which is read to its end, and has to be what its digest says. */
export async function readLayer(
  source: Blobs,
  layer: Descriptor,
  take: (entry: LayerEntryHead) => ContentTaker | undefined,
  options: EachOptions = {},
): Promise<void> {
  const verifier = new Verifier(layer, source.what);
  const stream = await fetchBlob(source, layer, options);
  await eachEntry(layer, observed(stream, (chunk) => verifier.update(chunk)), take, options);
  verifier.finish();
}

async function* chain<T>(before: Iterable<T>, rest: AsyncIterable<T>): AsyncGenerator<T> {
  yield* before;
  yield* rest;
}
