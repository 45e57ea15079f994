/**
 * Byte streams from files and from memory, and reading a bounded one whole.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { type ReadableFile, readSome } from "./file_bytes.ts";
import { byteStream, type ReadInto } from "./lent.ts";

export { CHUNK_BYTES } from "./lent.ts";

/**
 * The bytes of an open file from its current place on, in chunks of up to {@link CHUNK_BYTES};
 * closes the file at the end, on error and on cancel.
 *
 * @param file a real one, as {@link readSome} needs it
 */
export function fileStream(file: ReadableFile): ReadableStream<Uint8Array> {
  const read: ReadInto = async (memory) => {
    try {
      const count = await readSome(file, memory);
      if (count === null) file.close();
      return memory.subarray(0, count ?? 0);
    } catch (error) {
      file.close();
      throw error;
    }
  };
  return byteStream(read, () => file.close());
}

/** A stream of one chunk. */
export function bytesStream(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}

/**
 * The chunks of a stream, until the signal is aborted: then the stream is cancelled, even while one
 * waits for its next chunk, and the signal's reason is thrown.
 */
export async function* chunksOf(
  stream: ReadableStream<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  const cancel = () => reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) return;
      yield value;
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    await cancel();
    reader.releaseLock();
  }
}

/**
 * Reads a stream whole.
 *
 * @param limit most bytes to hold
 * @param what names the stream in an error
 * @throws {KodenoError} `BAD_CONTENT` past the limit; the rest is not read
 */
export async function readAll(
  stream: AsyncIterable<Uint8Array>,
  limit: number,
  what: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > limit) {
      throw new KodenoError("BAD_CONTENT", `Cannot read ${what}: it is larger than ${limit} bytes`);
    }
    chunks.push(chunk);
  }
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
