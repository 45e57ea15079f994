/**
 * The entries of a layer, one after the other while it is unpacked; nothing of it is kept.
 * @module
 */
import { Buffer } from "node:buffer";
import { KodenoError, messageOf } from "../errors.ts";
import { gunzipEach } from "../io/gunzip.ts";
import { CHUNK_BYTES, chunksOf } from "../io/streams.ts";
import { type Descriptor, ociMediaType } from "../oci/descriptor.ts";

/** More than what a program is linked to lies behind, unpacked. */
const MOST_BYTES = 8 * 1024 ** 3;
const END = new Error("no more is wanted");

/** An entry as its header tells of it. */
interface LayerEntryHead {
  readonly path: string;
  /** Whether it is a plain file, and no folder or link. */
  readonly isFile: boolean;
}

/** Takes the content of a file; chunks hold only while they are taken. */
interface ContentTaker {
  write(chunk: Uint8Array): void;
  end(): void;
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
  signal?: AbortSignal,
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
      const taker = take({ path, isFile });
      if (taker === "end") goesOn = false;
      else if (taker !== undefined) takers.set(entry, taker);
      return typeof taker === "object";
    },
    onReadEntry: (entry) => {
      const taker = takers.get(entry);
      entry.on("data", (chunk) => taker?.write(chunk));
      entry.on("end", () => taker?.end());
    },
  });
  const see = (chunk: Uint8Array): void => {
    length += chunk.length;
    if (length > MOST_BYTES) throw new Error("it is too large");
    parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    if (!goesOn) throw END;
  };
  const chunks = chunksOf(stream, signal);
  try {
    const type = ociMediaType(layer.mediaType);
    if (type.endsWith("+zstd")) throw new Error("it is packed with zstd");
    if (type.endsWith("gzip")) await gunzipEach(chunks, see, { chunkSize: CHUNK_BYTES, signal });
    else for await (const chunk of chunks) see(chunk);
  } catch (error) {
    signal?.throwIfAborted();
    if (error === END) return;
    if (error instanceof KodenoError) throw error;
    const message = `Cannot unpack layer ${layer.digest}: ${messageOf(error)}`;
    throw new KodenoError("BAD_CONTENT", message, { digest: layer.digest }, { cause: error });
  } finally {
    await chunks.return(undefined);
  }
}
